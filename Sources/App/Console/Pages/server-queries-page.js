// The statements of one server.

import { queryList } from './query-list.js';
import { serverPage } from './server-frame.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return serverPage(visit, 'queries', queryList(visit, visit.names.id), '1h');
}
