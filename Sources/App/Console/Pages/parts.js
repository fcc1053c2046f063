// Small parts that pages consist of.

import { command } from './command.js';
import { element, replace } from './element.js';
import { percent } from './format.js';

/**
 * Makes the part.
 * @param {import('./element.js').Child} title
 * @param {import('./element.js').Child} tools Controls in the head; null: none.
 * @param {...import('./element.js').Child} content
 * @returns {HTMLElement}
 */
export function card(title, tools, ...content) {
  return element('section', { class: 'panel', 'aria-label': typeof title === 'string' ? title : null },
    element('header', { class: 'panel-head' }, element('h2', {}, title), tools && element('div', { class: 'panel-tools' }, tools)),
    content);
}

/**
 * Makes the list.
 * @param {Object<string, import('./element.js').Child>} entries Values by name. null, undefined and false: the entry is left out.
 * @returns {HTMLElement}
 */
export function facts(entries) {
  const given = Object.entries(entries).filter(([, value]) => value !== null && value !== undefined && value !== false);
  return element('dl', { class: 'facts' }, given.map(([name, value]) => element('div', {},
    element('dt', {}, name), element('dd', {}, value))));
}

/**
 * Shows the figures.
 * @param {[string, import('./element.js').Child, import('./element.js').Child?][]} entries Name, figure, and what is said below it.
 * @returns {HTMLElement}
 */
export function numbers(entries) {
  return element('dl', { class: 'numbers' }, entries.map(([name, value, small]) => element('div', {},
    element('dt', {}, name), element('dd', {}, value, small && element('small', {}, small)))));
}

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

/**
 * Shows a text with its names as code.
 * @param {string} text
 * @returns {import('./element.js').Child[]}
 */
export function prose(text) {
  return text.split('\u0060').map((part, place) => (place % 2 ? element('code', {}, part) : part));
}

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

/**
 * Makes the title of a page that is known only when the server has answered.
 * @param {string} text What it is until then.
 * @returns {{ node: HTMLElement, set: (text: string) => void }}
 */
export function pageTitle(text) {
  const node = element('span', {}, text);
  return {
    node,
    set(name) {
      replace(node, name);
      document.title = `${name} · pgAnalytics`;
    },
  };
}
