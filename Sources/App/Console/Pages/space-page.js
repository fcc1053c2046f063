// What grows on a server, and when its disks are full.

import { element } from './element.js';
import { choiceField, taken } from './filters.js';
import { ago, bytes, date, gigabytes, number, percent, plain } from './format.js';
import { list } from './list.js';
import { meter } from './meter.js';
import { sectionPanel } from './section-panel.js';
import { serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';
import { rangeOf } from './time-range.js';

const RANGE = '7d';
const DAY_MILLISECONDS = 86_400_000;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const path = `servers/${visit.names.id}/space`;
  const disks = source(visit, (route) => ({ path, parameters: { ...rangeOf(route, RANGE), page_size: 1 } }));
  return serverPage(visit, 'space', element('div', { class: 'stack' },
    sectionPanel({ title: 'File systems, and when they are full', source: disks, section: 'file_systems', columns: DISKS,
      empty: 'The collector reported no file system in this range.' }),
    list(visit, {
      title: 'Growth',
      sort: '-growth_bytes',
      request: (route) => ({ path, parameters: { ...rangeOf(route, RANGE), ...taken(route, 'database', 'kind') } }),
      tools: choiceField(visit, 'kind', 'What', { '': 'Server, databases and tables', server: 'The server', database: 'Databases', table: 'Tables' }),
      columns: GROWTH,
      empty: 'The collector reported no size in this range.',
    }),
  ), RANGE);
}

const DISKS = [
  { name: 'mount', title: 'Mounted at', show: (mount, row) => plain(mount || row.device) },
  { name: 'percent_used', title: 'In use', isNumber: true, show: meter },
  { name: 'free_gb', title: 'Free', isNumber: true, show: gigabytes },
  { name: 'total_gb', title: 'Size', isNumber: true, rank: 2, show: gigabytes },
  { name: 'growth_gb_per_day', title: 'Growth a day', isNumber: true, show: growth,
    hint: 'The middle slope, with its 80 % interval on hover' },
  { name: 'full_at', title: 'Full', show: full },
  { name: 'full_earliest', title: 'Between', rank: 2,
    show: (early, row) => (early ? element('span', {}, date(early), ' and ', row.full_latest ? date(row.full_latest) : 'never') : '–'),
    hint: 'With about 80 % probability, if the growth goes on as before' },
  { name: 'points', title: 'Points', isNumber: true, rank: 3, show: number, hint: 'Points that the slope was computed from' },
];

function growth(value, row) {
  const low = gigabytes(row.growth_gb_per_day_low);
  return element('span', { title: value === null ? null : `Between ${low} and ${gigabytes(row.growth_gb_per_day_high)}` }, gigabytes(value));
}

function full(at) {
  if (!at) return element('span', { class: 'quiet', title: 'It does not grow, or too little is known' }, 'no forecast');
  const days = (new Date(at) - Date.now()) / DAY_MILLISECONDS;
  return mark(days < 3 ? 'critical' : days < 30 ? 'warning' : 'ok', element('span', {}, date(at), ', ', ago(at)));
}

const GROWTH = [
  { name: 'name', title: 'What', sorts: true,
    show: (name, row) => [row.schema && element('span', { class: 'quiet' }, `${row.schema}.`), plain(name ?? 'The server')] },
  { name: 'kind', title: 'Kind', sorts: true },
  { name: 'database', title: 'Database', sorts: true, rank: 2 },
  { name: 'size_bytes', title: 'Size', sorts: true, isNumber: true, show: bytes },
  { name: 'growth_bytes', title: 'Growth', sorts: true, isNumber: true, show: bytes },
  { name: 'growth_percent', title: 'In percent', sorts: true, isNumber: true, rank: 2, show: percent },
  { name: 'growth_bytes_per_day', title: 'A day', sorts: true, isNumber: true, show: bytes },
];
