// Short messages at the edge of the page: what was done, or why it was not.

import { element, icon } from './element.js';
import { problemLine } from './problem.js';

const SECONDS = 6;
const box = element('div', { class: 'toasts', role: 'status', 'aria-live': 'polite' });

/** The box of the messages; the shell puts it on the page once. */
export const toasts = box;

/**
 * Says what was done.
 * @param {string} text
 */
export function tell(text) {
  show(text, 'check');
}

/**
 * Says why something was not done.
 * @param {Error} problem
 */
export function tellProblem(problem) {
  if (problem.name !== 'AbortError') show(problemLine(problem), 'warning');
}

function show(text, name) {
  const note = element('div', { class: `toast toast-${name}` }, icon(name), element('span', {}, text));
  // A modal dialog covers everything else, so the message goes into it.
  (document.querySelector('dialog[open]') ?? document.body).append(box);
  box.append(note);
  setTimeout(() => note.remove(), SECONDS * 1000);
}
