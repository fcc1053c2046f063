// What the sessions of a server do, and which transactions last.

import { byKey, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { number, plain, seconds, time } from './format.js';
import { panel, sectionPanel } from './panel.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';
import { statementLine } from './statement.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = requestOf(visit, 'connections', '1h', ['database']);
  const connections = source(visit, (route) => request(route, { limit: 10_000 }));
  const picture = (title, keyOf) => panel({
    title, source: connections, height: CHART_ROOM, empty: 'No session was reported in this range.',
    draw: chart(visit, { title, unit: '', isStacked: true, lines: (answer) => byKey(answer.data, keyOf, 'connections') }),
  });
  return serverPage(visit, 'connections', element('div', { class: 'stack' },
    element('div', { class: 'grid' },
      picture('Sessions by state', (row) => plain(row.state ?? 'unknown')),
      picture('Sessions by database', (row) => plain(row.database ?? 'unknown')),
    ),
    sectionPanel({ title: 'Long and idle transactions now', source: connections, section: 'transactions_now', height: 80,
      columns: transactions('seconds', 'Lasts'), empty: 'The last list has no long and no idle transaction.' }),
    sectionPanel({ title: 'Long and idle transactions of the range', source: connections, section: 'transactions',
      columns: transactions('longest_seconds', 'Lasted'), empty: 'No transaction was long or idle in this range.' }),
    sectionPanel({ title: 'Sessions now', source: connections, section: 'now', columns: NOW,
      empty: 'No session was reported in this range.' }),
  ), '1h');
}

function transactions(duration, title) {
  return [
    { name: 'kind',
      show: (kind) => mark(kind === 'idle' ? 'silent' : 'warning', kind === 'idle' ? 'Idle' : 'Long') },
    { name: duration, title, show: seconds },
    { name: 'pid', title: 'Session', isNumber: true },
    { name: 'username', title: 'User' },
    { name: 'database', rank: 2 },
    { name: 'application_name', title: 'Application', rank: 2 },
    { name: 'client_address', title: 'From', rank: 3 },
    { name: 'query', title: 'Statement', shape: 'wide',
      show: (text, row) => (row.kind === 'idle' ? plain(row.state) : statementLine(text)) },
    duration !== 'seconds' && { name: 'last_seen', rank: 2, show: time },
  ];
}

const NOW = [
  { name: 'database' },
  { name: 'state', show: (state) => plain(state ?? 'unknown') },
  { name: 'connections', title: 'Sessions', show: number },
  { name: 'oldest_seconds', title: 'Oldest', show: seconds },
  { name: 'listed_at', title: 'Listed', rank: 2, show: time },
];
