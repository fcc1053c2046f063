// The fields of a silence: how long, and why.

import { field } from './dialog.js';
import { element } from './element.js';
import { select } from './select.js';

const DURATIONS = { '1h': '1 hour', '4h': '4 hours', '1d': '1 day', '1w': '1 week', '4w': '4 weeks' };

/**
 * Makes the fields.
 * @returns {HTMLElement[]}
 */
export function silenceFields() {
  return [
    field('For', select('duration', DURATIONS)),
    field('Reason', element('input', { name: 'reason', required: true, maxlength: 1000, placeholder: 'Maintenance of the storage' })),
  ];
}

/**
 * What the fields say, as the API takes it.
 * @param {HTMLFormElement} form
 * @returns {{ duration: string, reason: string }}
 */
export function silenceFrom(form) {
  const { duration, reason } = form.elements;
  return { duration: duration.value, reason: reason.value };
}
