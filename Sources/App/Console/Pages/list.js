// A panel with a list of the API, and controls that filter it: order, filters and page are in the address.

import { element, button } from './element.js';
import { select } from './form.js';
import { number } from './format.js';
import { panel } from './panel.js';
import { source } from './source.js';
import { table } from './table.js';

const PAGE_SIZE = 50;
const TYPING_MILLISECONDS = 250;

/**
 * Makes a panel with a list.
 * @param {import('./visit.js').Visit} visit
 * @param {Object} options Those of `panel` and `table`, and these:
 * @param {(route: import('./route.js').Route) => import('./api.js').Request} options.request Without order and page.
 * @param {string} options.sort The order without a choice.
 * @returns {HTMLElement}
 */
export function list(visit, { request, sort, columns, href, key, selection, caption, ...others }) {
  const rows = source(visit, (route) => {
    const asked = request(route);
    return asked && {
      ...asked,
      parameters: {
        ...asked.parameters,
        sort: route.parameters.get('sort') ?? sort,
        page: route.parameters.get('page') ?? 1,
        page_size: PAGE_SIZE,
      },
    };
  });
  return panel({
    height: 320,
    ...others,
    source: rows,
    draw(answer) {
      if (!answer.data.length) return null;
      return element('div', {},
        table({
          columns, href, key, selection, rows: answer.data, caption: caption ?? others.title,
          sort: visit.route.parameters.get('sort') ?? sort,
          onSort: (next) => visit.change({ sort: next }),
        }),
        pager(visit, answer),
      );
    },
  });
}

/**
 * Where in the list the page is, and the way to others.
 * @param {import('./visit.js').Visit} visit
 * @param {{ total: number, page: number, page_size: number, total_pages: number }} answer
 */
function pager(visit, { total, page, page_size: size, total_pages: pages }) {
  const from = (page - 1) * size + 1;
  const text = pages > 1 ? `${number(from)} to ${number(Math.min(from + size - 1, total))} of ${number(total)}` : `${number(total)} in all`;
  const step = (label, to) => button(label, () => visit.change({ page: to === 1 ? null : to }), {
    disabled: to < 1 || to > pages, 'aria-label': `${label} page`,
  });
  return element('nav', { class: 'pager', 'aria-label': 'Pages' },
    element('span', { class: 'quiet' }, text), pages > 1 && [step('Previous', page - 1), step('Next', page + 1)]);
}

/**
 * A field to search with. The key `/` goes to it.
 * @param {import('./visit.js').Visit} visit
 * @param {string} name The parameter of the address.
 * @param {string} label
 * @returns {HTMLElement}
 */
export function searchField(visit, name, label) {
  const field = element('input', { type: 'search', placeholder: label, 'aria-label': label, maxlength: 255, data: { search: '' } });
  let timer = 0;
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => visit.change({ [name]: field.value.trim() || null }, true), TYPING_MILLISECONDS);
  });
  visit.signal.addEventListener('abort', () => clearTimeout(timer));
  visit.watch((route) => {
    if (document.activeElement !== field) field.value = route.parameters.get(name) ?? '';
  });
  return field;
}

/**
 * A choice of one value.
 * @param {import('./visit.js').Visit} visit
 * @param {string} name The parameter of the address.
 * @param {string} label
 * @param {Object<string, string>} choices Words by value; the value '' means no filter, or the default.
 * @returns {HTMLElement}
 */
export function choiceField(visit, name, label, choices) {
  const field = select(null, choices);
  field.setAttribute('aria-label', label);
  field.addEventListener('change', () => visit.change({ [name]: field.value }));
  visit.watch((route) => (field.value = route.parameters.get(name) ?? ''));
  return field;
}

/**
 * The parameters of an address that a request takes over as they are.
 * @param {import('./route.js').Route} route
 * @param {...string} names
 * @returns {Object<string, string[]>}
 */
export function taken(route, ...names) {
  return Object.fromEntries(names.map((name) => [name, route.parameters.getAll(name)]));
}
