// A table of any length. Only the rows that are visible exist as elements, and a page of rows is asked for when it becomes visible.

import { ask } from './api.js';
import { command } from './command.js';
import { element, replace } from './element.js';
import { panel } from './panel.js';
import { source } from './source.js';
import { steer, tableHead, tableRow } from './table.js';
import { tellProblem } from './toast.js';

/** Pixels. The style sheet gives the rows of a long table this height. */
const ROW_HEIGHT = 37;
/** Rows that exist beyond the visible ones on each side, so that the arrow keys always find the next row. */
const MARGIN = 8;
const PAGE_SIZE = 100;

/**
 * Makes a panel with a list of any length. Filters, order and place are in the address: `row` is the first visible row.
 * @param {import('./visit.js').Visit} visit
 * @param {Object} options Those of `panel` and `table`, and these:
 * @param {() => import('./api.js').Request} options.request Without order and page.
 * @param {string} options.sort The order without a choice.
 * @returns {{ rows: import('./source.js').Source, node: (others: Object) => HTMLElement }} The source of the first page, and the panel.
 */
export function longList(visit, { request, sort }) {
  const sorted = () => visit.route.parameters.get('sort') ?? sort;
  const page = (number) => {
    const asked = request();
    return { ...asked, parameters: { ...asked.parameters, sort: sorted(), page: number, page_size: PAGE_SIZE } };
  };
  const rows = source(visit, () => page(1));
  return {
    rows,
    node: (others) => panel({
      height: 420,
      className: 'grows',
      ...others,
      source: rows,
      draw: (answer) => (answer.total ? view(visit, {
        caption: others.title,
        ...others,
        sort: sorted,
        onSort: (next) => visit.change({ sort: next === sort ? null : next }),
        askPage: (number) => ask({ ...page(number), signal: visit.signal }),
      }, answer) : null),
    }),
  };
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
    // The table can scroll only after the first `render` has given it its height.
    render();
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
      const node = row ? tableRow(options, row) : wideRow({ class: 'asking' }, {}, element('div', { class: 'skeleton-line' }));
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
      // The list has changed meanwhile.
      if (pages.get(1) !== asked) return;
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
  return rows > 0 && wideRow({ class: 'gap', 'aria-hidden': 'true' }, { style: { height: `${rows * ROW_HEIGHT}px` } });
}

/** A row with one cell over all columns. */
function wideRow(attributes, cell, content) {
  return element('tr', attributes, element('td', { colspan: 20, ...cell }, content));
}

/**
 * Says what to do next.
 * @param {import('./route.js').Route} route The address of the list.
 * @param {string} noun What a row is: `server`.
 * @returns {HTMLElement}
 */
export function emptyFleet({ path, parameters }, noun) {
  const all = element('a', { href: `#/${path[0]}` }, `Show all ${noun}s`);
  if (parameters.size) return element('p', {}, `No ${noun} fits the filters. `, all);
  return element('div', {},
    element('p', {}, `No ${noun} has enrolled yet. Make a registration secret, and enrol the first host with it:`),
    command('pganalytics secret add fleet-1 --ttl 30d'),
    element('p', {}, element('a', { href: '#/enrol' }, 'Show the steps for a host')));
}
