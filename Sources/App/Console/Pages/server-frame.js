// What the pages of one server have in common: its name as the title, and the tabs.

import { ask } from './api.js';
import { element, replace } from './element.js';
import { taken } from './list.js';
import { pageTitle } from './parts.js';
import { address } from './route.js';
import { rangeOf, sameRange } from './time-range.js';
import { tellProblem } from './toast.js';

/** The tabs: the end of the path, and the text. */
const TABS = {
  '': 'Overview', queries: 'Queries', locks: 'Locks', replication: 'Replication', connections: 'Connections', tables: 'Tables',
  indexes: 'Indexes', space: 'Space', log: 'Log', changes: 'Changes', collector: 'Collector',
};

/** Names of servers that were open, so that the title is there at once when a person goes from tab to tab. */
const names = new Map();

/**
 * Makes a page of a server.
 * @param {import('./visit.js').Visit} visit
 * @param {string} tab
 * @param {import('./element.js').Child} content
 * @param {string | null} range The time range without a choice.
 * @returns {import('./pages.js').Page}
 */
export function serverPage(visit, tab, content, range) {
  const { id } = visit.names;
  const title = pageTitle(names.get(id) ?? `Server ${id}`);
  if (!names.has(id)) name(visit, id, title);
  const tabs = element('nav', { class: 'tabs', 'aria-label': 'Parts of the server' });
  visit.watch((route) => replace(tabs, Object.entries(TABS).map(([path, text]) => element('a', {
    href: address(['servers', id, ...(path ? [path] : [])], sameRange(route)), 'aria-current': path === tab ? 'page' : null,
  }, text))));
  const node = element('div', { class: 'server' }, tabs, content);
  return { title: title.node, range, node };
}

/**
 * Makes the requests of a read about the server of a page.
 * @param {import('./visit.js').Visit} visit
 * @param {string} read The end of its path.
 * @param {string} range The time range without a choice.
 * @param {string[]} filters Parameters of the address that the read takes as they are.
 * @returns {(route: import('./route.js').Route, more?: Object) => import('./api.js').Request} `more`: other parameters.
 */
export function requestOf(visit, read, range, filters = []) {
  return (route, more = {}) => ({
    path: `servers/${visit.names.id}/${read}`,
    parameters: { ...rangeOf(route, range), ...taken(route, ...filters), ...more },
  });
}

async function name(visit, id, title) {
  try {
    const server = await ask({ path: `servers/${id}`, signal: visit.signal });
    names.set(id, server.name);
    title.set(server.name);
  } catch (problem) {
    tellProblem(problem);
  }
}
