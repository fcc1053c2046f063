// The overview of one server: its open findings, charts of its figures, and its facts.

import { byMember, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { ago, bytes, gigabytes, number, percent, plain, rate, short, time } from './format.js';
import { labelChips } from './labels.js';
import { panel, sectionPanel } from './panel.js';
import { facts } from './parts.js';
import { address, parsed } from './route.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';
import { table } from './table.js';

/** The charts: title, unit, lines by member of a row, and the upper end of the axis. */
const CHARTS = [
  { title: 'Transactions', unit: 'rate', lines: { transactions_per_second: 'All', rollbacks_per_second: 'Rolled back' } },
  { title: 'Sessions', unit: '', lines: { connections: 'All', active: 'Active', idle_in_transaction: 'Idle in transaction' } },
  { title: 'Cache hit', unit: 'percent', most: 100, lines: { cache_hit: 'Blocks found in the cache' } },
  { title: 'Replication lag', unit: 'seconds', lines: { replication_lag_seconds: 'Largest of a standby' } },
  { title: 'Oldest transaction', unit: 'seconds', lines: { oldest_transaction_seconds: 'Long or idle' } },
  { title: 'Fullest disk', unit: 'percent', most: 100, lines: { disk_used_percent: 'In use' } },
  { title: 'Size of the databases', unit: 'bytes', lines: { database_bytes: 'All databases' } },
  { title: 'Age of transaction ids', unit: '', lines: { xid_age: 'Oldest' } },
  { title: 'Load', unit: '', lines: { load_1m: 'Mean of a minute' } },
  { title: 'Memory', unit: 'percent', most: 100, lines: { memory_used_percent: 'In use, without the page cache' } },
];

const DATABASES = [
  { name: 'database' },
  { name: 'size_bytes', title: 'Size', show: bytes },
  { name: 'transactions_per_second', title: 'Transactions', show: rate },
  { name: 'rollback_percent', title: 'Rolled back', rank: 2, show: percent },
  { name: 'xid_age', rank: 2, show: short,
    hint: 'Age of the oldest transaction id that is not frozen' },
  { name: 'last_seen', title: 'Reported', rank: 2, show: ago },
];

const FILE_SYSTEMS = [
  { name: 'mount', title: 'Mounted at', show: (mount, row) => plain(mount || row.device) },
  { name: 'percent_used', title: 'In use', show: percent },
  { name: 'free_gb', title: 'Free', show: gigabytes },
  { name: 'total_gb', title: 'Size', show: gigabytes },
  { name: 'device', rank: 2 },
];

const EXTENSIONS = [
  { name: 'extension' }, { name: 'version' }, { name: 'database' },
  { name: 'schema', rank: 2 }, { name: 'owner', rank: 3 },
];

/**
 * Opens the page.
 * @param {import('./visit.js').Visit} visit
 * @returns {import('./pages.js').Page}
 */
export function open(visit) {
  const overview = source(visit, requestOf(visit, 'overview', '1h'));
  return serverPage(visit, '', element('div', { class: 'grid' },
    panel({ title: 'Open findings', source: overview, section: 'findings', height: 60, className: 'whole',
      draw: (answer) => findingRows(answer.findings, visit.names.id),
      empty: 'No check finds anything wrong.' }),
    CHARTS.map((figures) => chartPanel(visit, overview, figures)),
    sectionPanel({ title: 'Databases', source: overview, section: 'databases', columns: DATABASES,
      empty: 'No database was reported in this range.' }),
    sectionPanel({ title: 'File systems', source: overview, section: 'file_systems', columns: FILE_SYSTEMS,
      empty: 'No file system was reported in this range.' }),
    panel({ title: 'Server and collector', source: overview, section: 'server', draw: describe }),
    sectionPanel({ title: 'Extensions', source: overview, section: 'extensions', columns: EXTENSIONS,
      empty: 'No extension was reported in this range.' }),
  ), '1h');
}

function chartPanel(visit, overview, { title, unit, most, lines }) {
  const draw = chart(visit, { title, unit, most, lines: (answer) => byMember(answer.data, lines) });
  return panel({ title, source: overview, draw, height: CHART_ROOM, empty: 'The collector reported no value in this range.' });
}

function describe({ server: [server] }) {
  if (!server) return null;
  const config = server.config_version ? `version ${server.config_version}, taken: ${plain(server.pulled_config_version)}` : 'none';
  const entries = {
    'Host name': server.hostname,
    Labels: Object.keys(server.labels ?? {}).length ? labelChips(server.labels, parsed('#/fleet')) : '–',
    'First enrolled': time(server.created_at),
    'Last push': ago(server.last_seen_at),
    Collector: `${plain(server.collector_name)}, version ${plain(server.version)}`,
    Address: plain(server.address),
    Certificate: server.certificate_expires_at ? element('span', {}, 'ends ', ago(server.certificate_expires_at)) : '–',
    Configuration: config,
    Rejected: server.rejects
      ? element('span', {}, `${number(server.rejects)} metrics and rows, the last one `, ago(server.last_reject_at)) : 'nothing',
  };
  return facts(entries);
}

const MOST_FINDINGS = 6;

/**
 * Makes a table of the first findings, with the way to all.
 * @param {any[]} rows With id, severity, message, opened_at, acknowledged_by, the worst first.
 * @param {string} server Its id.
 * @returns {HTMLElement | null} null: there is none.
 */
function findingRows(rows, server) {
  if (!rows.length) return null;
  const all = rows.length > MOST_FINDINGS && element('p', { class: 'panel-text' },
    element('a', { href: address('findings', { server }) }, `Show all ${number(rows.length)} findings`));
  return element('div', {}, table({
    caption: 'Open findings', rows: rows.slice(0, MOST_FINDINGS), href: (row) => address(['findings', row.id]), key: (row) => row.id,
    columns: [
      { name: 'message', title: 'Finding', shape: 'wide', show: (message, row) => mark(row.severity, message) },
      { name: 'opened_at', title: 'Since', show: ago },
      { name: 'acknowledged_by', rank: 2 },
    ],
  }), all);
}
