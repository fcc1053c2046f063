// The pages of the console. A page is a module that is loaded when a person goes there; docs/CONSOLE.md says how to add one.

/**
 * @typedef {Object} Page What the `open` of a page's module returns.
 * @property {string} title
 * @property {import('./element.js').Child} node
 * @property {string | null} [range] The time range without a choice; null or absent: the page has no time range.
 * @property {{ text: string, href: string }[]} [trail] The pages above it. Without it the one that the navigation leads to.
 */

/**
 * How the page of each path is loaded, by the entry of the navigation that it belongs to. Parts of a path with a colon are variable.
 * @type {Object<string, Object<string, () => Promise<{ open: (visit: import('./visit.js').Visit) => Page }>>>}
 */
const PAGES = {
  fleet: {
    'fleet': () => import('./fleet-page.js'),
    'servers/:id': () => import('./overview-page.js'),
    'servers/:id/queries': () => import('./server-queries-page.js'),
    'servers/:id/locks': () => import('./locks-page.js'),
    'servers/:id/replication': () => import('./replication-page.js'),
    'servers/:id/connections': () => import('./connections-page.js'),
    'servers/:id/tables': () => import('./tables-page.js'),
    'servers/:id/indexes': () => import('./indexes-page.js'),
    'servers/:id/space': () => import('./space-page.js'),
    'servers/:id/log': () => import('./log-page.js'),
    'servers/:id/changes': () => import('./changes-page.js'),
    'servers/:id/collector': () => import('./server-collector-page.js'),
  },
  queries: {
    'queries': () => import('./queries-page.js'),
    'queries/:id': () => import('./query-page.js'),
  },
  findings: {
    'findings': () => import('./findings-page.js'),
    'findings/:id': () => import('./finding-page.js'),
  },
  checks: {
    'checks': () => import('./checks-page.js'),
    'checks/:name': () => import('./check-page.js'),
  },
  channels: {
    'channels': () => import('./channels-page.js'),
    'channels/:id': () => import('./channel-page.js'),
  },
  silences: {
    'silences': () => import('./silences-page.js'),
  },
  collectors: {
    'collectors': () => import('./collectors-page.js'),
    'collectors/:id': () => import('./collector-page.js'),
    'collectors/:id/config': () => import('./config-page.js'),
    'enrol': () => import('./enrol-page.js'),
  },
  administration: {
    'admin': () => import('./administration-page.js'),
    'admin/users': () => import('./users-page.js'),
    'admin/sessions': () => import('./sessions-page.js'),
    'admin/tokens': () => import('./tokens-page.js'),
    'admin/secrets': () => import('./secrets-page.js'),
    'admin/keys': () => import('./keys-page.js'),
    'admin/audit': () => import('./audit-page.js'),
    'admin/server': () => import('./server-status-page.js'),
  },
};

/** The navigation: place, the key that leads there after `g`, icon, text, and the role that sees it. */
export const PLACES = [
  { place: 'fleet', key: 'f', icon: 'fleet', text: 'Fleet', href: '#/fleet', role: 'viewer' },
  { place: 'queries', key: 'q', icon: 'query', text: 'Queries', href: '#/queries', role: 'viewer' },
  { place: 'findings', key: 'i', icon: 'finding', text: 'Findings', href: '#/findings', role: 'viewer' },
  { place: 'checks', key: 'k', icon: 'checklist', text: 'Checks', href: '#/checks', role: 'viewer' },
  { place: 'silences', key: 's', icon: 'silence', text: 'Silences', href: '#/silences', role: 'viewer' },
  { place: 'channels', key: 'n', icon: 'channel', text: 'Channels', href: '#/channels', role: 'operator' },
  { place: 'collectors', key: 'c', icon: 'collector', text: 'Collectors', href: '#/collectors', role: 'viewer' },
  { place: 'administration', key: 'a', icon: 'administration', text: 'Administration', href: '#/admin', role: 'viewer' },
];

/** Where a person begins. */
export const HOME = '#/fleet';

/**
 * The page of a path.
 * @param {string[]} path
 * @returns {{ place: string, load: () => Promise<any>, names: Object<string, string> } | null} The entry of the navigation, the
 *   module, and the variable parts of the path.
 */
export function pageAt(path) {
  for (const [place, pages] of Object.entries(PAGES)) {
    for (const [pattern, load] of Object.entries(pages)) {
      const parts = pattern.split('/');
      const fits = parts.length === path.length && parts.every((part, index) => part.startsWith(':') || part === path[index]);
      const names = parts.flatMap((part, index) => (part.startsWith(':') ? [[part.slice(1), path[index]]] : []));
      if (fits) return { place, load, names: Object.fromEntries(names) };
    }
  }
  return null;
}
