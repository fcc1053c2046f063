// Changes of something on the server, and the question before those that cannot be taken back.

import { ask } from './api.js';
import { element } from './element.js';
import { field, openForm } from './form.js';
import { tell, tellProblem } from './toast.js';

/**
 * Sends a change, says that it is done, and lets a page or a source ask anew.
 * @param {import('./api.js').Request} request
 * @param {string | ((answer: any) => string)} done
 * @param {{ renew: () => void }} [origin]
 * @returns {Promise<any>} The answer.
 * @throws {import('./problem.js').Problem}
 */
export async function change(request, done, origin) {
  const answer = await ask(request);
  tell(typeof done === 'function' ? done(answer) : done);
  origin?.renew();
  return answer;
}

/** The same for a button, which has no place of its own for a refusal. */
export function press(request, done, origin) {
  return change(request, done, origin).catch(tellProblem);
}

/**
 * Asks whether to go on, before something that cannot be taken back.
 * @param {Object} options
 * @param {string} options.title
 * @param {import('./element.js').Child} options.text What happens, and to whom.
 * @param {string} options.action The text of the button.
 * @param {boolean} [options.isDangerous] Without it true.
 * @param {string} [options.typed] What a person has to type first, for what deletes data.
 * @param {import('./api.js').Request} [options.request] The change, with `done` and `origin` as in `change`.
 * @param {string} [options.done]
 * @param {{ renew: () => void }} [options.origin]
 * @param {() => Promise<void>} [options.act] Instead of the change. What it throws is shown in the dialog.
 */
export function confirm({ title, text, action, typed, request, done, origin, isDangerous = true, act }) {
  const input = typed && element('input', { name: 'typed', required: true, autocomplete: 'off', spellcheck: 'false' });
  input?.addEventListener('input', () => input.setCustomValidity(input.value === typed ? '' : `Type ${typed}`));
  openForm({
    title, action, isDangerous,
    fields: [element('p', {}, text), input && field(`Type ${typed} to go on`, input)],
    submit: act ?? (() => change(request, done, origin)),
  });
}
