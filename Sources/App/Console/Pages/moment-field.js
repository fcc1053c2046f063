// The choice of one time, for what a page shows of a moment. It is in the address.

import { button, element } from './element.js';
import { addressTime, localTime } from './time-range.js';

/**
 * Makes the field.
 * @param {import('./visit.js').Visit} visit
 * @param {string} name The parameter of the address.
 * @param {string} usual What is shown without a choice; the button that takes the choice back says so.
 * @returns {HTMLElement}
 */
export function momentField(visit, name, usual) {
  const field = element('input', { type: 'datetime-local', step: 1, 'aria-label': 'At' });
  const back = button(usual, () => visit.change({ [name]: null }));
  field.addEventListener('change', () => {
    const chosen = new Date(field.value).getTime();
    visit.change({ [name]: Number.isNaN(chosen) ? null : addressTime(chosen), live: null });
  });
  visit.watch(({ parameters }) => {
    const at = parameters.get(name);
    back.hidden = !at;
    if (document.activeElement !== field) field.value = at ? localTime(at) : '';
  });
  return element('span', { class: 'tools' }, element('label', {}, 'At ', field), back);
}
