// When transaction ids of a server wrap around, and which tables wait for vacuum or analyze.

import { element } from './element.js';
import { ago, bytes, date, number, percent, short } from './format.js';
import { choiceField, list } from './list.js';
import { sectionPanel } from './panel.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';

const RANGE = '24h';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = requestOf(visit, 'vacuum', RANGE, ['database', 'stale']);
  const databases = source(visit, (route) => request(route, { page_size: 1 }));
  return serverPage(visit, 'tables', element('div', { class: 'stack' },
    sectionPanel({ title: 'Wraparound of transaction ids', source: databases, section: 'databases', columns: DATABASES, height: 80,
      empty: 'The collector reported no age in this range.' }),
    list(visit, {
      title: 'Tables',
      sort: '-dead_rows',
      request,
      tools: choiceField(visit, 'stale', 'Which tables',
        { '': 'All tables', true: 'Waiting for vacuum or analyze', false: 'In good order' }),
      columns: TABLES,
      empty: 'No table fits, or the collector reported none in this range.',
    }),
  ), RANGE);
}

const DATABASES = [
  { name: 'database' },
  { name: 'age', show: short,
    hint: 'Age of the oldest transaction id that is not frozen, in transactions' },
  { name: 'ids_left', title: 'Left', rank: 2, show: short,
    hint: 'Transaction ids left before the database stops taking writes' },
  { name: 'ids_per_day', title: 'Used a day', show: short },
  { name: 'critical_at', show: date,
    hint: 'When the age reaches 1,600 million, if the use goes on and no vacuum freezes rows' },
  { name: 'tables_needing_vacuum', title: 'Tables to freeze', rank: 2, show: number },
];

const TABLES = [
  { name: 'name', title: 'Table', sorts: true,
    show: (name, row) => [row.schema && element('span', { class: 'quiet' }, `${row.schema}.`), name] },
  { name: 'database', sorts: true, rank: 2 },
  { name: 'dead_rows', sorts: true, isNumber: true,
    show: (value, row) => flag(row.dead_rows_stale, short(value)) },
  { name: 'dead_percent', title: 'Share', sorts: true, show: percent, hint: 'Dead rows as a share of all rows' },
  { name: 'vacuumed_at', title: 'Vacuumed', sorts: true, show: ago },
  { name: 'modified_since_analyze', title: 'Changed rows', sorts: true, isNumber: true, rank: 2,
    show: (value, row) => flag(row.statistics_stale, short(value)),
    hint: 'Rows changed since the last analyze' },
  { name: 'analyzed_at', title: 'Analyzed', sorts: true, rank: 2, show: ago },
  { name: 'live_rows', sorts: true, rank: 3, show: short },
  { name: 'size_bytes', title: 'Size', sorts: true, rank: 3, show: bytes },
];

/** A figure that exceeds what autovacuum permits. */
function flag(isStale, text) {
  return isStale ? mark('warning', text) : text;
}
