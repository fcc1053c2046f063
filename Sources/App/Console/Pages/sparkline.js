// Small lines in a list: the load of each server in the last hour. The rows that are visible are asked for together, and an answer
// is kept for some minutes, because a person scrolls up and down.

import { ask } from './api.js';
import { drawing, element, replace } from './element.js';
import { number } from './format.js';

const WIDTH = 72;
const HEIGHT = 18;
const KEPT_MILLISECONDS = 300_000;
const MOST_KEPT = 2000;
/** Servers of a request: those of a page of rows. */
const MOST = 100;

const kept = new Map();
let waiting = [];
let isAsking = false;

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

/** Asks for all rows that wait. Rows that appear meanwhile wait for the next request. */
async function next() {
  if (isAsking) return;
  // A row that has left the screen, and a column that is hidden, need no line.
  const asked = waiting.filter(({ visit, node }) => !visit.signal.aborted && node.offsetParent).slice(0, MOST);
  waiting = waiting.filter((one) => !asked.includes(one) && one.node.isConnected);
  if (!asked.length) return;
  isAsking = true;
  try {
    const parameters = { server: [...new Set(asked.map(({ server }) => server))], start_time: '1h', page_size: MOST };
    const { data } = await ask({ path: 'fleet/load', parameters });
    if (kept.size >= MOST_KEPT) kept.clear();
    for (const { server_id: server, load_1m: load } of data) kept.set(server, { at: Date.now(), values: load });
    for (const { server, node } of asked) draw(node, kept.get(server)?.values ?? []);
  } catch {
    // The list shows what matters without the lines.
  } finally {
    isAsking = false;
  }
  next();
}

function draw(node, all) {
  const values = all.filter((value) => value !== null);
  const most = Math.max(...values, 0.001);
  const step = WIDTH / Math.max(all.length - 1, 1);
  const points = all.map((value, place) => (value === null ? ''
    : `${(place * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 2)).toFixed(1)}`)).filter(Boolean);
  if (points.length < 2) return;
  node.title = `Load, from ${number(Math.min(...values))} to ${number(most)} in the last hour`;
  replace(node, drawing('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true' },
    drawing('polyline', { points: points.join(' ') })));
}
