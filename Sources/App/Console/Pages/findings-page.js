// What the checks found, over the whole fleet.

import { change } from './change.js';
import { button, element } from './element.js';
import { openAcknowledgement } from './finding-forms.js';
import { ago, number, plain } from './format.js';
import { chosenLabels } from './labels.js';
import { choiceField, list, searchField, taken } from './list.js';
import { address } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { mark } from './state.js';

const RENEWAL_SECONDS = 15;
const FILTERS = ['q', 'severity', 'check', 'acknowledged', 'silenced', 'server', 'label'];

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  visit.renewEvery(RENEWAL_SECONDS);
  return {
    title: 'Findings',
    node: list(visit, {
      title: 'What the checks found',
      sort: '-opened_at',
      request: (route) => ({ path: 'findings', parameters: taken(route, 'state', ...FILTERS) }),
      columns: COLUMNS,
      href: (row) => address(['findings', row.id]),
      key: (row) => row.id,
      tools: [
        searchField(visit, 'q', 'Search in findings'),
        choiceField(visit, 'state', 'State', { '': 'Open', ended: 'Ended', all: 'Open and ended' }),
        choiceField(visit, 'severity', 'Severity', { '': 'Every severity', critical: 'Critical', warning: 'Warning' }),
        choiceField(visit, 'acknowledged', 'Acknowledgement',
          { '': 'Acknowledged or not', false: 'Not acknowledged', true: 'Acknowledged' }),
        checkField(visit),
        chosenLabels(visit),
        mayAct('operator') && button('Acknowledge all', () => acknowledgeAll(visit)),
      ],
      empty: () => element('p', {}, 'No finding fits. ', element('a', { href: '#/findings?state=all' }, 'Show also those that have ended')),
    }),
  };
}

/** The choice of a check. Its words come from the server. */
function checkField(visit) {
  const field = element('span');
  source(visit, () => ({ path: 'checks' })).watch(({ answer }) => {
    if (!answer || field.firstChild) return;
    const titles = Object.fromEntries(answer.data.map((check) => [check.name, check.title]));
    field.append(choiceField(visit, 'check', 'Check', { '': 'Every check', ...titles }));
  });
  return field;
}

function acknowledgeAll(visit) {
  const filters = Object.fromEntries(Object.entries(taken(visit.route, ...FILTERS)).filter(([, values]) => values.length));
  const parameters = Object.keys(filters).length ? filters : { all: true };
  openAcknowledgement('Acknowledge all open findings that the filters select', 'them',
    (body) => change({ path: 'findings/acknowledge', method: 'POST', parameters, body },
      ({ changed }) => `${number(changed)} findings are acknowledged.`, visit));
}

const COLUMNS = [
  { name: 'message', title: 'Finding', shape: 'wide',
    show: (message, row) => mark(row.severity, element('span', { title: message }, message)) },
  { name: 'server', sorts: true,
    show: (name, row) => element('a', { href: address(['servers', row.server_id]) }, plain(name ?? row.server_id)) },
  { name: 'title', title: 'Check', rank: 2 },
  { name: 'opened_at', title: 'Opened', sorts: true, show: ago },
  { name: 'ended_at', title: 'Status', rank: 2, show: status },
];

function status(ended, row) {
  if (ended) return element('span', { class: 'quiet' }, `${plain(row.end_reason?.replace('_', ' '))} `, ago(ended));
  if (row.acknowledged_at) return element('span', { title: row.acknowledge_note }, `acknowledged by ${plain(row.acknowledged_by)}`);
  return row.is_silenced ? mark('silent', 'silenced') : 'open';
}
