// Silences: what nobody is notified of, and until when.

import { ask } from './api.js';
import { field, openForm } from './dialog.js';
import { button, element } from './element.js';
import { choiceField, taken } from './filters.js';
import { ago, plain, time } from './format.js';
import { labelsFrom } from './labels.js';
import { list } from './list.js';
import { address } from './route.js';
import { mayAct } from './session.js';
import { silenceFields, silenceFrom } from './silence-form.js';
import { mark } from './state.js';
import { tell, tellProblem } from './toast.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return {
    title: 'Silences',
    node: list(visit, {
      title: 'What nobody is notified of',
      sort: '-created_at',
      request: (route) => ({ path: 'silences', parameters: taken(route, 'state') }),
      columns: [...COLUMNS, ...(mayAct('operator') ? [{ name: 'id', title: 'End', show: (id, row) => row.is_active
        && button('End now', () => end(visit, id), { class: 'button small' }) }] : [])],
      tools: [
        choiceField(visit, 'state', 'State', { '': 'Active', ended: 'Ended', all: 'Active and ended' }),
        mayAct('operator') && button('New silence', () => add(visit), { class: 'button small primary' }),
      ],
      empty: 'Nothing is silenced: every finding that no person has acknowledged is reported to the channels.',
    }),
  };
}

const COLUMNS = [
  { name: 'check', title: 'What', show: (_, row) => mark(row.is_active ? 'silent' : 'unknown', scopeOf(row)) },
  { name: 'reason', title: 'Why', shape: 'text' },
  { name: 'until', title: 'Until',
    show: (until, row) => (row.ended_at ? element('span', {}, 'ended ', ago(row.ended_at)) : element('span', {}, time(until), ', ', ago(until))) },
  { name: 'created_by', title: 'By', rank: 2, show: plain },
  { name: 'created_at', title: 'Since', rank: 2, show: ago },
];

function scopeOf({ check, server_id: server, subject, labels }) {
  const parts = [
    check ?? 'every check',
    server !== null && ['on ', element('a', { href: address(['servers', String(server)]) }, `server ${server}`)],
    subject !== null && `about ${subject}`,
    ...Object.entries(labels ?? {}).map(([key, value]) => element('span', { class: 'chip' }, `${key}=${value}`)),
  ].filter(Boolean);
  return element('span', {}, parts.map((part, place) => [place > 0 && ' ', part]));
}

async function add(visit) {
  const checks = await ask({ path: 'checks' }).catch(tellProblem);
  if (!checks) return;
  const check = element('select', { name: 'check' }, element('option', { value: '' }, 'Every check'),
    checks.data.map(({ name, title }) => element('option', { value: name }, title)));
  const server = element('input', { name: 'server', type: 'number', min: 1, placeholder: 'Every server' });
  const subject = element('input', { name: 'subject', maxlength: 1000, placeholder: 'Every subject' });
  const labels = element('input', { name: 'labels', maxlength: 2000, placeholder: 'env=test' });
  openForm({
    title: 'New silence', action: 'Silence',
    fields: [
      element('p', {}, 'A finding is silenced while it fulfils all conditions. It opens and ends as before.'),
      field('Check', check), field('Server', server, 'The id of a server, as in its address'), field('Subject', subject), field('Labels', labels),
      silenceFields(),
    ],
    async submit(form) {
      const body = { ...silenceFrom(form), check: check.value || null, subject: subject.value || null, labels: labelsFrom(labels.value) };
      if (server.value) body.server_id = Number(server.value);
      await ask({ path: 'silences', method: 'POST', body });
      tell('The silence has begun.');
      visit.renew();
    },
  });
}

async function end(visit, id) {
  try {
    await ask({ path: `silences/${id}`, method: 'DELETE' });
    tell('The silence has ended.');
    visit.renew();
  } catch (problem) {
    tellProblem(problem);
  }
}
