// A choice of one of several values in a form.

import { element } from './element.js';

/**
 * Makes the choice.
 * @param {string} name The name of the control.
 * @param {Object<string, string>} words Words by value.
 * @param {string} [chosen] The value at the start. Without it the first one.
 * @returns {HTMLSelectElement}
 */
export function select(name, words, chosen) {
  return element('select', { name }, Object.entries(words).map(([value, text]) => element('option', { value, selected: value === chosen }, text)));
}
