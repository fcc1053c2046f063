// How late the standbys of a server are, and what its slots keep.

import { byKey, byMember, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { ago, bytes, date, milliseconds, plain, seconds } from './format.js';
import { panel } from './panel.js';
import { sectionPanel } from './section-panel.js';
import { serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';
import { rangeOf } from './time-range.js';

const MEGABYTE = 1_048_576;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const replication = source(visit, (route) => ({ path: `servers/${visit.names.id}/replication`, parameters: { ...rangeOf(route), limit: 5000 } }));
  const standby = (row) => plain(row.standby);
  const picture = (title, unit, lines, section) => panel({
    title, source: replication, section, height: CHART_ROOM, draw: chart(visit, { title, unit, lines }), empty: 'Nothing was reported in this range.',
  });
  return serverPage(visit, 'replication', element('div', { class: 'stack' },
    sectionPanel({ title: 'Standbys', source: replication, section: 'standbys', columns: STANDBYS, height: 80,
      empty: 'No standby was connected in this range.' }),
    element('div', { class: 'grid' },
      picture('Replay lag', 'milliseconds', (answer) => byKey(answer.data, standby, 'replay_lag_ms')),
      picture('Flush lag', 'milliseconds', (answer) => byKey(answer.data, standby, 'flush_lag_ms')),
      picture('Yet to replay', 'bytes', (answer) => byKey(answer.data.map(inBytes), standby, 'behind')),
      picture('Size of the write-ahead log', 'bytes', (answer) => byMember(answer.wal.map(inBytes), { size: 'Files', directory: 'Directory' }), 'wal'),
    ),
    sectionPanel({ title: 'Replication slots', source: replication, section: 'slots', columns: SLOTS, height: 80,
      empty: 'There was no slot in this range.' }),
    sectionPanel({ title: 'Subscriptions', source: replication, section: 'subscriptions', columns: SUBSCRIPTIONS, height: 80,
      empty: 'There was no logical subscription in this range.' }),
  ), '1h');
}

function inBytes(row) {
  const scaled = (value) => (value === null || value === undefined ? null : value * MEGABYTE);
  return { ...row, behind: scaled(row.behind_mb), size: scaled(row.most_size_mb), directory: scaled(row.most_directory_size_mb) };
}

function presence(name, row) {
  return mark(row.is_present ? 'ok' : 'silent', name);
}

const SEEN = { name: 'last_seen', title: 'Last seen',
  show: (last, row) => (row.is_present ? ago(last) : element('span', {}, 'gone, last seen ', ago(last))) };

const STANDBYS = [
  { name: 'standby', title: 'Standby', show: (name, row) => presence(plain(name), row) },
  { name: 'client_address', title: 'Address', rank: 2 },
  { name: 'state', title: 'State' },
  { name: 'sync_state', title: 'Sync', rank: 2 },
  { name: 'replay_lag_ms', title: 'Replay lag', isNumber: true, show: milliseconds },
  { name: 'flush_lag_ms', title: 'Flush lag', isNumber: true, rank: 2, show: milliseconds },
  { name: 'behind_mb', title: 'Yet to replay', isNumber: true, show: (value) => bytes(value === null ? null : value * MEGABYTE) },
  { name: 'replay_lsn', title: 'Replayed to', rank: 3 },
  SEEN,
];

const SLOTS = [
  { name: 'slot', title: 'Slot', show: (name, row) => presence(name, row) },
  { name: 'slot_type', title: 'Kind', rank: 2 },
  { name: 'is_active', title: 'In use',
    show: (isActive, row) => (isActive ? 'yes' : element('span', {}, 'no', row.active_at && [', last ', ago(row.active_at)])) },
  { name: 'retained_bytes', title: 'Keeps', isNumber: true, show: bytes, hint: 'Write-ahead log kept for the slot' },
  { name: 'growth_bytes_per_hour', title: 'Growth an hour', isNumber: true, rank: 2, show: bytes },
  { name: 'full_at', title: 'Fills the disk', show: date,
    hint: 'When the slot will have filled the free space, if it goes on growing so' },
  { name: 'restart_lsn', title: 'From', rank: 3 },
  SEEN,
];

const SUBSCRIPTIONS = [
  { name: 'subscription', title: 'Subscription', show: (name, row) => presence(name, row) },
  { name: 'database', title: 'Database' },
  { name: 'state', title: 'State' },
  { name: 'silent_seconds', title: 'Silent for', isNumber: true, show: seconds },
  { name: 'received_lsn', title: 'Received to', rank: 2 },
  { name: 'worker_count', title: 'Workers', isNumber: true, rank: 2 },
  SEEN,
];
