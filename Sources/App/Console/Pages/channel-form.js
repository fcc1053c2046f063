// The form of a channel.

import { change } from './change.js';
import { element, replace } from './element.js';
import { choice, field, listOf, openForm, textField } from './form.js';

/** The kinds of channels, with their words. */
export const KINDS = { webhook: 'Webhook', slack: 'Slack, or compatible', alertmanager: 'Alertmanager', email: 'E-mail' };
const SECRETS = {
  webhook: 'The key of the signature', slack: 'The URL, if it is to be secret',
  alertmanager: 'The bearer token, or the password of the user',
  email: 'The password of the mail server',
};
const SEVERITIES = { '': 'Every severity', critical: 'Critical only', warning: 'Warnings only' };
const SECURITY = { starttls: 'STARTTLS', tls: 'TLS', plain: 'None' };

/**
 * Opens the form.
 * @param {any | null} channel The channel to change, as the API describes it; null: a new one.
 * @param {(channel: any) => void} done Called with the stored channel.
 */
export function openChannelForm(channel, done) {
  const kind = choice('Kind', 'kind', KINDS, channel?.kind);
  const control = kind.querySelector('select');
  control.disabled = channel !== null;
  const place = element('div', { class: 'form' });
  const show = () => replace(place, placeFields(control.value, channel?.target ?? {}), secretFields(control.value, channel));
  control.addEventListener('change', show);
  show();
  openForm({
    title: channel ? `Change ${channel.name}` : 'New channel',
    action: channel ? 'Save' : 'Make the channel',
    fields: [
      textField('Name', 'name', { required: true, maxlength: 100, value: channel?.name }), kind, place,
      choice('Severity', 'severity', SEVERITIES, channel?.severities.length === 1 ? channel.severities[0] : ''),
      listField('Checks', 'checks', channel?.checks, 'Every check, or disk_full, xid_age'),
      listField('Labels', 'labels', channel?.labels, 'Every server, or env=production'),
      textField('Messages a minute', 'rate',
        { type: 'number', min: 1, max: 1000, required: true, value: channel?.messages_per_minute ?? 3 },
        'The last of them sums up what exceeds it'),
    ],
    async submit(values) {
      const body = bodyOf(control.value, values);
      done(channel
        ? await change({ path: `channels/${channel.id}`, method: 'PATCH', body }, 'The channel is changed.')
        : await change({ path: 'channels', method: 'POST', body: { ...body, kind: control.value } },
          'The channel is made. Send a test to it.'));
    },
  });
}

function listField(label, name, items, placeholder) {
  return textField(label, name, { maxlength: 4000, value: items?.join(', '), placeholder });
}

/** Where messages of a kind go. */
function placeFields(kind, target) {
  const user = textField('User', 'username', { value: target.username, autocomplete: 'off' });
  if (kind !== 'email') {
    const url = { type: 'url', maxlength: 4000, value: target.url, placeholder: 'https://…', required: kind !== 'slack' };
    return [textField('URL', 'url', url), kind === 'alertmanager' && user];
  }
  return [
    textField('Mail server', 'host', { value: target.host, required: true }),
    textField('Port', 'port', { value: target.port, type: 'number', min: 1, max: 65535 }, 'Empty: the usual one'),
    choice('Encryption', 'security', SECURITY, target.security),
    textField('From', 'from', { value: target.from, required: true }),
    listField('To', 'to', target.to, 'one@example.org, two@example.org'),
    user,
  ];
}

/** Secrets and files of a kind, and how a message is written. */
function secretFields(kind, channel) {
  const kept = channel?.has_secret ? ' Empty: it stays as it is.' : '';
  const file = (label, name, hint) => textField(label, name, { value: channel?.target[name], maxlength: 255 }, hint);
  const template = element('textarea', { name: 'template', rows: 4, spellcheck: 'false', placeholder: '{"text": "{{text}}"}' },
    channel?.template);
  return [
    textField('Secret', 'secret', { type: 'password', maxlength: 4096, autocomplete: 'new-password' },
      `${SECRETS[kind]}. It is stored encrypted and never shown.${kept}`),
    element('details', { open: Boolean(channel?.template || channel?.target.secret_file || channel?.target.ca_file) },
      element('summary', {}, 'Files and template'), element('div', { class: 'form' },
      file('File of the secret', 'secret_file', 'In channel_directory, in the place of a stored secret'),
      file('File of authorities', 'ca_file', 'In channel_directory: the target has to have a certificate of one of them'),
      (kind === 'webhook' || kind === 'slack')
        && field('Template', template,
          'The JSON that is sent, with placeholders such as {{title}}, {{text}}, {{url}}. Empty: the usual one'))),
  ];
}

function bodyOf(kind, values) {
  const { host, port, security, from, to, url, username = null, secret_file: secretFile, ca_file: authorityFile } = values;
  const files = { username, secret_file: secretFile, ca_file: authorityFile };
  const target = kind === 'email' ? { ...files, host, port, security, from, to: listOf(to) }
    : { ...files, url, allow_plain: url?.startsWith('http://') ?? false };
  const { name, severity, checks, labels, rate, secret, template = null } = values;
  const body = {
    name, target, template, severities: listOf(severity), checks: listOf(checks), labels: listOf(labels), messages_per_minute: rate,
  };
  return secret ? { ...body, secret } : body;
}
