// The page of the fleet: counts by state, checks with findings, and the list of all servers.

import { bulkBar } from './bulk-bar.js';
import { element, replace } from './element.js';
import { ago, number, percent, rate, seconds, short } from './format.js';
import { chosenLabels, labelChips } from './labels.js';
import { searchField, taken } from './list.js';
import { emptyFleet, longList } from './long-table.js';
import { address, changed } from './route.js';
import { selection } from './selection.js';
import { source } from './source.js';
import { loadLine } from './sparkline.js';
import { mark, stateMark, STATES } from './state.js';

const RENEWAL_SECONDS = 15;

/**
 * Opens the page.
 * @param {import('./visit.js').Visit} visit
 * @returns {import('./pages.js').Page}
 */
export function open(visit) {
  const servers = longList(visit, {
    sort: '-urgency', request: () => ({ path: 'fleet', parameters: taken(visit.route, 'q', 'label', 'state') }),
  });
  const checks = source(visit, () => ({ path: 'checks' }));
  const marked = selection((row) => row.server_id, (row) => row.name, () => bar.show());
  const bar = bulkBar(visit, marked, servers.rows);
  visit.renewEvery(RENEWAL_SECONDS);

  return {
    title: 'Fleet',
    range: null,
    node: element('div', { class: 'fleet' },
      stateBar(visit, servers.rows),
      troubles(checks),
      servers.node({
        title: 'Servers',
        tools: [searchField(visit, 'q', 'Filter by name'), chosenLabels(visit)],
        empty: () => emptyFleet(visit.route, 'server'),
        columns: columns(visit),
        href: (row) => address(['servers', row.server_id]),
        key: (row) => row.server_id,
        selection: marked,
      }),
      bar.node,
    ),
  };
}

function columns(visit) {
  return [
    { name: 'name', title: 'Server', sorts: true, show: (name, row) => element('span', { title: row.hostname }, name) },
    { name: 'urgency', title: 'State', sorts: true, isNumber: false, show: (_, row) => stateMark(row.state) },
    { name: 'findings', title: 'Why', sorts: true, shape: 'wide', show: (_, row) => why(row) },
    { name: 'last_seen_at', title: 'Last push', sorts: true, rank: 2, show: ago },
    { name: 'connections', title: 'Sessions', sorts: true, show: short, hint: 'Sessions of the last list' },
    { name: 'transactions_per_second', title: 'Transactions', sorts: true, show: rate,
      hint: 'Commits and rollbacks per second' },
    { name: 'cache_hit', sorts: true, rank: 2, show: percent,
      hint: 'Blocks found in the buffer cache' },
    { name: 'replication_lag_seconds', title: 'Lag', sorts: true, rank: 2, show: seconds,
      hint: 'Largest replay lag of a standby' },
    { name: 'oldest_transaction_seconds', title: 'Oldest', sorts: true, rank: 3, show: seconds,
      hint: 'Longest time of a long or idle transaction' },
    { name: 'disk_used_percent', title: 'Disk', sorts: true, show: percent,
      hint: 'Space in use of the fullest file system' },
    { name: 'xid_age', sorts: true, rank: 3, show: short,
      hint: 'Age of the oldest transaction id that is not frozen, in transactions' },
    { name: 'server_id', title: 'Load, last hour', rank: 3, show: (id) => loadLine(visit, id), hint: 'Load average of a minute' },
    { name: 'labels', rank: 3, show: (labels) => labelChips(labels, visit.route) },
  ];
}

function why({ why: reasons, findings }) {
  const first = reasons?.[0];
  if (!first) return '';
  const others = findings - 1;
  return element('span', { class: 'why', title: reasons.map((reason) => reason.message).join('\n') },
    element('span', { class: 'why-text' }, first.message), others > 0 && element('span', { class: 'count' }, `+${number(others)}`));
}

/** How many servers have which state: a bar, and a filter for each state. */
function stateBar(visit, servers) {
  const bar = element('div', { class: 'state-bar', 'aria-hidden': 'true' });
  const filters = element('div', { class: 'state-filters', role: 'group', 'aria-label': 'States' });
  const draw = () => {
    const counts = Object.fromEntries((servers.answer?.counts ?? []).map(({ state, servers: count }) => [state ?? 'unknown', count]));
    const chosen = visit.route.parameters.get('state');
    const states = { ...STATES, ...(counts.unknown ? { unknown: 'Not evaluated' } : {}) };
    replace(bar, Object.keys(states).map((state) => counts[state]
      && element('span', { class: `state-part state-${state}`, style: { 'flex-grow': String(counts[state]) } })));
    replace(filters, Object.entries(states).map(([state, word]) => element('a', {
      class: 'state-filter', href: changed(visit.route, { state: chosen === state ? null : state }),
      'aria-current': chosen === state ? 'true' : null,
    }, mark(state, word), element('strong', {}, servers.answer ? number(counts[state] ?? 0) : '–'))));
  };
  servers.watch(draw);
  return element('div', { class: 'states' }, bar, filters);
}

/** The checks that found something: the shortest answer to what is wrong. */
function troubles(checks) {
  const node = element('nav', { class: 'troubles', 'aria-label': 'Open findings by check' });
  checks.watch(({ answer }) => {
    const found = (answer?.data ?? []).filter((check) => check.open_findings).sort((one, other) =>
      (one.severity === other.severity ? other.open_findings - one.open_findings : one.severity === 'critical' ? -1 : 1));
    replace(node, found.map((check) => element('a', { class: 'trouble', href: address('findings', { check: check.name }) },
      mark(check.severity, check.title), element('strong', {}, number(check.open_findings)))),
    answer && !found.length && element('span', { class: 'quiet' }, 'No check has an open finding.'));
  });
  return node;
}
