// The login, over whatever page is open.

import { openDialog } from './dialog.js';
import { element, icon } from './element.js';
import { form, textField } from './form.js';
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
  // The person may also log in on another tab.
  const sent = new Promise((resolve) => (finish = resolve));
  const login = form({
    className: 'login',
    fields: [
      user && element('p', { class: 'quiet' }, 'Your session has ended. The page stays as it is; log in to go on.'),
      textField('Name', 'username', {
        autocomplete: 'username', required: true, maxlength: 255, autocapitalize: 'none', spellcheck: 'false', value: user?.username,
      }),
      textField('Password', 'password', { type: 'password', maxlength: 1024, autocomplete: 'current-password', required: true }),
    ],
    action: 'Log in',
    submit: ({ username, password }) => logIn(username, password).catch((problem) => {
      login.elements.password.select();
      throw problem;
    }),
  });
  login.id = 'login';
  const title = element('span', { class: 'brand' }, icon('logo'), 'pgAnalytics');
  const dialog = openDialog({ title: 'Log in', content: [title, login], mustStay: true });
  login.elements[user ? 'password' : 'username'].focus();
  await sent;
  dialog.close();
}
