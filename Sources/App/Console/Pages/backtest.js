// What a check would have found with other thresholds, over stored history.

import { ask } from './api.js';
import { command } from './command.js';
import { drawing, element, replace } from './element.js';
import { curl } from './export-menu.js';
import { ago, inUnit, number, plain, seconds, time, timeText } from './format.js';
import { emptyNotice } from './panel.js';
import { numbers } from './parts.js';
import { problemNotice } from './problem.js';
import { address } from './route.js';
import { table } from './table.js';

/** Pixels of the drawing. */
const WIDTH = 900;
const NAMES = 190;
const LANE = 18;
const MOST_LANES = 40;

/**
 * Runs a backtest and shows the result.
 * @param {import('./visit.js').Visit} visit
 * @param {any} check As the API describes it.
 * @param {Object<string, any>} body Of the request: start_time, step, thresholds, labels.
 * @param {HTMLElement} room Where the result goes.
 * @returns {Promise<void>}
 */
export async function runBacktest(visit, check, body, room) {
  const request = { path: `checks/${check.name}/backtest`, method: 'POST', body };
  room.setAttribute('aria-busy', 'true');
  try {
    const answer = await ask({ ...request, signal: visit.signal });
    replace(room, summary(answer), answer.findings.length
      ? [spans(answer, check.severity), findings(answer)] : emptyNotice('It would have found nothing.'), command(curl(request)));
  } catch (problem) {
    if (!visit.signal.aborted) replace(room, problemNotice(problem, () => runBacktest(visit, check, body, room)));
  } finally {
    room.removeAttribute('aria-busy');
  }
}

function summary(answer) {
  const servers = new Set(answer.findings.map((finding) => finding.server_id)).size;
  const withoutData = answer.evaluations ? (100 * answer.without_data) / answer.evaluations : 0;
  const entries = [
    ['Would have opened', `${number(answer.opened)} findings`],
    ['On', `${number(servers)} of ${number(answer.servers)} servers`],
    ['Looked', `every ${seconds(answer.step_seconds)}`],
    ['Without data', `${number(withoutData)} %`],
  ];
  return element('div', { role: 'status' }, numbers(entries));
}

/** When each finding would have been open: a bar on a line of its own. */
function spans({ findings: rows, start_time: start, end_time: end }, severity) {
  const [from, to] = [Date.parse(start), Date.parse(end)];
  const lanes = rows.slice(0, MOST_LANES);
  const height = LANE * (lanes.length + 1);
  const place = (at) => NAMES + ((WIDTH - NAMES) * (Math.min(Math.max(at, from), to) - from)) / (to - from);
  const marks = [0, 0.25, 0.5, 0.75, 1].map((part) => from + part * (to - from));
  const label = 'When each finding would have been open';
  const attributes = { class: 'spans', viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': label };
  return element('div', { class: 'panel-text' }, drawing('svg', attributes,
    marks.map((at, index) => drawing('g', { class: 'axis' },
      drawing('line', { x1: place(at), x2: place(at), y1: 0, y2: height - LANE }),
      drawing('text', { x: place(at), y: height - 4, 'text-anchor': index === 4 ? 'end' : 'middle' }, timeText(at).slice(5, 16)))),
    lanes.map((row, lane) => {
      const [left, right] = [place(Date.parse(row.opened_at)), place(row.ended_at ? Date.parse(row.ended_at) : to)];
      return drawing('g', { class: severity },
        drawing('title', {}, row.message),
        drawing('text', { x: 0, y: lane * LANE + 13 }, `${row.server_id} ${row.subject}`.slice(0, 28)),
        drawing('rect', { x: left, y: lane * LANE + 4, width: Math.max(right - left, 2), height: LANE - 8, rx: 2 }));
    })));
}

function findings({ findings: rows, thresholds }) {
  const show = inUnit(thresholds[0]?.unit ?? '');
  return table({
    caption: 'What it would have found',
    rows,
    href: (row) => address(['servers', row.server_id]),
    columns: [
      { name: 'message', title: 'Finding', shape: 'wide', show: (message) => element('span', { title: message }, message) },
      { name: 'server_id', title: 'Server', isNumber: true },
      { name: 'opened_at', title: 'Opened', show: time },
      { name: 'ended_at', title: 'Ended', rank: 2,
        show: (at, row) => (at ? element('span', {}, time(at), ` ${plain(row.end_reason)}`) : 'still open') },
      { name: 'value', isNumber: true, rank: 2, show: (value) => (value === null ? ago(null) : show(value)) },
    ],
  });
}
