// The health of the server itself: rates, latencies by stage, backlog, budgets and loops. Rates are those between two readings.

import { administrationPage } from './administration-frame.js';
import { card } from './card.js';
import { element, replace } from './element.js';
import { ending } from './ending.js';
import { byLabel, growth, quantile, readExposition, sum } from './exposition.js';
import { bytes, number, percent, rate, seconds, share, short } from './format.js';
import { problemNotice } from './problem.js';
import { mark } from './state.js';
import { table } from './table.js';

const READ_MILLISECONDS = 5000;
const CERTIFICATE_WARNING_DAYS = 30;
/** The stages of a push in their order, with what happens in them. */
const STAGES = {
  receive: 'Receive', inflate: 'Inflate', parse: 'Parse', queue: 'Wait for a writer', copy: 'Copy into PostgreSQL', commit: 'Commit', total: 'All together',
};
const BUDGETS = {
  bytes_in_flight: 'Pushes under way', pause_bytes: 'Paused connections', collector_bytes_in_flight: 'Pushes of one collector',
  admin_bytes_in_flight: 'Requests of people', answer_bytes_in_flight: 'Answers',
};

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('server', () => {
    const node = element('div', { class: 'grid', 'aria-busy': 'true' });
    let before = null;
    const timer = setInterval(() => !document.hidden && read(), READ_MILLISECONDS);
    visit.signal.addEventListener('abort', () => clearInterval(timer));
    read();
    return node;

    async function read() {
      try {
        const now = await readExposition(visit.signal);
        // A server that started anew counts from 0 again.
        if (before && sum(now, 'pganalytics_uptime_seconds') < sum(before, 'pganalytics_uptime_seconds')) before = null;
        replace(node, panels(before, now));
        before = now;
      } catch (problem) {
        if (!visit.signal.aborted) replace(node, element('div', { class: 'whole' }, problemNotice(problem, read)));
      }
      node.setAttribute('aria-busy', 'false');
    }
  });
}

function panels(before, now) {
  return [
    wide(card('Now', element('span', { class: 'quiet' }, before ? `rates of the last ${seconds(now.at - before.at)}` : 'rates follow in some seconds'), rates(before, now))),
    card('Latency of pushes by stage', null, latencies(before, now)),
    card('Backlog', null, backlog(now)),
    card('Budgets of memory', null, budgets(now)),
    card('Connections', null, states(now, 'pganalytics_connections')),
    card('Writers to PostgreSQL', null, states(now, 'pganalytics_writers')),
    card('Certificates', null, certificates(now)),
  ];
}

function wide(node) {
  node.classList.add('whole');
  return node;
}

function rates(before, now) {
  const grown = (name) => growth(before, now, name);
  const version = byLabel(now, 'pganalytics_build_info', 'version')[0]?.[0];
  return numbers({
    Version: version,
    Uptime: seconds(sum(now, 'pganalytics_uptime_seconds')),
    Connections: number(sum(now, 'pganalytics_connections')),
    Pushes: [rate(grown('pganalytics_pushes_received_total')), `${short(sum(now, 'pganalytics_pushes_received_total'))} in all`],
    Rows: [rate(grown('pganalytics_rows_stored_total')), `${short(sum(now, 'pganalytics_rows_stored_total'))} in all`],
    Received: [byteRate(grown('pganalytics_push_bytes_total')), `${bytes(sum(now, 'pganalytics_push_bytes_total'))} in all`],
    Requests: rate(grown('pganalytics_requests_total')),
    'Loops busy': [share(grown('pganalytics_loop_busy_seconds_total')), 'of one core'],
    'Longest turn': seconds(sum(now, 'pganalytics_loop_longest_turn_seconds')),
    'Metrics rejected': [rate(grown('pganalytics_metrics_rejected_total')), `${short(sum(now, 'pganalytics_metrics_rejected_total'))} in all`],
  });
}

function byteRate(value) {
  return value === null ? rate(null) : `${bytes(value)}/s`;
}

function numbers(entries) {
  return element('dl', { class: 'numbers' }, Object.entries(entries).map(([name, value]) => {
    const [text, small] = [value].flat();
    return element('div', {}, element('dt', {}, name), element('dd', {}, text, small && element('small', {}, small)));
  }));
}

function latencies(before, now) {
  const rows = Object.entries(STAGES).map(([stage, title]) => {
    const head = `pganalytics_push_seconds_bucket{stage="${stage}",le="`;
    const count = now.values.get(`pganalytics_push_seconds_count{stage="${stage}"}`) ?? 0;
    const at = (part) => quantile(before, now, head, part);
    return { title, count, median: at(0.5), high: at(0.99) };
  });
  return table({
    caption: 'Latency of pushes by stage', rows, columns: [
      { name: 'title', title: 'Stage' },
      { name: 'median', title: 'Half within', isNumber: true, show: within },
      { name: 'high', title: '99 % within', isNumber: true, show: within },
      { name: 'count', title: 'Pushes in all', isNumber: true, rank: 2, show: number },
    ],
  });
}

function within(value) {
  return value === Infinity ? 'longer' : seconds(value);
}

function backlog(now) {
  const entry = (title, count, oldest, isTrouble) => ({ title, count, oldest, isTrouble });
  const value = (name) => sum(now, name);
  return table({
    caption: 'Backlog',
    rows: [
      entry('Pushes that wait for a writer', `${number(value('pganalytics_writer_backlog_pushes'))}, ${bytes(value('pganalytics_writer_backlog_bytes'))}`, null, false),
      entry('Pushes that PostgreSQL refused', number(value('pganalytics_pushes_parked_total')), null, value('pganalytics_pushes_parked_total') > 0),
      entry('Steps to roll up', number(value('pganalytics_rollup_pending_steps')), Math.max(0, ...byLabel(now, 'pganalytics_rollup_oldest_seconds', 'step').map(([, age]) => age)), false),
      entry('Steps that failed to roll up', number(value('pganalytics_rollup_failed_steps')), value('pganalytics_rollup_oldest_failed_seconds'), value('pganalytics_rollup_failed_steps') > 0),
      entry('Evaluation of the checks', 'late', value('pganalytics_finding_lag_seconds'), value('pganalytics_finding_lag_seconds') > 120),
      entry('Notifications', number(value('pganalytics_notifications_waiting')), value('pganalytics_notification_oldest_seconds'), false),
      entry('Queries that wait', number(value('pganalytics_queries_waiting')), null, false),
    ],
    columns: [
      { name: 'title', title: 'What', show: (title, row) => mark(row.isTrouble ? 'warning' : 'ok', title) },
      { name: 'count', title: 'How many', isNumber: true },
      { name: 'oldest', title: 'The oldest for', isNumber: true, rank: 2,
        show: (value) => (value === null ? '–' : seconds(value)) },
    ],
  });
}

function budgets(now) {
  const held = new Map(byLabel(now, 'pganalytics_budget_held_bytes', 'budget'));
  const rows = byLabel(now, 'pganalytics_budget_limit_bytes', 'budget').map(([name, limit]) => ({ name, limit, held: held.get(name) ?? 0 }));
  return table({
    caption: 'Budgets of memory', rows, columns: [
      { name: 'name', title: 'Budget', show: (name) => element('span', { title: name }, BUDGETS[name] ?? name) },
      { name: 'held', title: 'In use', isNumber: true,
        show: (value, row) => meter(value / row.limit, `${bytes(value)}, ${percent((100 * value) / row.limit)}`) },
      { name: 'limit', title: 'Limit', isNumber: true, rank: 2, show: bytes },
    ],
  });
}

function meter(part, text) {
  return element('span', { class: 'meter' }, text,
    element('span', { class: 'meter-room' }, element('span', { class: 'meter-part', style: { width: `${Math.min(100, 100 * part)}%`, display: 'block' } })));
}

function states(now, name) {
  return table({
    caption: name, rows: byLabel(now, name, 'state').map(([state, count]) => ({ state, count })), columns: [
      { name: 'state', title: 'State' }, { name: 'count', title: 'How many', isNumber: true, show: number },
    ],
  });
}

function certificates(now) {
  return table({
    caption: 'Certificates', rows: byLabel(now, 'pganalytics_certificate_not_after_seconds', 'certificate').map(([name, end]) => ({ name, end })), columns: [
      { name: 'name', title: 'Certificate of the' },
      { name: 'end', title: 'Ends', show: (end) => ending(new Date(end * 1000).toISOString(), CERTIFICATE_WARNING_DAYS) },
    ],
  });
}
