// Who blocks whom on a server, and for how long.

import { byMember, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { number, plain, seconds, time } from './format.js';
import { momentField } from './moment-field.js';
import { panel, sectionPanel } from './panel.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';
import { statementLine } from './statement.js';
import { addressTime } from './time-range.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const locks = source(visit, requestOf(visit, 'locks', '1h', ['at']));
  const blocked = (title, unit, lines) => panel({
    title, source: locks, section: 'blocked_time', height: CHART_ROOM, empty: 'No session was seen waiting in this range.',
    draw: chart(visit, {
      title, unit, lines: (answer) => byMember(answer.blocked_time, lines),
      // The tree is that of the last lists of the bucket.
      pick: (from, to) => visit.change({ at: addressTime(to) }),
    }),
  });
  return serverPage(visit, 'locks', element('div', { class: 'stack' },
    sectionPanel({
      title: 'Who waits for whom', source: locks, columns: TREE, key: (row) => row.pid,
      tools: momentField(visit, 'at', 'The end of the range'),
      empty: 'No session waited for a lock at this time. The charts show waits in the range: press on one to see who waited then.',
    }),
    element('div', { class: 'grid' },
      blocked('Time that sessions were blocked', 'seconds',
        { blocked_seconds: 'Sum over the sessions', longest_wait_seconds: 'Longest wait' }),
      blocked('Waiting sessions', '', { most_waiting: 'Most at a time' }),
    ),
    sectionPanel({
      title: 'Which statements blocked which', source: locks, section: 'blockers', columns: BLOCKERS,
      empty: 'No session was seen waiting in this range.',
    }),
  ), '1h');
}

const TREE = [
  { name: 'pid', title: 'Session',
    show: (pid, row) => element('span', { class: 'branch', style: { '--depth': String(row.depth ?? 0) } },
    row.in_circle ? mark('critical', `${pid} waits in a circle`) : row.parent_pid ? `↳ ${pid}` : mark('warning', String(pid))) },
  { name: 'username', title: 'User',
    show: (user, row) => [plain(user), row.application_name && element('span', { class: 'quiet' }, ` ${row.application_name}`)] },
  { name: 'wait_seconds', title: 'Waits', isNumber: true, show: (value) => (value === null ? 'holds' : seconds(value)),
    hint: 'How long the waiting statement has run' },
  { name: 'sessions_behind', title: 'Behind it', show: number, hint: 'Sessions that wait for it, directly or not' },
  { name: 'lock_mode', title: 'Lock', rank: 2,
    show: (mode, row) => (mode ? `${mode}${row.lock_type ? ` on ${row.lock_type}` : ''}` : '–') },
  { name: 'state', rank: 3 },
  { name: 'database', rank: 3 },
  { name: 'query', title: 'Statement', shape: 'wide', show: statementLine },
];

const BLOCKERS = [
  { name: 'blocking_query', title: 'This statement', shape: 'wide', show: statementLine },
  { name: 'blocked_query', title: 'blocked this one', shape: 'wide', show: statementLine },
  { name: 'blocked_seconds', title: 'Blocked', show: seconds, hint: 'Time that sessions were blocked' },
  { name: 'longest_wait_seconds', title: 'Longest', rank: 2, show: seconds },
  { name: 'sessions', rank: 2, show: number },
  { name: 'blocking_user', title: 'By', rank: 3 },
  { name: 'last_seen', rank: 3, show: time },
];
