// The statements of the whole fleet.

import { queryList } from './query-list.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return { title: 'Queries', range: '1h', node: queryList(visit, null) };
}
