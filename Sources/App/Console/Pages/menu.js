// A button that opens a list of actions.

import { element, icon } from './element.js';

/**
 * @typedef {Object} Item
 * @property {string} text
 * @property {() => void} [press]
 * @property {string} [href]
 * @property {boolean} [isDangerous]
 */

/**
 * Makes a button with a menu.
 * @param {string} label What the button is for.
 * @param {string | Node} face The name of an icon, or the content of the button.
 * @param {() => Item[]} items Asked at each opening.
 * @returns {HTMLElement}
 */
export function menu(label, face, items) {
  const opener = element('button', {
    type: 'button', class: 'plain', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-label': label, title: label,
    on: { click: () => (list ? shut() : open()) },
  }, typeof face === 'string' ? icon(face) : face);
  const node = element('div', { class: 'menu' }, opener);
  let list = null;

  node.addEventListener('keydown', (event) => {
    if (!list) return;
    const choices = [...list.children];
    const place = choices.indexOf(document.activeElement);
    if (event.key === 'Escape') shut(true);
    else if (event.key === 'ArrowDown') choices[(place + 1) % choices.length].focus();
    else if (event.key === 'ArrowUp') choices[(place - 1 + choices.length) % choices.length].focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  node.addEventListener('focusout', (event) => !node.contains(event.relatedTarget) && shut());
  return node;

  function open() {
    list = element('div', { class: 'menu-list', role: 'menu', 'aria-label': label }, items().map(choice));
    opener.setAttribute('aria-expanded', 'true');
    node.append(list);
    list.firstElementChild?.focus();
  }

  function shut(keepsFocus = false) {
    const closing = list;
    // Removing the list takes the focus from it, which shuts the menu again.
    list = null;
    closing?.remove();
    opener.setAttribute('aria-expanded', 'false');
    if (keepsFocus) opener.focus();
  }

  function choice({ text, press, href, isDangerous }) {
    const attributes = { role: 'menuitem', class: isDangerous ? 'menu-item danger' : 'menu-item', tabindex: '-1' };
    const act = () => {
      shut(true);
      press?.();
    };
    return href
      ? element('a', { ...attributes, href, on: { click: () => shut() } }, text)
      : element('button', { ...attributes, type: 'button', on: { click: act } }, text);
  }
}
