// Forms: labelled fields, what a person has entered into them, and sending it.

import { openDialog } from './dialog.js';
import { button, element, replace } from './element.js';
import { problemNotice } from './problem.js';

/**
 * One labelled field of a form.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {import('./element.js').Child} [hint]
 * @returns {HTMLElement}
 */
export function field(label, control, hint) {
  return element('label', { class: 'field' },
    element('span', { class: 'field-label' }, label), control, hint && element('span', { class: 'field-hint' }, hint));
}

/**
 * A labelled field for a line of text, or what `type` says.
 * @param {string} label
 * @param {string} name The name of the control.
 * @param {Object<string, any>} [attributes]
 * @param {import('./element.js').Child} [hint]
 */
export function textField(label, name, attributes = {}, hint = null) {
  return field(label, element('input', { name, maxlength: 1000, ...attributes }), hint);
}

/**
 * A choice of one of several values.
 * @param {string} name The name of the control.
 * @param {Object<string, string>} words Words by value.
 * @param {string} [chosen] The value at the start. Without it the first one.
 * @returns {HTMLSelectElement}
 */
export function select(name, words, chosen) {
  const option = ([value, text]) => element('option', { value, selected: value === chosen }, text);
  return element('select', { name }, Object.entries(words).map(option));
}

/** A labelled choice: see `select`. */
export function choice(label, name, words, chosen, hint) {
  return field(label, select(name, words, chosen), hint);
}

/** A labelled box to tick. */
export function tick(label, name, checked) {
  return element('label', { class: 'field inline' }, element('input', { name, type: 'checkbox', checked }), element('span', {}, label));
}

/**
 * What a form says, by the names of its controls: texts, numbers, and booleans of boxes. An empty control has null.
 * @param {HTMLFormElement} form
 * @returns {Object<string, any>}
 */
export function valuesOf(form) {
  return Object.fromEntries([...form.elements].filter(({ name }) => name).map((control) => [control.name, valueOf(control)]));
}

function valueOf({ type, checked, value }) {
  if (type === 'checkbox') return checked;
  if (value === '') return null;
  return type === 'number' ? Number(value) : value;
}

/** The parts of a text that a person has separated by commas or lines. @param {string | null} text @returns {string[]} */
export function listOf(text) {
  return (text ?? '').split(/[,\n]/).map((part) => part.trim()).filter(Boolean);
}

/**
 * Makes a form. While its request runs it cannot be sent again.
 * @param {Object} options
 * @param {import('./element.js').Child} options.fields
 * @param {string} options.action The text of the button.
 * @param {(values: Object<string, any>) => Promise<void>} options.submit What it throws is shown in the form.
 * @param {import('./element.js').Child} [options.cancel] A button beside that of the action.
 * @param {boolean} [options.isDangerous]
 * @param {string} [options.className]
 * @returns {HTMLFormElement}
 */
export function form({ fields, action, submit, cancel, isDangerous = false, className = '' }) {
  const send = element('button', { type: 'submit', class: isDangerous ? 'button danger' : 'button primary' }, action);
  const failure = element('div');
  const node = element('form', { class: `form ${className}` }, fields, failure, element('div', { class: 'form-foot' }, cancel, send));
  node.addEventListener('submit', async (event) => {
    event.preventDefault();
    send.disabled = true;
    replace(failure);
    try {
      await submit(valuesOf(node));
    } catch (problem) {
      replace(failure, problemNotice(problem));
    } finally {
      send.disabled = false;
    }
  });
  return node;
}

/**
 * Opens a dialog with a form, which closes when the form was sent.
 * @param {Object} options Those of `form`, and these:
 * @param {string} options.title
 * @param {boolean} [options.isWide]
 * @returns {{ node: HTMLDialogElement, close: () => void, closed: Promise<void> }}
 */
export function openForm({ title, submit, isWide = false, ...others }) {
  const content = form({
    ...others,
    cancel: button('Cancel', () => dialog.close()),
    async submit(values) {
      await submit(values);
      dialog.close();
    },
  });
  const dialog = openDialog({ title, content, isWide });
  content.querySelector('input, textarea, select')?.focus();
  return dialog;
}
