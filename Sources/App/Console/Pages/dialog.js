// Dialogs over the page. The browser's own dialog element keeps the focus inside, closes at Esc, and gives the focus back.

import { button, element, icon, replace } from './element.js';
import { problemNotice } from './problem.js';
import { toasts } from './toast.js';

/**
 * Opens a dialog.
 * @param {Object} options
 * @param {string} options.title
 * @param {import('./element.js').Child} options.content
 * @param {import('./element.js').Child} [options.actions] Buttons at the end.
 * @param {boolean} [options.isWide]
 * @param {boolean} [options.mustStay] Whether it closes only by script.
 * @returns {{ node: HTMLDialogElement, close: () => void, closed: Promise<void> }}
 */
export function openDialog({ title, content, actions, isWide = false, mustStay = false }) {
  const close = () => node.close();
  const node = element('dialog', { class: isWide ? 'dialog dialog-wide' : 'dialog', 'aria-label': title },
    element('header', { class: 'dialog-head' },
      element('h2', {}, title),
      !mustStay && element('button', { type: 'button', class: 'plain', 'aria-label': 'Close', on: { click: close } }, icon('close')),
    ),
    element('div', { class: 'dialog-body' }, content),
    actions && element('footer', { class: 'dialog-foot' }, actions),
  );
  const closed = new Promise((resolve) => {
    node.addEventListener('close', () => {
      if (node.contains(toasts)) document.body.append(toasts); // Messages outlive the dialog.
      node.remove();
      resolve();
    });
  });
  node.addEventListener('cancel', (event) => mustStay && event.preventDefault());
  node.addEventListener('click', (event) => event.target === node && !mustStay && node.close());
  document.body.append(node);
  node.showModal();
  return { node, close, closed };
}

/**
 * Opens a dialog with a form. Pressing the action sends it; while the request runs the form cannot be sent again.
 * @param {Object} options
 * @param {string} options.title
 * @param {import('./element.js').Child} options.fields
 * @param {string} options.action The text of the button.
 * @param {boolean} [options.isDangerous]
 * @param {boolean} [options.isWide]
 * @param {(form: HTMLFormElement) => Promise<void>} options.submit What it throws is shown in the dialog, which stays open.
 * @returns {{ node: HTMLDialogElement, close: () => void, closed: Promise<void> }}
 */
export function openForm({ title, fields, action, submit, isDangerous = false, isWide = false }) {
  const send = element('button', { type: 'submit', class: isDangerous ? 'button danger' : 'button primary' }, action);
  const failure = element('div');
  const form = element('form', { class: 'form' }, fields, failure,
    element('div', { class: 'form-foot' }, button('Cancel', () => dialog.close()), send));
  const dialog = openDialog({ title, content: form, isWide });
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    send.disabled = true;
    replace(failure);
    try {
      await submit(form);
      dialog.close();
    } catch (problem) {
      replace(failure, problemNotice(problem));
    } finally {
      send.disabled = false;
    }
  });
  form.querySelector('input, textarea, select')?.focus();
  return dialog;
}

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
