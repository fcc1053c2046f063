// The statements that take the time: of one server, or of the fleet.

import { bytes, effort, milliseconds, number, percent, short } from './format.js';
import { chosenLabels } from './labels.js';
import { choiceField, list, searchField, taken } from './list.js';
import { meter } from './parts.js';
import { address } from './route.js';
import { mark } from './state.js';
import { statementLine } from './statement.js';
import { rangeOf, sameRange } from './time-range.js';

const SORTS = {
  '-total_time': 'Total time', '-calls': 'Calls', '-mean_time': 'Mean time', '-max_time': 'Longest call', '-rows': 'Rows',
  '-shared_blks_read': 'Blocks read', '-temp_blks_written': 'Temporary files', '-wal_bytes': 'Write-ahead log',
};
const SORT = '-total_time';

/**
 * Makes the list.
 * @param {import('./visit.js').Visit} visit
 * @param {string | null} server Its id; null: the whole fleet, or what the labels of the address select.
 * @returns {HTMLElement}
 */
export function queryList(visit, server) {
  return list(visit, {
    title: 'Statements by what they cost',
    sort: SORT,
    request: (route) => ({
      path: 'queries',
      parameters: { ...rangeOf(route), ...taken(route, 'q', 'label', 'database', 'server'), ...(server && { server }) },
    }),
    columns: columns(server),
    href: (row) => address(['queries', row.text_id],
      { ...sameRange(visit.route), ...(server && { server }), label: visit.route.parameters.getAll('label') }),
    key: (row) => row.text_id,
    tools: [
      searchField(visit, 'q', 'Search in statements'), choiceField(visit, 'sort', 'Order', { '': 'By total time', ...withoutFirst() }),
      chosenLabels(visit),
    ],
    empty: 'No statement was reported in this range. The collector reads pg_stat_statements: is the extension installed?',
  });
}

function withoutFirst() {
  return Object.fromEntries(Object.entries(SORTS).slice(1).map(([sort, text]) => [sort, `By ${text.toLowerCase()}`]));
}

function columns(server) {
  return [
    { name: 'text', title: 'Statement', shape: 'wide',
      show: (text, row) => [row.is_new && mark('new', 'New '), statementLine(text)] },
    { name: 'share', isNumber: true, show: (value) => meter(value === null ? null : value * 100),
      hint: 'Part of the time of all statements' },
    { name: 'total_time', title: 'Time', sorts: true, show: effort, hint: 'Time spent executing' },
    { name: 'calls', sorts: true, show: short },
    { name: 'mean_time', title: 'Mean', sorts: true, show: milliseconds, hint: 'Time of a call' },
    { name: 'max_time', title: 'Longest', sorts: true, rank: 3, show: milliseconds,
      hint: 'Longest call since the counters were reset' },
    { name: 'rows', sorts: true, rank: 2, show: short },
    { name: 'shared_blks_read', title: 'Cache hit', sorts: true, isNumber: true, rank: 3, show: (_, row) => percent(hit(row)),
      hint: 'Sorted by blocks read' },
    { name: 'wal_bytes', title: 'WAL', sorts: true, rank: 3, show: bytes,
      hint: 'Bytes written to the write-ahead log' },
    !server && { name: 'servers', rank: 2, show: number },
  ];
}

/** Blocks found in the cache, in percent of those asked for; null: none were asked for. */
function hit({ shared_blks_hit: found, shared_blks_read: read }) {
  return found + read > 0 ? (100 * found) / (found + read) : null;
}
