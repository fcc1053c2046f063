// Thresholds of a check as numbers with sliders.

import { element } from './element.js';
import { inUnit } from './format.js';
import { prose } from './parts.js';

/** A slider goes from a tenth to ten times the default, and has so many steps. */
const REACH = 10;
const STEPS = 200;

/**
 * Makes the fields.
 * @param {any[]} thresholds Of the check, as the API describes them.
 * @param {() => void} changed Called when a person has set another number.
 * @returns {{ node: HTMLElement, values: () => Object<string, number>, reset: () => void }}
 */
export function thresholdFields(thresholds, changed) {
  const fields = thresholds.map((threshold) => thresholdField(threshold, changed));
  return {
    node: element('div', {}, fields.map((one) => one.node)),
    values: () => Object.fromEntries(fields.map((one, place) => [thresholds[place].name, one.value()])),
    reset: () => fields.forEach((one, place) => one.set(thresholds[place].default)),
  };
}

function thresholdField({ name, unit, value, default: usual, minimum, maximum, meaning }, changed) {
  const title = name.replaceAll('_', ' ');
  const show = inUnit(unit);
  const said = element('output', {}, show(value));
  const exact = element('input', { type: 'number', min: minimum, max: maximum, step: 'any', required: true, value, 'aria-label': title });
  const scale = scaleOf(usual, minimum, maximum);
  const slider = scale && element('input', {
    type: 'range', min: 0, max: STEPS, step: 1, value: scale.place(value), 'aria-label': `${title}, slider`,
  });
  const set = (next) => {
    exact.value = String(next);
    said.value = show(next);
    if (slider) slider.value = String(scale.place(next));
  };
  slider?.addEventListener('input', () => set(scale.value(Number(slider.value))));
  slider?.addEventListener('change', changed);
  exact.addEventListener('change', () => {
    set(Number(exact.value));
    changed();
  });
  return {
    node: element('div', { class: 'threshold' },
      element('span', {}, element('strong', {}, title), ' ', said), slider || element('span'), exact,
      element('span', { class: 'quiet' }, prose(meaning), ` Default: ${show(usual)}.`)),
    value: () => Number(exact.value),
    set,
  };
}

/** Even for percent, else by powers, so that small and large thresholds are equally easy to reach; null: the default is 0. */
function scaleOf(usual, minimum, maximum) {
  if (maximum <= 100) {
    return {
      place: (value) => Math.round(((value - minimum) / (maximum - minimum)) * STEPS),
      value: (place) => readable(minimum + ((maximum - minimum) * place) / STEPS),
    };
  }
  if (usual <= 0) return null;
  const low = Math.log(Math.max(minimum, usual / REACH) || usual / REACH);
  const high = Math.log(Math.min(maximum, usual * REACH));
  return {
    place: (value) => Math.round(((Math.log(Math.max(value, Number.MIN_VALUE)) - low) / (high - low)) * STEPS),
    value: (place) => Math.min(Math.max(readable(Math.exp(low + ((high - low) * place) / STEPS)), minimum), maximum),
  };
}

function readable(value) {
  return Number(value.toPrecision(2));
}
