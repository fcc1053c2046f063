// The health of the server itself: rates, latencies by stage, backlog, budgets and loops. Rates are those between two answers.

import { administrationPage } from './administration-frame.js';
import { element } from './element.js';
import { bytes, number, rate, seconds, share, short } from './format.js';
import { panel, sectionPanel } from './panel.js';
import { meter, numbers } from './parts.js';
import { source } from './source.js';
import { ending, mark } from './state.js';
import { table } from './table.js';

const RENEWAL_SECONDS = 5;
const CERTIFICATE_WARNING_DAYS = 30;
const LATE_SECONDS = 120;
/** The stages of a push in their order, with what happens in them. */
const STAGES = {
  receive: 'Receive', inflate: 'Inflate', parse: 'Parse', queue: 'Wait for a writer', copy: 'Copy into PostgreSQL', commit: 'Commit',
  total: 'All together',
};
const BUDGETS = {
  bytes_in_flight: 'Pushes under way', pause_bytes: 'Paused connections', collector_bytes_in_flight: 'Pushes of one collector',
  admin_bytes_in_flight: 'Requests of people', answer_bytes_in_flight: 'Answers',
};

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('server', () => {
    const status = source(visit, () => ({ path: 'status' }));
    /** The answer before the present one; null: there is none, or the server started anew in between. */
    let before = null;
    let present = null;
    status.watch(({ answer }) => {
      if (!answer || answer === present) return;
      before = present && answer.uptime_seconds >= present.uptime_seconds ? present : null;
      present = answer;
    });
    visit.renewEvery(RENEWAL_SECONDS);
    const rows = (others) => sectionPanel({ source: status, ...others });
    const drawn = (others) => panel({ source: status, ...others });
    return element('div', { class: 'grid' },
      drawn({ title: 'Now', className: 'whole', draw: (now) => rates(before, now) }),
      drawn({ title: 'Latency of pushes by stage', draw: (now) => latencies(before, now) }),
      drawn({ title: 'Backlog', draw: backlog }),
      rows({ title: 'Budgets of memory', section: 'budgets', columns: BUDGET_COLUMNS }),
      rows({ title: 'Certificates', section: 'certificates', columns: CERTIFICATES }),
      rows({ title: 'Loops', section: 'loops', columns: loopColumns(() => [before, present]) }),
      rows({ title: 'Connections to PostgreSQL', section: 'database_pools', columns: POOLS }),
      rows({ title: 'Connections of clients', section: 'connections', columns: COUNTS }),
      rows({ title: 'Writers', section: 'writers', columns: COUNTS }));
  });
}

/** The value of a member: the sum, if it has a value for each of several names. */
function total(answer, name) {
  const value = answer[name];
  return Array.isArray(value) ? value.reduce((sum, { count }) => sum + count, 0) : value;
}

function secondsBetween(before, now) {
  return (Date.parse(now.at) - Date.parse(before.at)) / 1000;
}

function rates(before, now) {
  const grown = (name) => before && (total(now, name) - total(before, name)) / secondsBetween(before, now);
  const inAll = (name, show = short) => `${show(total(now, name))} in all`;
  return numbers([
    ['Version', now.version],
    ['State', now.is_ready ? mark('ok', 'Ready') : mark('critical', 'Not ready'), now.reasons.map(({ message }) => message).join(' ')],
    ['Uptime', seconds(now.uptime_seconds)],
    ['Connections', number(total(now, 'connections'))],
    ['Pushes', rate(grown('pushes_received')), inAll('pushes_received')],
    ['Rows', rate(grown('rows_stored')), inAll('rows_stored')],
    ['Received', before ? `${bytes(grown('push_bytes'))}/s` : rate(null), inAll('push_bytes', bytes)],
    ['Requests', rate(grown('requests'))],
    ['Loops busy', share(grown('loop_busy_seconds')), 'of one core'],
    ['Longest turn', seconds(now.loop_longest_turn_seconds)],
    ['Metrics rejected', rate(grown('metrics_rejected')), inAll('metrics_rejected')],
  ]);
}

function latencies(before, now) {
  const rows = Object.entries(STAGES).map(([stage, title]) => {
    const [latest, earlier] = [now, before].map((answer) => answer?.push_seconds.find(({ name }) => name === stage));
    return { title, count: latest?.count ?? 0, median: quantile(earlier, latest, 0.5), high: quantile(earlier, latest, 0.99) };
  });
  return table({
    caption: 'Latency of pushes by stage', rows, columns: [
      { name: 'title', title: 'Stage' },
      { name: 'median', title: 'Half within', isNumber: true, show: within },
      { name: 'high', title: '99 % within', isNumber: true, show: within },
      { name: 'count', title: 'Pushes in all', rank: 2, show: number },
    ],
  });
}

/**
 * A quantile of a histogram between two answers; of all time, if nothing was counted in between.
 * @param {any | undefined} before
 * @param {any | undefined} now
 * @param {number} part From 0 to 1.
 * @returns {number | null} The upper end of the bucket that has it; null: nothing was counted.
 */
function quantile(before, now, part) {
  const earlier = new Map((before?.buckets ?? []).map(({ up_to: end, count }) => [end, count]));
  const all = (now?.buckets ?? []).map(({ up_to: end, count }) => [end ?? Infinity, count, count - (earlier.get(end) ?? 0)]);
  const place = all.some(([, , fresh]) => fresh > 0) ? 2 : 1;
  const count = all.reduce((sum, bucket) => sum + bucket[place], 0);
  let below = 0;
  return all.find((bucket) => (below += bucket[place]) > 0 && below >= count * part)?.[0] ?? null;
}

function within(value) {
  return value === Infinity ? 'longer' : seconds(value);
}

function backlog(now) {
  const row = (title, count, oldest = null, isTrouble = false) => ({ title, count, oldest, isTrouble });
  const of = (name) => total(now, name);
  const oldestStep = Math.max(0, ...(now.rollup_oldest_seconds ?? []).map(({ count }) => count));
  return table({
    caption: 'Backlog',
    rows: [
      row('Pushes that wait for a writer', `${number(of('writer_backlog_pushes'))}, ${bytes(of('writer_backlog_bytes'))}`),
      row('Pushes that PostgreSQL refused', number(of('pushes_parked')), null, of('pushes_parked') > 0),
      row('Steps to roll up', number(of('rollup_pending_steps')), oldestStep),
      row('Steps that failed to roll up', number(of('rollup_failed_steps')), of('rollup_oldest_failed_seconds'),
        of('rollup_failed_steps') > 0),
      row('Evaluation of the checks', 'late', now.finding_lag_seconds, now.finding_lag_seconds > LATE_SECONDS),
      row('Notifications', number(now.notifications_waiting), now.notification_oldest_seconds),
      row('Queries that wait', number(now.queries_waiting)),
    ],
    columns: [
      { name: 'title', title: 'What', show: (title, { isTrouble }) => mark(isTrouble ? 'warning' : 'ok', title) },
      { name: 'count', title: 'How many', isNumber: true },
      { name: 'oldest', title: 'The oldest for', rank: 2, show: seconds },
    ],
  });
}

const BUDGET_COLUMNS = [
  { name: 'name', title: 'Budget', show: (name) => element('span', { title: name }, BUDGETS[name] ?? name) },
  { name: 'held_bytes', title: 'In use', show: bytes },
  { name: 'held_bytes', title: 'Share', isNumber: true, show: (held, row) => meter((100 * held) / row.limit_bytes) },
  { name: 'limit_bytes', title: 'Limit', rank: 2, show: bytes },
];

const CERTIFICATES = [
  { name: 'name', title: 'Certificate of the' },
  { name: 'ends_at', title: 'Ends', show: (end) => ending(end, CERTIFICATE_WARNING_DAYS) },
];

const COUNTS = [{ name: 'name', title: 'State' }, { name: 'count', title: 'How many', show: number }];

const POOLS = [
  { name: 'name', title: 'For' },
  { name: 'connected', isNumber: true, show: (count, row) => `${number(count)} of ${number(row.sessions)}` },
  { name: 'busy', show: number },
  { name: 'waiting', show: number },
];

function loopColumns(answers) {
  const busy = (value, { loop }) => {
    const [before, now] = answers();
    const past = before?.loops.find((one) => one.loop === loop);
    return share(past ? (value - past.busy_seconds) / secondsBetween(before, now) : null);
  };
  return [
    { name: 'loop' },
    { name: 'connections', show: number },
    { name: 'busy_seconds', title: 'Busy', isNumber: true, show: busy },
    { name: 'longest_turn_seconds', title: 'Longest turn', show: seconds },
    { name: 'held_bytes', title: 'Holds', rank: 2, show: bytes },
    { name: 'backlog_pushes', title: 'Backlog', show: number },
  ];
}
