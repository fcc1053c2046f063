// Begins the console: who is logged in, which page the address names, and what is around it.

import { problemNotice } from './problem.js';
import { HOME, pageAt } from './pages.js';
import { parsed, go } from './route.js';
import { startKeyboard } from './keyboard.js';
import { startScheme } from './theme.js';
import { askForLogin } from './login.js';
import { refresh, watchSession } from './session.js';
import { shell } from './shell.js';
import { visit } from './visit.js';

let present = null;
let presentPath = '';
let page = null;

startScheme();
startKeyboard();
const frame = shell(() => present);
// The modules of the page arrive while the session is asked for. If one does not, `show` says so.
pageAt(parsed(location.hash || HOME).path)?.load().catch(() => {});

try {
  if (!(await refresh(null))) await askForLogin();
  frame.showUser();
  watchSession((isOpen) => (isOpen ? frame.showUser() : askForLogin()));
  window.addEventListener('hashchange', show);
  await show();
} catch (problem) {
  frame.showPage({ title: 'Not available', node: problemNotice(problem, () => location.reload()) }, null);
}

/** Shows the page of the present address. A change of parameters alone does not leave the page. */
async function show() {
  if (!location.hash || location.hash === '#/') return go(HOME, true);
  const route = parsed();
  const path = route.path.join('/');
  if (present && path === presentPath) {
    present.move(route);
    return frame.showAddress(page);
  }
  present?.end();
  frame.awaitPage();
  presentPath = path;
  const found = pageAt(route.path);
  present = visit(route, found?.names ?? {});
  const mine = present;
  try {
    const next = found ? (await found.load()).open(mine) : missing();
    if (mine.signal.aborted) return undefined;
    page = next;
    frame.showPage(page, found?.place ?? null);
  } catch (problem) {
    if (!mine.signal.aborted) frame.showPage({ title: 'Not available', node: problemNotice(problem, () => location.reload()) }, null);
  }
  return undefined;
}

function missing() {
  return { title: 'No such page', node: problemNotice(new Error('The console has no page under this address.')) };
}
