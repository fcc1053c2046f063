// Enrolling hosts: a registration secret, the steps on the host, and the hosts as they arrive.

import { ask } from './api.js';
import { command } from './command.js';
import { button, element, replace } from './element.js';
import { choice, form, textField } from './form.js';
import { ago, number, timeText } from './format.js';
import { labelsFrom } from './labels.js';
import { emptyNotice } from './panel.js';
import { card, shownOnce } from './parts.js';
import { problemNotice } from './problem.js';
import { address } from './route.js';
import { mayAct } from './session.js';
import { COLLECTOR_STATES, ending } from './state.js';
import { table } from './table.js';
import { tell } from './toast.js';

const LIVES = { '1h': '1 hour', '1d': '1 day', '1w': '1 week', '4w': '4 weeks', '': 'Without an end' };
const MODES = {
  '': 'As the server is set', permit: 'Wait until a person permits it', replace: 'Give it a new identity for its server',
  new: 'Make it another collector',
};
const ASK_MILLISECONDS = 3000;
const MOST_ARRIVALS = 20;

/** The value of a secret that was made here, by its id. It is in memory only; after a reload the page still waits for hosts. */
const values = new Map();

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const node = element('div', { class: 'stack narrow' });
  let shown;
  visit.watch(({ parameters }) => {
    const id = parameters.get('secret');
    if (id === shown) return;
    shown = id;
    if (!mayAct('operator')) {
      replace(node, emptyNotice('Operators and administrators enrol hosts. Ask one of them for a registration secret.'));
    } else replace(node, id ? [steps(values.get(id)), arrivals(visit, id)] : secretForm(visit));
  });
  return { title: 'Enrol hosts', node };
}

function secretForm(visit) {
  return card('A registration secret', null, form({
    className: 'panel-text',
    fields: [
      element('p', {}, 'A host enrols with a registration secret. It gets a certificate of its own, and needs the secret only once.'),
      textField('Name', 'name', { required: true, maxlength: 100, value: `hosts ${timeText(new Date().toISOString())}` },
        'What the secret is for; the audit trail shows it.'),
      choice('Valid for', 'expires_in', LIVES, '1d'),
      textField('Hosts', 'max_uses', { type: 'number', min: 1, max: 2_147_483_647, value: 1, placeholder: 'no limit' },
        'How many hosts may enrol with it. Leave it empty for any number.'),
      textField('Labels', 'labels', { maxlength: 2000, placeholder: 'env=production, team=blue' },
        'The servers of these hosts get them: key=value, separated by commas.'),
      choice('A host that is enrolled already', 'reenrolment', MODES),
    ],
    action: 'Make the secret',
    async submit(body) {
      const answer = await ask({ path: 'registration-secrets', method: 'POST', body: { ...body, labels: labelsFrom(body.labels) } });
      values.set(answer.id, answer.secret);
      visit.change({ secret: answer.id });
    },
  }));
}

/** What to do on a host, with the secret filled in if it was made here a moment ago. */
function steps(value) {
  const secret = value ?? 'SECRET';
  const { origin } = location;
  return [
    value && card('The secret', null, element('div', { class: 'panel-text' }, shownOnce('secret', value))),
    card('On the host', null, element('div', { class: 'panel-text stack' },
      !value && element('p', {}, 'The value of this secret was shown when it was made. Put it in the place of SECRET.'),
      element('p', {}, 'First copy ', element('code', {}, 'ca.crt'),
        ' from the data directory of the server to the host. It proves to the host that the server is the right one.'),
      element('details', { open: true }, element('summary', {}, 'With the stock collector'), element('div', { class: 'stack' },
        element('p', {}, 'Let the system trust the server:'),
        command('cp ca.crt /usr/local/share/ca-certificates/pganalytics.crt && update-ca-certificates'),
        element('p', {}, 'Write the address into the file of the collector:'),
        command(`[backend]\nurl = "${origin}"\n\n[tls]\nverify = true`),
        element('p', {}, 'Enrol. The command prints the private key as well, so keep its output out of logs:'),
        command(`REGISTRATION_SECRET='${secret}' pganalytics register`),
        element('p', {}, 'Copy the id from ', element('code', {}, '/var/lib/pganalytics/collector.id'), ' to the key ',
          element('code', {}, 'collector.id'), ' of the file, and begin to push:'),
        command('pganalytics cron'))),
      element('details', {}, element('summary', {}, 'With curl'), element('div', { class: 'stack' },
        element('p', {}, 'Enrol, and keep the identity:'),
        command(`curl --cacert ca.crt -H 'X-Registration-Secret: ${secret}' -H 'Content-Type: application/json' \\
  -d "{\\"name\\":\\"$(uname -n)\\",\\"hostname\\":\\"$(uname -n)\\"}" ${origin}/api/v1/collectors/register > identity.json
jq -r '.certificate + .private_key' identity.json > collector.pem && chmod 600 identity.json collector.pem`),
        element('p', {}, 'Push a first metric:'),
        command(`now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
disk='{"device":"/dev/sda1","mount":"/","total_gb":100,"used_gb":40,"free_gb":60,"percent_used":40}'
printf '{"collector_id":"%s","hostname":"%s","timestamp":"%s","metrics":[{"type":"disk_usage","timestamp":"%s","filesystems":[%s]}]}' \\
  "$(jq -r .collector_id identity.json)" "$(uname -n)" "$now" "$now" "$disk" > push.json
curl --cacert ca.crt --cert collector.pem -H "Authorization: Bearer $(jq -r .token identity.json)" \\
  -H 'Content-Type: application/json' --data-binary @push.json ${origin}/api/v1/metrics/push`))))),
  ];
}

/** Waits for hosts: those that have enrolled since the secret was made, with their first push. */
function arrivals(visit, id) {
  const state = element('p', { class: 'panel-text', 'aria-live': 'polite' }, 'Asking …');
  const rows = element('div');
  const known = new Set();
  const timer = setInterval(() => !document.hidden && look(), ASK_MILLISECONDS);
  const end = () => clearInterval(timer);
  visit.signal.addEventListener('abort', end);
  look();
  return card('Hosts that arrive', null, state, rows, element('div', { class: 'panel-text tools' },
    button('Make another secret', () => {
      end();
      visit.change({ secret: null });
    })));

  async function look() {
    try {
      const secret = await ask({ path: `registration-secrets/${id}`, signal: visit.signal });
      const parameters = { sort: '-registered_at', page_size: MOST_ARRIVALS };
      const newest = await ask({ path: 'collectors', parameters, signal: visit.signal });
      const arrived = newest.data.filter((row) => row.registered_at >= secret.created_at);
      for (const row of arrived.filter((one) => !known.has(one.id))) {
        known.add(row.id);
        tell(`${row.name} has enrolled.`);
      }
      const most = secret.max_uses === null ? '' : ` of ${number(secret.max_uses)}`;
      replace(state, `${secret.name}: used ${number(secret.uses)}${most} times, `, WORDS[secret.status] ?? secret.status,
        secret.status === 'active' && secret.expires_at && [', ends ', ending(secret.expires_at, 0)], '.');
      replace(rows, arrived.length ? arrivalTable(arrived) : emptyNotice('No host has enrolled since. The page looks every few seconds.'));
    } catch (problem) {
      if (!visit.signal.aborted) replace(state, problemNotice(problem));
    }
  }
}

const WORDS = { active: 'can be used', revoked: 'is revoked', expired: 'has ended', exhausted: 'is used up' };

function arrivalTable(rows) {
  return table({
    caption: 'Hosts that have enrolled', rows, href: (row) => address(['servers', row.server_id]), key: (row) => row.id,
    columns: [
      { name: 'name', title: 'Host' },
      { name: 'status', show: COLLECTOR_STATES.mark },
      { name: 'registered_at', title: 'Enrolled', show: ago },
      { name: 'last_seen_at', title: 'First data', show: (value) => (value ? ago(value) : 'waiting for its first push') },
    ],
  });
}
