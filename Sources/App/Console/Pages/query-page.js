// One statement: its text, its figures over time, where it runs, and how it was before.

import { byKey, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { bytes, effort, milliseconds, number, percent, plain, short } from './format.js';
import { taken } from './list.js';
import { panel, sectionPanel } from './panel.js';
import { numbers } from './parts.js';
import { address } from './route.js';
import { source } from './source.js';
import { mark } from './state.js';
import { statementText } from './statement.js';
import { rangeOf, sameRange } from './time-range.js';

const CHARTS = [
  { title: 'Calls', unit: '', name: 'calls' },
  { title: 'Time spent', unit: 'milliseconds', name: 'total_time' },
  { title: 'Mean time of a call', unit: 'milliseconds', name: 'mean_time' },
  { title: 'Rows', unit: '', name: 'rows' },
  { title: 'Blocks read', unit: '', name: 'shared_blks_read' },
  { title: 'Write-ahead log', unit: 'bytes', name: 'wal_bytes' },
];
/** Lines of a chart. What takes less time than these is left out of the charts, and is in the table. */
const MOST_LINES = 8;
/** Rows of the series: 300 buckets of some servers and databases. */
const LIMIT = 10_000;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const query = source(visit, (route) => ({
    path: `queries/${encodeURIComponent(visit.names.id)}`,
    parameters: { ...rangeOf(route), ...taken(route, 'server', 'label', 'database'), limit: LIMIT },
  }));
  return {
    title: 'Statement',
    trail: [{ text: 'Queries', href: address('queries', sameRange(visit.route)) }],
    range: '1h',
    node: element('div', { class: 'stack' },
      panel({ title: 'Text', source: query, section: 'statement', height: 140,
        draw: ({ statement: [row] }) => row && statementText(row.text),
        empty: 'The statement was not reported in this range. Choose a longer one.' }),
      panel({ title: 'In this range, and in the same time before', source: query, section: 'statement', height: 70,
        draw: comparison,
        empty: 'The statement was not reported in this range.' }),
      element('div', { class: 'grid' }, CHARTS.map(({ title, unit, name }) => panel({
        title, source: query, height: CHART_ROOM,
        draw: chart(visit, { title, unit, lines: (answer) => largest(answer, name) }),
      }))),
      sectionPanel({
        title: 'By server and database', source: query, section: 'servers', columns: SERVERS,
        key: (row) => `${row.server_id} ${row.database}`,
        href: (row) => address(['servers', row.server_id, 'queries'], sameRange(visit.route)),
      }),
    ),
  };
}

const SERVERS = [
  { name: 'server', show: (name, row) => [row.is_new && mark('new', 'New '), plain(name)] },
  { name: 'database',
    show: (name) => name
      ?? element('span', { class: 'quiet', title: 'The collector sends one list for all databases' }, 'unknown') },
  { name: 'total_time', title: 'Time', show: effort },
  { name: 'total_time_before', title: 'Before', rank: 2, show: effort },
  { name: 'calls', show: short },
  { name: 'calls_before', title: 'Before', rank: 2, show: short },
  { name: 'mean_time', title: 'Mean', show: milliseconds },
  { name: 'mean_time_before', title: 'Before', rank: 2, show: milliseconds },
  { name: 'rows', rank: 3, show: short },
  { name: 'samples', rank: 3, show: number, hint: 'With one sample there is no increase' },
];

/** The lines of the servers that have the most time. */
function largest({ data, servers }, name) {
  const titleOf = (row) => `${plain(row.server)}${row.database ? ` · ${row.database}` : ''}`;
  const order = [...servers].sort((one, other) => other.total_time - one.total_time).slice(0, MOST_LINES).map(titleOf);
  const shown = new Set(order);
  const lines = byKey(data.filter((row) => shown.has(titleOf(row))), titleOf, name);
  return lines.sort((one, other) => order.indexOf(one.title) - order.indexOf(other.title));
}

function comparison({ statement: [row] }) {
  if (!row) return null;
  return numbers([
    ['Time spent', effort(row.total_time), change(row.total_time, row.total_time_before, effort)],
    ['Calls', number(row.calls), change(row.calls, row.calls_before, number)],
    ['Mean time', milliseconds(row.mean_time), change(row.mean_time, row.mean_time_before, milliseconds)],
    ['Longest call', milliseconds(row.max_time)],
    ['Rows', number(row.rows)],
    ['Rows of a call', number(row.calls ? row.rows / row.calls : null)],
    ['Blocks read', number(row.shared_blks_read)],
    ['Temporary blocks', number(row.temp_blks_written)],
    ['Write-ahead log', bytes(row.wal_bytes)],
    ['Servers', number(row.servers)],
  ]);
}

/** How a figure differs from the one before. More than a tenth is coloured. */
function change(now, before, show) {
  if (now === null || before === null || before === undefined) return 'before: –';
  const part = before ? (now - before) / before : null;
  const size = part === null ? '' : ` (${part > 0 ? '+' : ''}${percent(part * 100)})`;
  const kind = Math.abs(part ?? 0) < 0.1 ? null : part > 0 ? 'delta-worse' : 'delta-better';
  return element('span', { class: kind }, `before: ${show(before)}${size}`);
}
