// The sessions: where people are logged in.

import { administrationPage } from './administration-frame.js';
import { confirm, press } from './change.js';
import { button, element } from './element.js';
import { ago, plain } from './format.js';
import { list, taken } from './list.js';
import { changed } from './route.js';
import { logOut, mayAct } from './session.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const chosen = element('span');
  visit.watch((route) => chosen.replaceChildren(...(route.parameters.get('user')
    ? [element('a', { class: 'chip chosen', href: changed(route, { user: null }) }, `of user ${route.parameters.get('user')} ×`)] : [])));
  return administrationPage('sessions', () => list(visit, {
    title: mayAct('admin') ? 'Sessions of all users' : 'Your sessions',
    sort: '-created_at',
    request: (route) => ({ path: 'sessions', parameters: taken(route, 'user') }),
    tools: [chosen, button('Log out everywhere', () => confirm({
      title: 'Log out everywhere',
      text: 'All your sessions end at once, this one too. API tokens stay.',
      action: 'Log out everywhere',
      act: () => logOut(true),
    }))],
    empty: 'Nobody is logged in.',
    columns: [
      { name: 'username', title: 'User', sorts: true },
      { name: 'created_at', title: 'Logged in', sorts: true, show: ago },
      { name: 'refreshed_at', title: 'Last active', sorts: true, rank: 2, show: ago, hint: 'The last refresh of the session' },
      { name: 'expires_at', title: 'Ends', rank: 2, show: ago, hint: 'Unless it is used before' },
      { name: 'address', title: 'From' },
      { name: 'is_browser', title: 'By', rank: 2, show: (isBrowser) => (isBrowser ? 'browser' : 'program') },
      { name: 'user_agent', title: 'Program', rank: 3, show: (name) => element('span', { title: name }, plain(name)) },
      { name: 'id', title: 'Actions',
        show: (_, row) => button('End', () => end(visit, row),
          { 'aria-label': `End the session of ${row.username}` }) },
    ],
  }));
}

function end(visit, { id, username }) {
  press({ path: `sessions/${id}`, method: 'DELETE' }, `The session of ${username} has ended.`, visit);
}
