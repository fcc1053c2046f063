// Ends of certificates, keys, tokens and secrets. An end that is near is marked, so that nobody is surprised by it.

import { ago } from './format.js';
import { mark } from './state.js';

const DAY_MILLISECONDS = 86_400_000;

/**
 * Shows when something ends.
 * @param {string | null} value
 * @param {number} warningDays An end within this time is marked; a part of a day counts.
 * @param {string} [none] The words for something without an end.
 * @returns {import('./element.js').Child}
 */
export function ending(value, warningDays, none = 'never') {
  if (!value) return none;
  const left = new Date(value) - Date.now();
  if (left <= 0) return mark('critical', ['ended ', ago(value)]);
  return left < warningDays * DAY_MILLISECONDS ? mark('warning', ago(value)) : ago(value);
}
