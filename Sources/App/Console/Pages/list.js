// A panel with a list of the API: order, filters and page are in the address.

import { element, button } from './element.js';
import { number } from './format.js';
import { panel } from './panel.js';
import { source } from './source.js';
import { table } from './table.js';

const PAGE_SIZE = 50;

/**
 * Makes a panel with a list.
 * @param {import('./visit.js').Visit} visit
 * @param {Object} options Those of `panel` and `table`, and these:
 * @param {(route: import('./route.js').Route) => import('./api.js').Request} options.request Without order and page.
 * @param {string} options.sort The order without a choice.
 * @param {number} [options.pageSize]
 * @returns {HTMLElement}
 */
export function list(visit, { request, sort, pageSize = PAGE_SIZE, columns, href, key, selection, caption, ...others }) {
  const rows = source(visit, (route) => {
    const asked = request(route);
    return asked && {
      ...asked,
      parameters: {
        ...asked.parameters,
        sort: route.parameters.get('sort') ?? sort,
        page: route.parameters.get('page') ?? 1,
        page_size: pageSize,
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
    class: 'button small', disabled: to < 1 || to > pages, 'aria-label': `${label} page`,
  });
  return element('nav', { class: 'pager', 'aria-label': 'Pages' },
    element('span', { class: 'quiet' }, text), pages > 1 && [step('Previous', page - 1), step('Next', page + 1)]);
}
