// The pages of the console. A page is a module that is loaded when a person goes there; docs/CONSOLE.md says how to add one.

/**
 * @typedef {Object} Page What the `open` of a page's module returns.
 * @property {string} title
 * @property {import('./element.js').Child} node
 * @property {string | null} [range] The time range without a choice; null or absent: the page has no time range.
 * @property {{ text: string, href: string }[]} [trail] The pages above it.
 *
 * @typedef {Object} Entry
 * @property {string} path Parts with a colon are variable.
 * @property {() => Promise<{ open: (visit: import('./visit.js').Visit) => Page }>} load
 * @property {string} [place] The entry of the navigation that the page belongs to.
 */

/** @type {Entry[]} */
const PAGES = [
  { path: 'fleet', place: 'fleet', load: () => import('./fleet-page.js') },
  { path: 'servers/:id', place: 'fleet', load: () => import('./overview-page.js') },
  { path: 'servers/:id/queries', place: 'fleet', load: () => import('./server-queries-page.js') },
  { path: 'servers/:id/locks', place: 'fleet', load: () => import('./locks-page.js') },
  { path: 'servers/:id/replication', place: 'fleet', load: () => import('./replication-page.js') },
  { path: 'servers/:id/connections', place: 'fleet', load: () => import('./connections-page.js') },
  { path: 'servers/:id/tables', place: 'fleet', load: () => import('./tables-page.js') },
  { path: 'servers/:id/indexes', place: 'fleet', load: () => import('./indexes-page.js') },
  { path: 'servers/:id/space', place: 'fleet', load: () => import('./space-page.js') },
  { path: 'servers/:id/log', place: 'fleet', load: () => import('./log-page.js') },
  { path: 'servers/:id/changes', place: 'fleet', load: () => import('./changes-page.js') },
  { path: 'servers/:id/collector', place: 'fleet', load: () => import('./server-collector-page.js') },
  { path: 'queries', place: 'queries', load: () => import('./queries-page.js') },
  { path: 'queries/:id', place: 'queries', load: () => import('./query-page.js') },
  { path: 'findings', place: 'findings', load: () => import('./findings-page.js') },
  { path: 'findings/:id', place: 'findings', load: () => import('./finding-page.js') },
  { path: 'checks', place: 'checks', load: () => import('./checks-page.js') },
  { path: 'checks/:name', place: 'checks', load: () => import('./check-page.js') },
  { path: 'channels', place: 'channels', load: () => import('./channels-page.js') },
  { path: 'channels/:id', place: 'channels', load: () => import('./channel-page.js') },
  { path: 'silences', place: 'silences', load: () => import('./silences-page.js') },
  { path: 'collectors', place: 'collectors', load: () => import('./collectors-page.js') },
  { path: 'collectors/:id', place: 'collectors', load: () => import('./collector-page.js') },
  { path: 'collectors/:id/config', place: 'collectors', load: () => import('./config-page.js') },
  { path: 'admin', place: 'administration', load: () => import('./administration-page.js') },
  { path: 'admin/users', place: 'administration', load: () => import('./users-page.js') },
  { path: 'admin/sessions', place: 'administration', load: () => import('./sessions-page.js') },
  { path: 'admin/tokens', place: 'administration', load: () => import('./tokens-page.js') },
  { path: 'admin/secrets', place: 'administration', load: () => import('./secrets-page.js') },
  { path: 'admin/keys', place: 'administration', load: () => import('./keys-page.js') },
  { path: 'admin/audit', place: 'administration', load: () => import('./audit-page.js') },
  { path: 'admin/server', place: 'administration', load: () => import('./server-status-page.js') },
  { path: 'enrol', place: 'collectors', load: () => import('./enrol-page.js') },
];

/** The navigation: place, icon, text, and the role that sees it. */
export const PLACES = [
  { place: 'fleet', icon: 'fleet', text: 'Fleet', href: '#/fleet', role: 'viewer' },
  { place: 'queries', icon: 'query', text: 'Queries', href: '#/queries', role: 'viewer' },
  { place: 'findings', icon: 'finding', text: 'Findings', href: '#/findings', role: 'viewer' },
  { place: 'checks', icon: 'checklist', text: 'Checks', href: '#/checks', role: 'viewer' },
  { place: 'silences', icon: 'silence', text: 'Silences', href: '#/silences', role: 'viewer' },
  { place: 'channels', icon: 'channel', text: 'Channels', href: '#/channels', role: 'operator' },
  { place: 'collectors', icon: 'collector', text: 'Collectors', href: '#/collectors', role: 'viewer' },
  { place: 'administration', icon: 'administration', text: 'Administration', href: '#/admin', role: 'viewer' },
];

/** Where a person begins. */
export const HOME = '#/fleet';

/**
 * The page of a path.
 * @param {string[]} path
 * @returns {{ entry: Entry, names: Object<string, string> } | null}
 */
export function pageAt(path) {
  for (const entry of PAGES) {
    const parts = entry.path.split('/');
    const fits = parts.length === path.length && parts.every((part, place) => part.startsWith(':') || part === path[place]);
    if (fits) return { entry, names: namesOf(parts, path) };
  }
  return null;
}

function namesOf(parts, path) {
  return Object.fromEntries(parts.flatMap((part, place) => (part.startsWith(':') ? [[part.slice(1), path[place]]] : [])));
}
