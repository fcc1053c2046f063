// The users: who may log in, and as what.

import { administrationPage } from './administration-frame.js';
import { ask } from './api.js';
import { confirm } from './confirm.js';
import { field, openForm } from './dialog.js';
import { button, element } from './element.js';
import { choiceField, searchField, taken } from './filters.js';
import { ago, plain } from './format.js';
import { list } from './list.js';
import { Problem } from './problem.js';
import { ROLES } from './roles.js';
import { address } from './route.js';
import { select } from './select.js';
import { user as self } from './session.js';
import { mark } from './state.js';
import { tell } from './toast.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('users', () => list(visit, {
    title: 'Users',
    isRead: false,
    sort: 'username',
    request: (route) => ({ path: 'users', parameters: taken(route, 'q', 'role', 'is_active') }),
    tools: [
      searchField(visit, 'q', 'Filter by name'),
      choiceField(visit, 'role', 'Role', { '': 'Every role', viewer: 'Viewers', operator: 'Operators', admin: 'Administrators' }),
      choiceField(visit, 'is_active', 'State', { '': 'All', true: 'Active', false: 'Inactive' }),
      button('Add a user', () => add(visit), { class: 'button small primary' }),
    ],
    empty: 'No user fits the filters.',
    columns: [
      { name: 'username', title: 'Name', sorts: true },
      { name: 'role', title: 'Role' },
      { name: 'is_active', title: 'State', show: (isActive) => (isActive ? mark('ok', 'Active') : mark('silent', 'Inactive')) },
      { name: 'last_login', title: 'Last login', sorts: true, rank: 2, show: (value) => (value ? ago(value) : 'never') },
      { name: 'full_name', title: 'Full name', rank: 3, show: plain },
      { name: 'email', title: 'Mail', rank: 3, show: plain },
      { name: 'created_at', title: 'Added', sorts: true, rank: 3, show: ago },
      { name: 'id', title: 'Actions', show: (_, row) => actions(visit, row) },
    ],
  }));
}

function actions(visit, row) {
  const act = (text, press, others = {}) => button(text, press, {
    class: 'button small', 'aria-label': `${text} ${row.username}`, ...others,
  });
  const isSelf = row.id === self.id;
  return element('span', { class: 'row-actions' },
    act('Change', () => change(visit, row)),
    act('Reset password', () => reset(visit, row)),
    act('Sessions', () => (location.hash = address(['admin', 'sessions'], { user: row.id }))),
    act('Delete', () => confirm({
      title: `Delete ${row.username}`,
      text: 'The user, all sessions and all API tokens of the user go at once. The audit trail keeps what the user did.',
      action: 'Delete',
      act: () => guarded(async () => {
        await ask({ path: `users/${row.id}`, method: 'DELETE' });
        tell(`${row.username} is deleted.`);
        visit.renew();
      }),
    }), { disabled: isSelf, title: isSelf ? 'You cannot delete yourself here.' : null }));
}

function add(visit) {
  const name = input('username', { required: true, maxlength: 64, autocomplete: 'off' });
  const password = input('password', { type: 'password', required: true, minlength: 8, maxlength: 1024, autocomplete: 'new-password' });
  const others = people({});
  openForm({
    title: 'Add a user',
    fields: [field('Name', name), field('Password', password, 'At least 8 characters. The user can change it.'), others.fields],
    action: 'Add',
    async submit() {
      await ask({ path: 'users', method: 'POST', body: { username: name.value, password: password.value, ...others.values() } });
      tell(`${name.value} may log in now.`);
      visit.renew();
    },
  });
}

function change(visit, row) {
  const others = people(row);
  openForm({
    title: `Change ${row.username}`,
    fields: others.fields,
    action: 'Change',
    submit: () => guarded(async () => {
      await ask({ path: `users/${row.id}`, method: 'PATCH', body: others.values() });
      tell(`${row.username} is changed. It counts from the next request on.`);
      visit.renew();
    }),
  });
}

function reset(visit, row) {
  const password = input('password', { type: 'password', required: true, minlength: 8, maxlength: 1024, autocomplete: 'new-password' });
  openForm({
    title: `Reset the password of ${row.username}`,
    fields: [
      element('p', {}, 'All sessions of the user end, and a lock-out as well.'),
      field('New password', password, 'At least 8 characters.'),
    ],
    action: 'Reset',
    async submit() {
      await ask({ path: `users/${row.id}`, method: 'PATCH', body: { password: password.value } });
      tell(`${row.username} has a new password.`);
    },
  });
}

/** The fields that a new user and a changed one have in common. */
function people({ role = 'viewer', is_active: isActive = true, full_name: fullName, email }) {
  const roles = select('role', ROLES, role);
  const active = element('input', { name: 'is_active', type: 'checkbox', checked: isActive });
  const full = input('full_name', { maxlength: 255, value: fullName ?? '' });
  const mail = input('email', { type: 'email', maxlength: 254, value: email ?? '' });
  return {
    fields: [
      field('Role', roles), field('Full name', full), field('Mail', mail),
      element('label', { class: 'field inline' }, active,
        element('span', {}, 'May log in. Otherwise all sessions end, and the tokens of the user stop to work.')),
    ],
    values: () => ({ role: roles.value, is_active: active.checked, full_name: full.value || null, email: mail.value || null }),
  };
}

/** Says in words what the server means by its refusal to lose the last administrator. */
async function guarded(act) {
  try {
    await act();
  } catch (problem) {
    if (problem.kind !== 'last_admin') throw problem;
    throw new Problem(problem.status, {
      message: 'This is the last administrator who may log in.',
      details: 'Make another user an administrator first; then this one can be changed or deleted.',
      error: problem.kind,
      request_id: problem.requestID,
    });
  }
}

function input(name, attributes) {
  return element('input', { name, ...attributes });
}
