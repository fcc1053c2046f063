// A value that the server tells once: a registration secret, a token.

import { command } from './command.js';
import { element } from './element.js';

/**
 * Shows the value with a button that copies it.
 * @param {string} name What it is.
 * @param {string} value
 * @returns {HTMLElement}
 */
export function shownOnce(name, value) {
  return element('div', { class: 'stack' },
    element('p', {}, element('strong', {}, `Copy the ${name} now.`), ' The server stores only its hash, and nobody can show it again.'),
    command(value));
}
