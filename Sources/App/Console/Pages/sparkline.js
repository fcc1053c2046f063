// Small lines in a list: the load of each server in the last hour. Only rows that are visible are asked for, a few at a time, and an
// answer is kept for some minutes, because a person scrolls up and down.

import { ask } from './api.js';
import { drawing, element, replace } from './element.js';
import { number } from './format.js';

const WIDTH = 72;
const HEIGHT = 18;
const KEPT_MILLISECONDS = 300_000;
const MOST_KEPT = 2000;
/** Requests under way, so that the requests of the list itself need not wait. */
const MOST = 2;

const kept = new Map();
const waiting = [];
let running = 0;

/**
 * Makes the line of a server. It appears when its answer is there; its room has a fixed size.
 * @param {import('./visit.js').Visit} visit
 * @param {number} server
 * @returns {HTMLElement}
 */
export function loadLine(visit, server) {
  const node = element('span', { class: 'spark' });
  const known = kept.get(server);
  if (known && Date.now() - known.at < KEPT_MILLISECONDS) draw(node, known.values);
  else {
    waiting.push({ visit, server, node });
    requestAnimationFrame(next);
  }
  return node;
}

async function next() {
  while (waiting.length && running < MOST) {
    const { visit, server, node } = waiting.pop(); // The rows that came last are those that a person looks at.
    // A row that has left the screen, and a column that is hidden, need no line.
    if (visit.signal.aborted || !node.offsetParent) continue;
    running += 1;
    try {
      const parameters = { metric_type: 'sysstat', columns: 'cpu_load_1m', aggregate: 'avg', bucket: '5m', start_time: '1h' };
      const { data } = await ask({ path: `servers/${server}/metrics`, parameters, signal: visit.signal });
      const values = data.map((row) => row.cpu_load_1m).filter((value) => value !== null);
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(server, { at: Date.now(), values });
      draw(node, values);
    } catch {
      continue; // The list shows what matters without the line.
    } finally {
      running -= 1;
    }
  }
}

function draw(node, values) {
  const most = Math.max(...values, 0.001);
  const step = WIDTH / Math.max(values.length - 1, 1);
  const points = values.map((value, place) => `${(place * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`);
  if (points.length < 2) return;
  node.title = `Load, from ${number(Math.min(...values))} to ${number(most)} in the last hour`;
  replace(node, drawing('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true' }, drawing('polyline', { points: points.join(' ') })));
}
