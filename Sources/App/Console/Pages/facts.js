// Facts about one thing: a name and a value on each line.

import { element } from './element.js';

/**
 * Makes the list.
 * @param {Object<string, import('./element.js').Child>} entries By their names; undefined: left out.
 * @returns {HTMLElement}
 */
export function facts(entries) {
  return element('dl', { class: 'facts' }, Object.entries(entries).filter(([, value]) => value !== undefined).map(([name, value]) =>
    element('div', {}, element('dt', {}, name), element('dd', {}, value))));
}
