// What is around every page: the navigation, the head with title and time range, and the menu of the user.

import { button, element, icon, replace } from './element.js';
import { serverSearch } from './server-search.js';
import { menu } from './menu.js';
import { PLACES } from './pages.js';
import { rangeControl } from './time-range.js';
import { logOut, mayAct, user } from './session.js';
import { showKeys } from './keyboard.js';
import { switchScheme } from './theme.js';
import { tellProblem, toasts } from './toast.js';

/**
 * Puts the frame on the page.
 * @param {() => import('./visit.js').Visit | null} present The visit that is open.
 * @returns {{ showUser: () => void, awaitPage: () => void, showPage: (page: import('./pages.js').Page, place: string | null) => void,
 *   showAddress: (page: import('./pages.js').Page) => void }}
 */
export function shell(present) {
  const range = rangeControl(present);
  const places = element('ul', { class: 'places' });
  const person = element('div', { class: 'person' });
  const trail = element('nav', { class: 'trail', 'aria-label': 'Where you are' });
  const title = element('h1', { tabindex: '-1' });
  const main = element('main', { id: 'main', tabindex: '-1' });
  const side = element('nav', { class: 'side', 'aria-label': 'Console' },
    element('a', { class: 'brand', href: '#/fleet', 'aria-label': 'pgAnalytics, to the fleet' },
      icon('logo'), element('span', {}, 'pgAnalytics')),
    places, person);
  const opener = element('button', {
    type: 'button', class: 'plain side-opener', 'aria-label': 'Navigation', 'aria-expanded': 'false', on: { click: () => openSide() },
  }, icon('menu'));

  document.body.append(
    element('nav', { class: 'skip', 'aria-label': 'Skip' }, button('Skip to the content', () => main.focus())),
    side,
    element('div', { class: 'content' },
      element('header', { class: 'top' }, opener, element('div', { class: 'heading' }, trail, title),
        element('div', { class: 'top-tools' }, serverSearch(), range.node)),
      main),
    toasts,
  );
  range.show(null);
  side.addEventListener('click', (event) => event.target.closest('a') && openSide(false));
  document.addEventListener('pointerdown', (event) => !event.target.closest('.side, .side-opener') && openSide(false));
  let shownPlace = null;

  return {
    showUser() {
      const shown = PLACES.filter(({ role }) => mayAct(role));
      replace(places, shown.map(({ place, icon: name, text, href }) => element('li', {},
        element('a', { href, data: { place }, 'aria-current': place === shownPlace ? 'page' : null },
          icon(name), element('span', {}, text)))));
      replace(person, userMenu());
    },
    awaitPage() {
      main.setAttribute('aria-busy', 'true');
    },
    showPage(page, place) {
      main.removeAttribute('aria-busy');
      shownPlace = place;
      for (const link of places.querySelectorAll('a')) {
        if (link.dataset.place === place) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
      replace(title, page.title);
      document.title = `${title.textContent} · pgAnalytics`;
      const slash = () => element('span', { 'aria-hidden': 'true' }, '/');
      const above = PLACES.filter((one) => one.place === place && one.href !== location.hash.split('?')[0]);
      replace(trail, (page.trail ?? above).map(({ text, href }) => [element('a', { href }, text), slash()]));
      range.show(page.range ?? null);
      replace(main, page.node);
      window.scrollTo(0, 0);
      // A screen reader hears where it is now. A field that the page has focused keeps the focus.
      if (!main.contains(document.activeElement)) title.focus({ preventScroll: true });
    },
    showAddress(page) {
      range.show(page?.range ?? null);
    },
  };

  function openSide(isOpen = !document.body.classList.contains('side-open')) {
    document.body.classList.toggle('side-open', isOpen);
    opener.setAttribute('aria-expanded', String(isOpen));
  }
}

function userMenu() {
  const name = element('span', {}, user.username, element('small', {}, user.role));
  const face = element('span', { class: 'person-name' }, icon('person'), name);
  const end = (everywhere) => logOut(everywhere).catch(tellProblem);
  return menu(`${user.username}, ${user.role}`, face, () => [
    { text: 'Switch light and dark', press: switchScheme },
    { text: 'Keys', press: showKeys },
    { text: 'API documentation', href: '/docs' },
    { text: 'Log out', press: () => end(false) },
    { text: 'Log out everywhere', press: () => end(true) },
  ]);
}
