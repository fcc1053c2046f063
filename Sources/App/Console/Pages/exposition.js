// Figures of the server itself, as it shows them to Prometheus at /metrics.

import { Problem } from './problem.js';

/**
 * @typedef {Object} Exposition
 * @property {number} at When it was read, in seconds.
 * @property {Map<string, number>} values By name with labels, as it is written: `pganalytics_connections{state="idle"}`.
 */

/**
 * Reads the figures.
 * @param {AbortSignal} signal
 * @returns {Promise<Exposition>}
 * @throws {Problem}
 */
export async function readExposition(signal) {
  const response = await fetch('/metrics', { signal, cache: 'no-store' }).catch((failure) => {
    throw failure.name === 'AbortError' ? failure : new Problem(0);
  });
  if (!response.ok) throw new Problem(response.status, {}, null);
  const lines = (await response.text()).split('\n').filter((line) => line && !line.startsWith('#'));
  const values = new Map(lines.map((line) => {
    const place = line.lastIndexOf(' ');
    return [line.slice(0, place), Number(line.slice(place + 1))];
  }));
  return { at: performance.now() / 1000, values };
}

/**
 * The values of one name, by one of its labels.
 * @param {Exposition} exposition
 * @param {string} name
 * @param {string} label
 * @returns {[string, number][]}
 */
export function byLabel({ values }, name, label) {
  const head = `${name}{${label}="`;
  return [...values].filter(([key]) => key.startsWith(head)).map(([key, value]) => [key.slice(head.length, key.indexOf('"', head.length)), value]);
}

/**
 * The sum of all values of a name, whatever its labels are.
 * @param {Exposition} exposition
 * @param {string} name
 */
export function sum({ values }, name) {
  return [...values].reduce((total, [key, value]) => (key === name || key.startsWith(`${name}{`) ? total + value : total), 0);
}

/**
 * How much a counter grew a second between two readings.
 * @param {Exposition | null} before
 * @param {Exposition} now
 * @param {string} name
 * @returns {number | null} null: there is no earlier reading, or the server started anew in between.
 */
export function growth(before, now, name) {
  if (!before) return null;
  const grown = sum(now, name) - sum(before, name);
  return grown < 0 ? null : grown / (now.at - before.at);
}

/**
 * A quantile of a histogram between two readings; of all time, if nothing was counted in between.
 * @param {Exposition | null} before
 * @param {Exposition} now
 * @param {string} head The name with its labels up to that of the bucket: `pganalytics_push_seconds_bucket{stage="copy",le="`.
 * @param {number} quantile From 0 to 1.
 * @returns {number | null} The upper end of the bucket that has it; null: nothing was counted.
 */
export function quantile(before, now, head, quantile) {
  const buckets = bucketsOf(now, head);
  const earlier = new Map(before ? bucketsOf(before, head) : []);
  const fresh = buckets.map(([end, count]) => [end, count - (earlier.get(end) ?? 0)]);
  const counted = fresh.at(-1)?.[1] > 0 ? fresh : buckets;
  const total = counted.at(-1)?.[1] ?? 0;
  return total ? counted.find(([, count]) => count >= total * quantile)[0] : null;
}

function bucketsOf({ values }, head) {
  return [...values].filter(([key]) => key.startsWith(head)).map(([key, value]) => [Number(key.slice(head.length).split('"')[0].replace('+Inf', 'Infinity')), value])
    .sort(([one], [other]) => one - other);
}
