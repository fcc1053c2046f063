// States of servers and severities of findings: each has a shape, a colour and a word, so that nobody has to tell colours apart.

import { element, icon } from './element.js';

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
