// The form of a channel.

import { ask } from './api.js';
import { field, openForm } from './dialog.js';
import { element, replace } from './element.js';
import { tell } from './toast.js';

const KINDS = { webhook: 'Webhook, signed', slack: 'Slack, or compatible', alertmanager: 'Alertmanager', email: 'E-mail' };
const SECRETS = {
  webhook: 'The key of the signature', slack: 'The URL, if it is to be secret', alertmanager: 'The password, if it has one',
  email: 'The password of the mail server',
};

const SEVERITIES = { '': 'Every severity', critical: 'Critical only', warning: 'Warnings only' };

/**
 * Opens the form.
 * @param {any | null} channel The channel to change, as the API describes it; null: a new one.
 * @param {(channel: any) => void} done Called with the stored channel.
 */
export function openChannelForm(channel, done) {
  const target = channel?.target ?? { to: [] };
  const text = (name, value, more = {}) => element('input', { name, value: value ?? '', maxlength: 4000, ...more });
  const choice = (name, chosen, words) => element('select', { name },
    Object.entries(words).map(([value, word]) => element('option', { value, selected: value === chosen }, word)));
  const kind = choice('kind', channel?.kind ?? 'webhook', KINDS);
  kind.disabled = channel !== null;
  const place = element('div', { class: 'form' });
  const controls = {
    name: text('name', channel?.name, { required: true, maxlength: 100 }),
    url: text('url', target.url, { type: 'url', placeholder: 'https://…' }),
    username: text('username', target.username, { autocomplete: 'off' }),
    host: text('host', target.host),
    port: text('port', target.port, { type: 'number', min: 1, max: 65535 }),
    security: choice('security', target.security ?? 'starttls', { starttls: 'STARTTLS', tls: 'TLS', plain: 'None' }),
    from: text('from', target.from),
    to: text('to', target.to.join(', '), { placeholder: 'one@example.org, two@example.org' }),
    secret: text('secret', '', { type: 'password', autocomplete: 'new-password' }),
    severity: choice('severity', channel?.severities.length === 1 ? channel.severities[0] : '', SEVERITIES),
    checks: text('checks', channel?.checks.join(', '), { placeholder: 'Every check, or disk_full, xid_age' }),
    labels: text('labels', channel?.labels.join(', '), { placeholder: 'Every server, or env=production' }),
    rate: text('rate', channel?.messages_per_minute ?? 3, { type: 'number', min: 1, required: true }),
  };
  const showPlace = () => {
    const isMail = kind.value === 'email';
    controls.url.required = kind.value === 'webhook' || kind.value === 'alertmanager';
    replace(place, isMail
      ? [field('Mail server', controls.host), field('Port', controls.port, 'Empty: the usual one'), field('Encryption', controls.security),
        field('From', controls.from), field('To', controls.to), field('User', controls.username)]
      : [field('URL', controls.url), kind.value === 'alertmanager' && field('User', controls.username)],
    field('Secret', controls.secret,
      `${SECRETS[kind.value]}. It is stored encrypted and never shown.${channel?.has_secret ? ' Empty: it stays as it is.' : ''}`));
  };
  kind.addEventListener('change', showPlace);
  showPlace();
  openForm({
    title: channel ? `Change ${channel.name}` : 'New channel',
    action: channel ? 'Save' : 'Make the channel',
    fields: [
      field('Name', controls.name), field('Kind', kind), place, field('Severity', controls.severity), field('Checks', controls.checks),
      field('Labels', controls.labels), field('Messages a minute', controls.rate, 'The last of them sums up what exceeds it'),
    ],
    async submit() {
      const body = bodyOf(controls, kind.value, target);
      const stored = channel ? await ask({ path: `channels/${channel.id}`, method: 'PATCH', body })
        : await ask({ path: 'channels', method: 'POST', body: { ...body, kind: kind.value } });
      tell(channel ? 'The channel is changed.' : 'The channel is made. Send a test to it.');
      done(stored);
    },
  });
}

function bodyOf(controls, kind, before) {
  const items = (control) => control.value.split(',').map((item) => item.trim()).filter(Boolean);
  const { host, port, from, url, username } = controls;
  // What the form does not show stays as it was.
  const kept = { ca_file: before.ca_file ?? null, secret_file: before.secret_file ?? null, username: username.value || null };
  const target = kind === 'email'
    ? {
      ...kept, host: host.value, port: port.value ? Number(port.value) : null, security: controls.security.value, from: from.value,
      to: items(controls.to),
    }
    : { ...kept, url: url.value || null, allow_plain: url.value.startsWith('http://') };
  const body = {
    name: controls.name.value, target, severities: controls.severity.value ? [controls.severity.value] : [], checks: items(controls.checks),
    labels: items(controls.labels), messages_per_minute: Number(controls.rate.value),
  };
  return controls.secret.value ? { ...body, secret: controls.secret.value } : body;
}
