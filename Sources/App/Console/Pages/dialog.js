// Dialogs over the page. The browser's own dialog element keeps the focus inside, closes at Esc, and gives the focus back.

import { element, icon } from './element.js';
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
      // Messages outlive the dialog.
      if (node.contains(toasts)) document.body.append(toasts);
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
