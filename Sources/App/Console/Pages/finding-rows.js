// The worst open findings of one server, in short.

import { element } from './element.js';
import { ago, number } from './format.js';
import { address } from './route.js';
import { mark } from './state.js';
import { table } from './table.js';

const MOST = 6;

/**
 * Makes a table of the first findings, with the way to all.
 * @param {any[]} rows With id, severity, message, opened_at, acknowledged_by, the worst first.
 * @param {string} server Its id.
 * @returns {HTMLElement | null} null: there is none.
 */
export function findingRows(rows, server) {
  if (!rows.length) return null;
  const all = rows.length > MOST && element('p', { class: 'panel-text' },
    element('a', { href: address('findings', { server }) }, `Show all ${number(rows.length)} findings`));
  return element('div', {}, table({
    caption: 'Open findings', rows: rows.slice(0, MOST), href: (row) => address(['findings', String(row.id)]), key: (row) => row.id,
    columns: [
      { name: 'message', title: 'Finding', shape: 'wide', show: (message, row) => mark(row.severity, message) },
      { name: 'opened_at', title: 'Since', show: ago },
      { name: 'acknowledged_by', title: 'Acknowledged by', rank: 2 },
    ],
  }), all);
}
