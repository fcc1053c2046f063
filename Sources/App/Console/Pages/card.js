// A titled part of a page whose content needs no request of its own. It looks like a panel.

import { element } from './element.js';

/**
 * Makes the part.
 * @param {import('./element.js').Child} title
 * @param {import('./element.js').Child} tools Controls in the head; null: none.
 * @param {...import('./element.js').Child} content
 * @returns {HTMLElement}
 */
export function card(title, tools, ...content) {
  return element('section', { class: 'panel', 'aria-label': typeof title === 'string' ? title : null },
    element('header', { class: 'panel-head' }, element('h2', {}, title), tools && element('div', { class: 'panel-tools' }, tools)),
    content);
}
