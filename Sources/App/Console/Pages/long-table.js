// A table of any length. Only the rows that are visible exist as elements, and a page of rows is asked for when it becomes visible.

import { element, replace } from './element.js';
import { steer, tableHead, tableRow } from './table.js';
import { tellProblem } from './toast.js';

/** Pixels. The style sheet gives the rows of a long table this height. */
const ROW_HEIGHT = 37;
/** Rows that exist beyond the visible ones on each side, so that the arrow keys always find the next row. */
const MARGIN = 8;

/**
 * Makes a long table, which takes over later answers.
 * @param {import('./visit.js').Visit} visit The parameter `row` of its address is the first visible row.
 * @param {Object} options Those of `table`, and these:
 * @param {(page: number) => Promise<any>} options.askPage Asks for a page, from 1.
 * @returns {(answer: any) => import('./panel.js').View | null} For `panel`, with the answer for the first page; null: no rows.
 */
export function longTable(visit, options) {
  return (answer) => (answer.total ? view(visit, options, answer) : null);
}

function view(visit, options, first) {
  const pages = new Map();
  const body = element('tbody');
  const caption = element('caption', { class: 'hidden' }, options.caption);
  const grid = element('table', { class: 'long' }, caption, tableHead({ ...options, sort: options.sort() }), body);
  const room = element('div', { class: 'table-room tall', tabindex: '-1' }, grid);
  let sort = options.sort();
  let filters = filtersOf(visit.route);
  let total = 0;
  let size = 0;
  let shown = '';
  let frame = 0;
  let rest = 0;

  steer(body);
  room.addEventListener('scroll', () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(render);
    clearTimeout(rest);
    rest = setTimeout(remember, 400);
  }, { passive: true });
  visit.signal.addEventListener('abort', () => clearTimeout(rest));
  document.addEventListener('selection', redraw, { signal: visit.signal });
  take(first);
  requestAnimationFrame(() => {
    render(); // Only what has its height can be scrolled.
    room.scrollTop = Number(visit.route.parameters.get('row') ?? 0) * ROW_HEIGHT;
    render();
  });
  return {
    node: room,
    update(answer) {
      if (!answer.total) return false;
      if (sort !== options.sort()) {
        sort = options.sort();
        grid.querySelector('thead').replaceWith(tableHead({ ...options, sort }));
      }
      take(answer);
      redraw();
      return true;
    },
  };

  function take(answer) {
    pages.clear();
    pages.set(1, answer.data);
    ({ total, page_size: size } = answer);
    grid.setAttribute('aria-rowcount', total + 1);
    if (filters !== filtersOf(visit.route)) room.scrollTop = 0;
    filters = filtersOf(visit.route);
  }

  function redraw() {
    shown = '';
    render();
  }

  function render() {
    const from = Math.max(0, Math.floor(room.scrollTop / ROW_HEIGHT) - MARGIN);
    const visible = Math.ceil((room.clientHeight || 600) / ROW_HEIGHT);
    const to = Math.min(total, from + visible + 2 * MARGIN);
    for (let page = Math.floor(from / size) + 1; page <= Math.ceil(to / size); page += 1) want(page);
    const rows = Array.from({ length: to - from }, (_, place) => rowAt(from + place));
    const name = `${from} ${rows.map((row) => row !== null).join()}`;
    if (name === shown) return;
    shown = name;
    const key = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    replace(body, gap(from), rows.map((row, place) => {
      const node = row ? tableRow(options, row) : element('tr', { class: 'asking' }, element('td', { colspan: 20 }, element('div', { class: 'skeleton-line' })));
      node.setAttribute('aria-rowindex', from + place + 2);
      return node;
    }), gap(total - to));
    if (key) body.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  }

  function rowAt(place) {
    const page = pages.get(Math.floor(place / size) + 1);
    return Array.isArray(page) ? page[place % size] ?? null : null;
  }

  async function want(page) {
    if (pages.has(page)) return;
    pages.set(page, 'asked');
    const asked = pages.get(1);
    try {
      const answer = await options.askPage(page);
      if (pages.get(1) !== asked) return; // The list has changed meanwhile.
      pages.set(page, answer.data);
      render();
    } catch (problem) {
      pages.delete(page);
      tellProblem(problem);
    }
  }

  function remember() {
    const row = Math.round(room.scrollTop / ROW_HEIGHT);
    visit.change({ row: row || null, page: null }, true);
  }
}

/** What selects and orders the rows. Another place in the same list is no other list. */
function filtersOf({ parameters }) {
  const others = new URLSearchParams(parameters);
  others.delete('row');
  return String(others);
}

function gap(rows) {
  return rows > 0 && element('tr', { class: 'gap', 'aria-hidden': 'true' }, element('td', { colspan: 20, style: { height: `${rows * ROW_HEIGHT}px` } }));
}
