// States of servers and others, severities of findings, and ends that are near: each has a shape, a colour and a word, so that
// nobody has to tell colours apart.

import { element, icon } from './element.js';
import { ago } from './format.js';

const DAY_MILLISECONDS = 86_400_000;

/** The states of servers, the most urgent first, with their words. */
export const STATES = { critical: 'Critical', silent: 'Silent', warning: 'Warning', ok: 'OK' };

/**
 * A state with its shape.
 * @param {'critical' | 'silent' | 'warning' | 'ok' | null} state
 * @returns {HTMLElement}
 */
export function stateMark(state) {
  return mark(state ?? 'unknown', STATES[state] ?? 'New');
}

/**
 * Any word with the shape of a state.
 * @param {string} state
 * @param {import('./element.js').Child} text
 * @returns {HTMLElement}
 */
export function mark(state, text) {
  return element('span', { class: `mark-state state-${state}` }, icon(`state-${state}`), text);
}

/**
 * A set of states of something else.
 * @param {Object<string, [string, string]>} states The state of a server with the same shape, and the word, by value.
 * @returns {{ words: Object<string, string>, mark: (value: string) => HTMLElement }}
 */
export function stateSet(states) {
  return {
    words: Object.fromEntries(Object.entries(states).map(([value, [, word]]) => [value, word])),
    mark: (value) => mark(...(states[value] ?? ['unknown', value])),
  };
}

/** The states of collectors. */
export const COLLECTOR_STATES = stateSet({
  active: ['ok', 'Active'], offline: ['silent', 'Offline'], registered: ['unknown', 'Never pushed'], revoked: ['critical', 'Revoked'],
});

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
