// A share as a bar with its number.

import { element } from './element.js';
import { percent } from './format.js';

/**
 * Makes the bar.
 * @param {number | null} value From 0 to 100.
 * @returns {HTMLElement | string}
 */
export function meter(value) {
  if (value === null) return percent(value);
  const part = element('span', { class: 'meter-part', style: { width: `${Math.min(value, 100)}%` } });
  return element('span', { class: 'meter' },
    element('span', { class: 'meter-room', 'aria-hidden': 'true' }, part), element('span', { class: 'meter-value' }, percent(value)));
}
