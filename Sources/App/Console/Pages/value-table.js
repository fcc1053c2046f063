// The values of a chart as a table, for a server without the chart library.

import { element } from './element.js';
import { time } from './format.js';
import { table } from './table.js';

const MOST_ROWS = 12;

/**
 * Makes the table: the latest times first.
 * @param {import('./chart.js').Picture} picture
 * @param {(value: number | null) => string} show
 * @param {string} caption
 * @returns {HTMLElement}
 */
export function valueTable({ lines, times }, show, caption) {
  const rows = times.slice(-MOST_ROWS).reverse().map((at) => ({ at, values: lines.map((line) => line.values.get(at) ?? null) }));
  return element('div', {}, table({
    caption,
    rows,
    columns: [
      { name: 'at', title: 'Time', show: (at) => time(new Date(at * 1000).toISOString()) },
      ...lines.map((line, place) => ({ name: 'values', title: line.title, isNumber: true, show: (values) => show(values[place]) })),
    ],
  }), times.length > MOST_ROWS
    && element('p', { class: 'quiet' }, `The latest ${MOST_ROWS} of ${times.length} times. “Save as CSV” has all.`));
}
