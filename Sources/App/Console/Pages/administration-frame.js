// What the pages of the administration have in common: the tabs that a role may open.

import { element } from './element.js';
import { emptyNotice } from './panel.js';
import { address } from './route.js';
import { mayAct } from './session.js';

/** The tabs: the end of the path, the text, and the role that may open it. */
const TABS = [
  { tab: 'users', text: 'Users', role: 'admin' },
  { tab: 'sessions', text: 'Sessions', role: 'viewer' },
  { tab: 'tokens', text: 'API tokens', role: 'viewer' },
  { tab: 'secrets', text: 'Registration secrets', role: 'operator' },
  { tab: 'keys', text: 'Keys', role: 'operator' },
  { tab: 'audit', text: 'Audit', role: 'admin' },
  { tab: 'server', text: 'This server', role: 'viewer' },
];

const WORDS = { operator: 'Operators and administrators', admin: 'Administrators' };

/** The address of the first tab that the user may open. @returns {string} */
export function firstTab() {
  return address(['admin', TABS.find(({ role }) => mayAct(role)).tab]);
}

/**
 * Makes a page of the administration.
 * @param {string} tab
 * @param {() => import('./element.js').Child} content Called if the role of the user may open the tab.
 * @returns {import('./pages.js').Page}
 */
export function administrationPage(tab, content, range = null) {
  const present = TABS.find((one) => one.tab === tab);
  const tabs = element('nav', { class: 'tabs', 'aria-label': 'Parts of the administration' },
    TABS.filter(({ role }) => mayAct(role)).map(({ tab: name, text }) => element('a', {
      href: address(['admin', name]), 'aria-current': name === tab ? 'page' : null,
    }, text)));
  // On a narrow screen the tabs do not all fit beside each other.
  requestAnimationFrame(() => tabs.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' }));
  return {
    title: present.text,
    range,
    node: element('div', {}, tabs, mayAct(present.role) ? content() : emptyNotice(`${WORDS[present.role]} see this page.`)),
  };
}
