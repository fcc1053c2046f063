// A command that a person can copy.

import { button, element, replace } from './element.js';

/**
 * Shows a command with a button that copies it.
 * @param {string} text
 * @returns {HTMLElement}
 */
export function command(text) {
  const copy = button('Copy', async () => {
    await navigator.clipboard.writeText(text);
    replace(copy, 'Copied');
  });
  return element('div', { class: 'command' }, element('pre', { tabindex: '0' }, element('code', {}, text)), copy);
}
