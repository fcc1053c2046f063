// Controls that filter a list. What they say is in the address.

import { element } from './element.js';

const TYPING_MILLISECONDS = 250;

/**
 * A field to search with. The key `/` goes to it.
 * @param {import('./visit.js').Visit} visit
 * @param {string} name The parameter of the address.
 * @param {string} label
 * @returns {HTMLElement}
 */
export function searchField(visit, name, label) {
  const field = element('input', { type: 'search', placeholder: label, 'aria-label': label, maxlength: 255, data: { search: '' } });
  let timer = 0;
  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => visit.change({ [name]: field.value.trim() || null }, true), TYPING_MILLISECONDS);
  });
  visit.signal.addEventListener('abort', () => clearTimeout(timer));
  visit.watch((route) => {
    if (document.activeElement !== field) field.value = route.parameters.get(name) ?? '';
  });
  return field;
}

/**
 * A choice of one value.
 * @param {import('./visit.js').Visit} visit
 * @param {string} name The parameter of the address.
 * @param {string} label
 * @param {Object<string, string>} choices Words by value; the value '' means no filter, or the default.
 * @returns {HTMLElement}
 */
export function choiceField(visit, name, label, choices) {
  const field = element('select', { 'aria-label': label }, Object.entries(choices).map(([value, text]) => element('option', { value }, text)));
  field.addEventListener('change', () => visit.change({ [name]: field.value }));
  visit.watch((route) => (field.value = route.parameters.get(name) ?? ''));
  return field;
}

/**
 * The parameters of an address that a request takes over as they are.
 * @param {import('./route.js').Route} route
 * @param {...string} names
 * @returns {Object<string, string[]>}
 */
export function taken(route, ...names) {
  return Object.fromEntries(names.map((name) => [name, route.parameters.getAll(name)]));
}
