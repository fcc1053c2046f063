// What grows on a server, and when its disks are full.

import { byKey, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { ago, bytes, date, gigabytes, number, percent, plain, timeText } from './format.js';
import { choiceField, list } from './list.js';
import { panel, sectionPanel } from './panel.js';
import { meter } from './parts.js';
import { requestOf, serverPage } from './server-frame.js';
import { joined, source } from './source.js';
import { mark } from './state.js';
import { rangeOf, rangeSeconds } from './time-range.js';

const RANGE = '7d';
const DAY = 86_400;
/** Widths of the chart's buckets that roll-ups serve, in seconds. */
const WIDTHS = [300, 3600, 21_600, DAY, 7 * DAY];
const MOST_BUCKETS = 200;
/** Rows of the chart: buckets of some dozens of file systems. */
const LIMIT = 10_000;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = requestOf(visit, 'space', RANGE, ['database', 'kind']);
  const disks = source(visit, (route) => request(route, { page_size: 1 }));
  const metrics = requestOf(visit, 'metrics', RANGE);
  const fill = source(visit, (route) => {
    const seconds = rangeSeconds(rangeOf(route, RANGE));
    const width = WIDTHS.find((one) => seconds / one <= MOST_BUCKETS) ?? WIDTHS.at(-1);
    return metrics(route, { metric_type: 'disk_usage', columns: 'percent_used', aggregate: 'last', bucket: `${width}s`, limit: LIMIT });
  });
  const title = 'Space in use, and when a file system is full';
  return serverPage(visit, 'space', element('div', { class: 'stack' },
    panel({
      title, source: joined(fill, disks), height: CHART_ROOM, empty: 'The collector reported no file system in this range.',
      hint: 'The dashed lines go on at the growth of the range',
      draw: chart(visit, { title, unit: 'percent', most: 100, lines: (answer) => fillLines(answer, disks.answer?.file_systems ?? []) }),
    }),
    sectionPanel({ title: 'File systems, and when they are full', source: disks, section: 'file_systems', columns: DISKS,
      empty: 'The collector reported no file system in this range.' }),
    list(visit, {
      title: 'Growth',
      sort: '-growth_bytes',
      request,
      tools: choiceField(visit, 'kind', 'What',
        { '': 'Server, databases and tables', server: 'The server', database: 'Databases', table: 'Tables' }),
      columns: GROWTH,
      empty: 'The collector reported no size in this range.',
    }),
  ), RANGE);
}

function nameOf({ mount, device }) {
  return plain(mount || device);
}

/** A line for each file system, and behind it where its growth leads: at most half of the range further, and not beyond full. */
function fillLines(answer, fileSystems) {
  const lines = byKey(answer.data, nameOf, 'percent_used');
  const [start, end] = [answer.start_time, answer.end_time].map((time) => Date.parse(time) / 1000);
  const forecasts = lines.flatMap((line, place) => {
    const disk = fileSystems.find((one) => nameOf(one) === line.title);
    if (!disk?.full_at) return [];
    line.title += `, full ${timeText(disk.full_at).slice(0, 10)}`;
    const [at, used] = [...line.values].filter(([, value]) => value !== null).at(-1) ?? [];
    const slope = (100 * disk.growth_gb_per_day) / disk.total_gb / DAY;
    const values = new Map();
    for (let time = at; time <= end + (end - start) / 2; time += answer.bucket_seconds) {
      const value = used + slope * (time - at);
      values.set(time, Math.min(value, 100));
      if (value >= 100) break;
    }
    return [{ title: line.title, follows: place, values }];
  });
  return [...lines, ...forecasts];
}

const DISKS = [
  { name: 'mount', title: 'Mounted at', show: (_, row) => nameOf(row) },
  { name: 'percent_used', title: 'In use', show: meter },
  { name: 'free_gb', title: 'Free', show: gigabytes },
  { name: 'total_gb', title: 'Size', rank: 2, show: gigabytes },
  { name: 'growth_gb_per_day', title: 'Growth a day', isNumber: true, show: growth,
    hint: 'The middle slope, with its 80 % interval on hover' },
  { name: 'full_at', title: 'Full', show: full },
  { name: 'full_earliest', title: 'Between', rank: 2,
    show: (early, row) => (early
      ? element('span', {}, date(early), ' and ', row.full_latest ? date(row.full_latest) : 'never') : '–'),
    hint: 'With about 80 % probability, if the growth goes on as before' },
  { name: 'points', rank: 3, show: number, hint: 'Points that the slope was computed from' },
];

function growth(value, row) {
  const low = gigabytes(row.growth_gb_per_day_low);
  const title = value === null ? null : `Between ${low} and ${gigabytes(row.growth_gb_per_day_high)}`;
  return element('span', { title }, gigabytes(value));
}

function full(at) {
  if (!at) return element('span', { class: 'quiet', title: 'It does not grow, or too little is known' }, 'no forecast');
  const days = (new Date(at) - Date.now()) / DAY / 1000;
  return mark(days < 3 ? 'critical' : days < 30 ? 'warning' : 'ok', element('span', {}, date(at), ', ', ago(at)));
}

const GROWTH = [
  { name: 'name', title: 'What', sorts: true,
    show: (name, row) => [row.schema && element('span', { class: 'quiet' }, `${row.schema}.`), plain(name ?? 'The server')] },
  { name: 'kind', sorts: true },
  { name: 'database', sorts: true, rank: 2 },
  { name: 'size_bytes', title: 'Size', sorts: true, show: bytes },
  { name: 'growth_bytes', title: 'Growth', sorts: true, show: bytes },
  { name: 'growth_percent', title: 'In percent', sorts: true, rank: 2, show: percent },
  { name: 'growth_bytes_per_day', title: 'A day', sorts: true, show: bytes },
];
