// Asks before something that cannot be taken back.

import { field, openForm } from './dialog.js';
import { element } from './element.js';

/**
 * Asks whether to go on.
 * @param {Object} options
 * @param {string} options.title
 * @param {import('./element.js').Child} options.text What happens, and to whom.
 * @param {string} options.action The text of the button.
 * @param {string} [options.typed] What a person has to type first, for what deletes data.
 * @param {() => Promise<void>} options.act What it throws is shown in the dialog.
 */
export function confirm({ title, text, action, typed, act }) {
  const input = typed && element('input', { name: 'typed', required: true, autocomplete: 'off', spellcheck: 'false' });
  input?.addEventListener('input', () => input.setCustomValidity(input.value === typed ? '' : `Type ${typed}`));
  openForm({
    title,
    fields: [element('p', {}, text), input && field(`Type ${typed} to go on`, input)],
    action,
    isDangerous: true,
    submit: act,
  });
}
