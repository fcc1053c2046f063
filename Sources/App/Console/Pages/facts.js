// A list of names with their values.

import { element } from './element.js';

/**
 * Makes the list.
 * @param {Object<string, import('./element.js').Child>} entries Values by name. null, undefined and false: the entry is left out.
 * @returns {HTMLElement}
 */
export function facts(entries) {
  const given = Object.entries(entries).filter(([, value]) => value !== null && value !== undefined && value !== false);
  return element('dl', { class: 'facts' }, given.map(([name, value]) => element('div', {},
    element('dt', {}, name), element('dd', {}, value))));
}
