// The login, over whatever page is open.

import { openDialog } from './dialog.js';
import { element, icon, replace } from './element.js';
import { problemNotice } from './problem.js';
import { logIn, user, watchSession } from './session.js';

let open = null;
let finish = () => {};

watchSession((isOpen) => isOpen && finish());

/**
 * Asks for name and password, and returns when the person has logged in. All callers wait for the same dialog.
 * @returns {Promise<void>}
 */
export function askForLogin() {
  open ??= show().finally(() => (open = null));
  return open;
}

async function show() {
  const name = element('input', {
    name: 'username', autocomplete: 'username', required: true, maxlength: 255, autocapitalize: 'none', spellcheck: 'false',
    value: user?.username ?? '',
  });
  const password = element('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true });
  const send = element('button', { type: 'submit', class: 'button primary' }, 'Log in');
  const failure = element('div');
  const form = element('form', { class: 'form login', id: 'login' },
    user && element('p', { class: 'quiet' }, 'Your session has ended. The page stays as it is; log in to go on.'),
    element('label', { class: 'field' }, element('span', { class: 'field-label' }, 'Name'), name),
    element('label', { class: 'field' }, element('span', { class: 'field-label' }, 'Password'), password),
    failure, send,
  );
  const title = element('span', { class: 'brand' }, icon('logo'), 'pgAnalytics');
  const dialog = openDialog({ title: 'Log in', content: [title, form], mustStay: true });
  (user ? password : name).focus();
  await new Promise((resolve) => {
    finish = resolve; // The person may also log in on another tab.
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      send.disabled = true;
      replace(failure);
      try {
        await logIn(name.value, password.value);
      } catch (problem) {
        replace(failure, problemNotice(problem));
        password.select();
      } finally {
        send.disabled = false;
      }
    });
  });
  dialog.close();
}
