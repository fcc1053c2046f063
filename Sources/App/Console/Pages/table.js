// Tables. A row that leads somewhere has a link in its first cell; arrows move between rows, and a click anywhere follows the link.

import { element, icon } from './element.js';
import { bytes, effort, gigabytes, megabytes, milliseconds, number, percent, plain, rate, seconds, share, short } from './format.js';
import { meter } from './parts.js';

/** What shows numbers, which are aligned at the right. */
const NUMERIC = new Set([bytes, effort, gigabytes, megabytes, meter, milliseconds, number, percent, rate, seconds, share, short]);

/**
 * @typedef {Object} Column
 * @property {string} name The member of a row, and the name to sort by.
 * @property {string} [title] Without it the name in words.
 * @property {string} [hint] What the values mean, with their unit.
 * @property {(value: any, row: any) => import('./element.js').Child} [show] Without it the value as it is.
 * @property {boolean} [isNumber] Aligned at the right. Without it, whether `show` is a function for numbers.
 * @property {boolean} [sorts] Whether the API can sort by it.
 * @property {1 | 2 | 3} [rank] 1: always shown; 2: not on narrow screens; 3: on wide screens only. Without it 1.
 * @property {'wide' | 'text'} [shape] wide: takes the room that is left; text: breaks lines.
 */

/**
 * Makes a table.
 * @param {Object} options
 * @param {(Column | null | false)[]} options.columns null and false are left out.
 * @param {any[]} options.rows
 * @param {string} options.caption What the rows are, for screen readers.
 * @param {(row: any) => string | null} [options.href] Where a row leads.
 * @param {(row: any) => string | number} [options.key] Tells rows apart, so that the focus stays where it is.
 * @param {string} [options.sort] `-name`: descending.
 * @param {(sort: string) => void} [options.onSort]
 * @param {import('./selection.js').Selection} [options.selection] Rows that a person has marked.
 * @returns {HTMLElement}
 */
export function table(options) {
  const body = element('tbody', {}, options.rows.map((row) => tableRow(options, row)));
  steer(body);
  const grid = element('table', {}, element('caption', { class: 'hidden' }, options.caption), tableHead(options), body);
  // A table that is wider than its room is scrolled by keys, so something in it must take the focus.
  const isReachable = grid.querySelector('a, button, input');
  const reach = isReachable ? { tabindex: '-1' } : { tabindex: '0', role: 'group', 'aria-label': options.caption };
  return element('div', { class: 'table-room', ...reach }, grid);
}

/** The head of a table: see `table`. */
export function tableHead({ columns, sort, onSort, selection }) {
  return element('thead', {}, element('tr', {},
    selection && element('th', { class: 'mark', scope: 'col' }, selection.checkAll()),
    columns.map((column) => column && headCell(column, sort, onSort)),
  ));
}

/** One row of a table: see `table`. */
export function tableRow({ columns, href, key, selection }, row) {
  const to = href?.(row);
  const name = key ? String(key(row)) : null;
  return element('tr', { class: to ? 'leads' : null, data: name ? { row: name } : {} },
    selection && element('td', { class: 'mark' }, selection.check(row)),
    columns.map((column, place) => {
      if (!column) return null;
      const value = (column.show ?? plain)(row[column.name], row);
      const content = to && place === 0 ? element('a', { href: to, data: { key: name ?? to } }, value) : value;
      return element('td', { class: classOf(column) }, content);
    }),
  );
}

/**
 * Lets clicks and arrow keys work on rows.
 * @param {HTMLElement} body
 */
export function steer(body) {
  body.addEventListener('click', (event) => {
    if (event.target.closest('a, button, input, label, summary') || String(getSelection())) return;
    event.target.closest('tr')?.querySelector('a[data-key]')?.click();
  });
  body.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 'nextElementSibling', ArrowUp: 'previousElementSibling' }[event.key];
    if (!step || event.target.matches('input:not([type=checkbox]), select, textarea')) return;
    // From a box the arrow goes to the next box, and from anything else to the link of the next row.
    const kind = event.target.matches('input') ? 'input' : 'a[data-key]';
    const next = event.target.closest('tr')?.[step]?.querySelector(kind);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

function headCell(column, sort, onSort) {
  const title = titleOf(column);
  const isSorted = sort?.replace('-', '') === column.name;
  const order = !isSorted ? null : sort.startsWith('-') ? 'descending' : 'ascending';
  // A first press shows the largest numbers, and names from A.
  const next = isSorted ? (order === 'descending' ? column.name : `-${column.name}`) : `${isNumeric(column) ? '-' : ''}${column.name}`;
  const face = column.sorts && onSort
    ? element('button', { type: 'button', class: 'sorter', on: { click: () => onSort(next) } }, title,
      icon(order === 'ascending' ? 'up' : 'down'))
    : title;
  return element('th', { class: classOf(column), scope: 'col', title: column.hint, 'aria-sort': order }, face);
}

function titleOf({ name, title }) {
  return title ?? `${name[0].toUpperCase()}${name.slice(1).replaceAll('_', ' ')}`;
}

function isNumeric({ isNumber, show }) {
  return isNumber ?? NUMERIC.has(show);
}

function classOf({ rank = 1, shape, ...column }) {
  return [isNumeric(column) && 'number', rank > 1 && `rank-${rank}`, shape && `shape-${shape}`].filter(Boolean).join(' ') || null;
}
