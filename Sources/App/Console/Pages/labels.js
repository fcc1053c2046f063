// Labels of servers: shown as chips that filter, and read from what a person types.

import { element } from './element.js';
import { listOf, openForm, textField } from './form.js';
import { changed } from './route.js';

/**
 * The labels of a server. A press on one filters the list.
 * @param {Object<string, string> | null} labels
 * @param {import('./route.js').Route} route The list to filter.
 * @returns {HTMLElement}
 */
export function labelChips(labels, route) {
  return element('span', { class: 'chips' }, Object.entries(labels ?? {}).map(([key, value]) => {
    const label = `${key}=${value}`;
    const chosen = route.parameters.getAll('label');
    const href = changed(route, { label: chosen.includes(label) ? chosen : [...chosen, label] });
    return element('a', { class: 'chip', href, title: `Only servers with ${label}` }, label);
  }));
}

/**
 * The chosen labels of an address, each with a way to remove it.
 * @param {import('./visit.js').Visit} visit
 * @returns {HTMLElement}
 */
export function chosenLabels(visit) {
  const node = element('span', { class: 'chips' });
  visit.watch((route) => {
    const chosen = route.parameters.getAll('label');
    node.replaceChildren(...chosen.map((label) => element('a', {
      class: 'chip chosen', href: changed(route, { label: chosen.filter((other) => other !== label) }),
      'aria-label': `Remove the filter ${label}`,
    }, label, ' ×')));
  });
  return node;
}

/**
 * Reads labels that a person typed.
 * @param {string | null} text `env=prod, team=blue`; `team=` or `-team` removes a label.
 * @returns {Object<string, string | null>} Labels to change, as the API takes them.
 * @throws {Error} A part is no label.
 */
export function labelsFrom(text) {
  return Object.fromEntries(listOf(text).map((part) => {
    if (part.startsWith('-')) return [part.slice(1), null];
    const place = part.indexOf('=');
    if (place < 1) throw new Error(`“${part}” is no label. Write key=value.`);
    return [part.slice(0, place), part.slice(place + 1) || null];
  }));
}

/**
 * Opens the form that changes the labels of servers.
 * @param {string} title
 * @param {(labels: Object<string, string | null>) => Promise<void>} change Sends the labels to change. What it throws is shown in the form.
 */
export function openLabelForm(title, change) {
  openForm({
    title,
    fields: textField('Labels', 'labels', { required: true, placeholder: 'env=production, old=', maxlength: 2000 },
      'key=value, separated by commas. “key=” removes a label; other labels stay.'),
    action: 'Set labels',
    submit: ({ labels }) => change(labelsFrom(labels)),
  });
}
