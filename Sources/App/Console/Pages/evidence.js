// The figures that show a finding: for each kind of check the read and the lines of a chart.

import { byKey, byMember } from './chart.js';

/**
 * @typedef {Object} Evidence
 * @property {string} read The read of the server.
 * @property {string} title
 * @property {string} unit See `inUnit`.
 * @property {string} [section]
 * @property {(answer: any) => import('./chart.js').Line[]} lines
 * @property {boolean} [hasThreshold] Whether the threshold of the check is in the unit of the chart.
 * @property {number} [most]
 */

const overview = (title, unit, name, more = {}) => ({
  read: 'overview', title, unit, lines: (answer) => byMember(answer.data, { [name]: title }), ...more,
});
const DISK = overview('Fullest disk', 'percent', 'disk_used_percent', { most: 100 });
const OLDEST = overview('Oldest transaction', 'seconds', 'oldest_transaction_seconds', { hasThreshold: true });
const BLOCKED = {
  read: 'locks', section: 'blocked_time', title: 'Longest wait', unit: 'seconds',
  lines: (answer) => byMember(answer.blocked_time, { longest_wait_seconds: 'Longest wait' }),
};
const LAG = {
  read: 'replication', title: 'Replay lag', unit: 'milliseconds',
  lines: (answer) => byKey(answer.data, (row) => row.standby ?? '–', 'replay_lag_ms'),
};
const LOG = {
  read: 'log', section: 'severities', title: 'Lines of the log', unit: '',
  lines: (answer) => byKey(answer.severities, (row) => row.level ?? '–', 'lines'),
};
const WAL = {
  read: 'replication', section: 'wal', title: 'Size of the write-ahead log', unit: 'megabytes',
  lines: (answer) => byMember(answer.wal, { most_size_mb: 'Files' }),
};

/** @type {Object<string, Evidence>} By the name of the check. */
const EVIDENCE = {
  disk_full: { ...DISK, hasThreshold: true },
  disk_full_soon: DISK,
  xid_age: overview('Age of transaction ids', '', 'xid_age', { hasThreshold: true }),
  long_transaction: OLDEST,
  idle_in_transaction: OLDEST,
  connections_near_limit: overview('Sessions', '', 'connections', { hasThreshold: true }),
  blocked_sessions: { ...BLOCKED, hasThreshold: true },
  blocking_chain: BLOCKED,
  replication_lag: LAG,
  standby_gone: LAG,
  slot_retention: WAL,
  inactive_slot: WAL,
  wal_storm: WAL,
  cache_hit_collapse: overview('Cache hit', 'percent', 'cache_hit', { most: 100, hasThreshold: true }),
  error_burst: LOG,
  deadlocks: LOG,
};

/**
 * What shows a finding of a check.
 * @param {string} check
 * @returns {Evidence | null} null: no figures over time show it.
 */
export function evidenceOf(check) {
  return EVIDENCE[check] ?? null;
}

/**
 * The page of the console for what the API says to look at.
 * @param {string} path `/api/v1/servers/7/vacuum`
 * @returns {string} `#/servers/7/tables`
 */
export function pageOf(path) {
  return `#/${path.replace('/api/v1/', '').replace(/\/vacuum\b/, '/tables').replace(/\/overview\b/, '')}`;
}
