// Silences: what nobody is notified of, and until when.

import { ask } from './api.js';
import { change, press } from './change.js';
import { button, element } from './element.js';
import { openSilence } from './finding-forms.js';
import { choice, textField } from './form.js';
import { ago, time } from './format.js';
import { labelsFrom } from './labels.js';
import { choiceField, list, taken } from './list.js';
import { address } from './route.js';
import { mayAct } from './session.js';
import { mark } from './state.js';
import { tellProblem } from './toast.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const end = (id) => press({ path: `silences/${id}`, method: 'DELETE' }, 'The silence has ended.', visit);
  return {
    title: 'Silences',
    node: list(visit, {
      title: 'What nobody is notified of',
      sort: '-created_at',
      request: (route) => ({ path: 'silences', parameters: taken(route, 'state') }),
      columns: [...COLUMNS,
        mayAct('operator') && { name: 'id', title: 'End', show: (id, row) => row.is_active && button('End now', () => end(id)) }],
      tools: [
        choiceField(visit, 'state', 'State', { '': 'Active', ended: 'Ended', all: 'Active and ended' }),
        mayAct('operator') && button('New silence', () => add(visit), { class: 'button primary' }),
      ],
      empty: 'Nothing is silenced: every finding that no person has acknowledged is reported to the channels.',
    }),
  };
}

const COLUMNS = [
  { name: 'check', title: 'What', show: (_, row) => mark(row.is_active ? 'silent' : 'unknown', scopeOf(row)) },
  { name: 'reason', title: 'Why', shape: 'text' },
  { name: 'until',
    show: (until, row) => element('span', {}, row.ended_at ? ['ended ', ago(row.ended_at)] : [time(until), ', ', ago(until)]) },
  { name: 'created_by', title: 'By', rank: 2 },
  { name: 'created_at', title: 'Since', rank: 2, show: ago },
];

function scopeOf({ check, server_id: server, subject, labels }) {
  const parts = [
    check ?? 'every check',
    server !== null && ['on ', element('a', { href: address(['servers', server]) }, `server ${server}`)],
    subject !== null && `about ${subject}`,
    ...Object.entries(labels ?? {}).map(([key, value]) => element('span', { class: 'chip' }, `${key}=${value}`)),
  ].filter(Boolean);
  return element('span', {}, parts.map((part, place) => [place > 0 && ' ', part]));
}

async function add(visit) {
  const checks = await ask({ path: 'checks' }).catch(tellProblem);
  if (!checks) return;
  const titles = Object.fromEntries(checks.data.map(({ name, title }) => [name, title]));
  openSilence('New silence', 'A finding is silenced while it fulfils all conditions. It opens and ends as before.',
    (values) => change({ path: 'silences', method: 'POST', body: { ...values, labels: labelsFrom(values.labels) } },
      'The silence has begun.', visit),
    [
      choice('Check', 'check', { '': 'Every check', ...titles }),
      textField('Server', 'server_id', { type: 'number', min: 1, placeholder: 'Every server' }, 'The id of a server, as in its address'),
      textField('Subject', 'subject', { placeholder: 'Every subject' }),
      textField('Labels', 'labels', { maxlength: 2000, placeholder: 'env=test' }),
    ]);
}
