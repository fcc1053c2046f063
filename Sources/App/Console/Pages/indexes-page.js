// Indexes of a server that nothing uses or that others make superfluous, and bloat.

import { element } from './element.js';
import { ago, bytes, number, percent, plain, short } from './format.js';
import { choiceField, list } from './list.js';
import { sectionPanel } from './panel.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';

const RANGE = '7d';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = requestOf(visit, 'indexes', RANGE, ['database', 'unused', 'covered']);
  const bloat = source(visit, (route) => request(route, { page_size: 1 }));
  return serverPage(visit, 'indexes', element('div', { class: 'stack' },
    list(visit, {
      title: 'Indexes, those with the most bytes to win first',
      sort: '-bytes_to_win',
      request,
      tools: [
        choiceField(visit, 'unused', 'Use', { '': 'Used or not', true: 'Never used in the range', false: 'Used' }),
        choiceField(visit, 'covered', 'Coverage', { '': 'Covered or not', true: 'Covered by another index', false: 'Not covered' }),
      ],
      columns: INDEXES,
      empty: 'No index fits, or the collector reported none in this range.',
    }),
    sectionPanel({ title: 'Bloat', source: bloat, section: 'bloat', columns: BLOAT,
      empty: 'The collector reported no bloat in this range.' }),
  ), RANGE);
}

const INDEXES = [
  { name: 'name', title: 'Index', sorts: true, show: (name, row) => element('span', { title: row.definition }, name) },
  { name: 'table', sorts: true,
    show: (table, row) => element('span', { title: row.schema && `${row.schema}.${table}` }, plain(table)) },
  { name: 'database', sorts: true, rank: 2 },
  { name: 'size_bytes', title: 'Size', sorts: true, show: bytes },
  { name: 'bytes_to_win', title: 'To win', sorts: true, show: bytes,
    hint: 'Size of an index that could be dropped' },
  { name: 'unused_since', title: 'Use', show: use },
  { name: 'scans_in_range', title: 'Scans', sorts: true, rank: 2, show: short, hint: 'Scans in the range' },
  { name: 'covered_by', shape: 'wide', rank: 2,
    show: (index, row) => (index ? `${index} (${row.coverage})` : '–') },
  { name: 'is_unique', title: 'Unique', rank: 3,
    show: (isUnique, row) => (row.is_primary ? 'primary key' : isUnique ? 'yes' : isUnique === false ? 'no' : '–') },
];

function use(since, row) {
  if (since) return mark('warning', element('span', {}, 'none, for ', ago(since)));
  return row.samples === 1 ? element('span', { class: 'quiet' }, 'one sample') : 'used';
}

const BLOAT = [
  { name: 'table',
    show: (table, row) => [row.schema && element('span', { class: 'quiet' }, `${row.schema}.`), table] },
  { name: 'database', rank: 2 },
  { name: 'bytes_to_win', title: 'To win', show: bytes },
  { name: 'wasted_percent', title: 'Wasted', show: percent },
  { name: 'size_bytes', title: 'Size', show: bytes },
  { name: 'dead_percent', title: 'Dead rows', rank: 2, show: percent },
  { name: 'live_rows', rank: 3, show: number },
];
