// How late the standbys of a server are, and what its slots keep.

import { byKey, byMember, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { ago, bytes, date, megabytes, milliseconds, plain, seconds } from './format.js';
import { panel, sectionPanel } from './panel.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = requestOf(visit, 'replication', '1h');
  const replication = source(visit, (route) => request(route, { limit: 5000 }));
  const standby = (row) => plain(row.standby);
  const picture = (title, unit, lines, section) => panel({
    title, source: replication, section, height: CHART_ROOM, draw: chart(visit, { title, unit, lines }),
    empty: 'Nothing was reported in this range.',
  });
  return serverPage(visit, 'replication', element('div', { class: 'stack' },
    sectionPanel({ title: 'Standbys', source: replication, section: 'standbys', columns: STANDBYS, height: 80,
      empty: 'No standby was connected in this range.' }),
    element('div', { class: 'grid' },
      picture('Replay lag', 'milliseconds', (answer) => byKey(answer.data, standby, 'replay_lag_ms')),
      picture('Flush lag', 'milliseconds', (answer) => byKey(answer.data, standby, 'flush_lag_ms')),
      picture('Yet to replay', 'megabytes', (answer) => byKey(answer.data, standby, 'behind_mb')),
      picture('Size of the write-ahead log', 'megabytes',
        (answer) => byMember(answer.wal, { most_size_mb: 'Files', most_directory_size_mb: 'Directory' }), 'wal'),
    ),
    sectionPanel({ title: 'Replication slots', source: replication, section: 'slots', columns: SLOTS, height: 80,
      empty: 'There was no slot in this range.' }),
    sectionPanel({ title: 'Subscriptions', source: replication, section: 'subscriptions', columns: SUBSCRIPTIONS, height: 80,
      empty: 'There was no logical subscription in this range.' }),
  ), '1h');
}

function presence(name, row) {
  return mark(row.is_present ? 'ok' : 'silent', name);
}

const SEEN = { name: 'last_seen',
  show: (last, row) => (row.is_present ? ago(last) : element('span', {}, 'gone, last seen ', ago(last))) };

const STANDBYS = [
  { name: 'standby', show: (name, row) => presence(plain(name), row) },
  { name: 'client_address', title: 'Address', rank: 2 },
  { name: 'state' },
  { name: 'sync_state', title: 'Sync', rank: 2 },
  { name: 'replay_lag_ms', title: 'Replay lag', show: milliseconds },
  { name: 'flush_lag_ms', title: 'Flush lag', rank: 2, show: milliseconds },
  { name: 'behind_mb', title: 'Yet to replay', show: megabytes },
  { name: 'replay_lsn', title: 'Replayed to', rank: 3 },
  SEEN,
];

const SLOTS = [
  { name: 'slot', show: (name, row) => presence(name, row) },
  { name: 'slot_type', title: 'Kind', rank: 2 },
  { name: 'is_active', title: 'In use',
    show: (isActive, row) => (isActive ? 'yes' : element('span', {}, 'no', row.active_at && [', last ', ago(row.active_at)])) },
  { name: 'retained_bytes', title: 'Keeps', show: bytes, hint: 'Write-ahead log kept for the slot' },
  { name: 'growth_bytes_per_hour', title: 'Growth an hour', rank: 2, show: bytes },
  { name: 'full_at', title: 'Fills the disk', show: date,
    hint: 'When the slot will have filled the free space, if it goes on growing so' },
  { name: 'restart_lsn', title: 'From', rank: 3 },
  SEEN,
];

const SUBSCRIPTIONS = [
  { name: 'subscription', show: (name, row) => presence(name, row) },
  { name: 'database' },
  { name: 'state' },
  { name: 'silent_seconds', title: 'Silent for', show: seconds },
  { name: 'received_lsn', title: 'Received to', rank: 2 },
  { name: 'worker_count', title: 'Workers', isNumber: true, rank: 2 },
  SEEN,
];
