// Texts of the server in which backticks mark names.

import { element } from './element.js';

/**
 * Shows a text with its names as code.
 * @param {string} text
 * @returns {import('./element.js').Child[]}
 */
export function prose(text) {
  return text.split('\u0060').map((part, place) => (place % 2 ? element('code', {}, part) : part));
}
