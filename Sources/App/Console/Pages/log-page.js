// The PostgreSQL log of a server.

import { byKey, chart, CHART_ROOM } from './chart.js';
import { element } from './element.js';
import { plain, time } from './format.js';
import { choiceField, list, searchField } from './list.js';
import { panel } from './panel.js';
import { requestOf, serverPage } from './server-frame.js';
import { source } from './source.js';
import { mark } from './state.js';

const RANGE = '24h';
const LEVELS = ['PANIC', 'FATAL', 'ERROR', 'WARNING', 'LOG', 'INFO', 'NOTICE', 'DEBUG'];
const STATES = { PANIC: 'critical', FATAL: 'critical', ERROR: 'critical', WARNING: 'warning' };

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = requestOf(visit, 'log', RANGE, ['q', 'level', 'database']);
  const severities = source(visit, (route) => request(route, { page_size: 1 }));
  const title = 'Lines by severity';
  return serverPage(visit, 'log', element('div', { class: 'stack' },
    element('div', { class: 'tools' },
      searchField(visit, 'q', 'Words, "a phrase", or, -without'),
      choiceField(visit, 'level', 'Severity', { '': 'Every severity', ...Object.fromEntries(LEVELS.map((level) => [level, level])) })),
    panel({
      title, source: severities, section: 'severities', height: CHART_ROOM, empty: 'No line fits in this range.',
      draw: chart(visit, {
        title, unit: '', isStacked: true, isBars: true, lines: (answer) => byKey(answer.severities, (row) => plain(row.level), 'lines'),
      }),
    }),
    list(visit, {
      title: 'Lines', sort: '-time', request, columns: LINES,
      empty: 'No line fits. The collector sends the lines of the log that it can read.',
    }),
  ), RANGE);
}

const LINES = [
  { name: 'time', sorts: true, show: (at, row) => element('span', {}, time(at), row.time_from === 'arrival'
    && element('span', { class: 'quiet', title: 'When the line arrived; its own time cannot be relied on' }, ' arrived')) },
  { name: 'level', title: 'Severity', sorts: true, show: (level) => mark(STATES[level?.toUpperCase()] ?? 'unknown', plain(level)) },
  { name: 'database', rank: 2 },
  { name: 'message', shape: 'text' },
];
