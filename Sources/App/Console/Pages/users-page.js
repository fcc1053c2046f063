// The users: who may log in, and as what.

import { administrationPage } from './administration-frame.js';
import { change, confirm } from './change.js';
import { button, element } from './element.js';
import { choice, openForm, textField, tick } from './form.js';
import { ago } from './format.js';
import { choiceField, list, searchField, taken } from './list.js';
import { Problem } from './problem.js';
import { ROLES } from './roles.js';
import { address } from './route.js';
import { user as self } from './session.js';
import { mark } from './state.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('users', () => list(visit, {
    title: 'Users',
    sort: 'username',
    request: (route) => ({ path: 'users', parameters: taken(route, 'q', 'role', 'is_active') }),
    tools: [
      searchField(visit, 'q', 'Filter by name'),
      choiceField(visit, 'role', 'Role', { '': 'Every role', viewer: 'Viewers', operator: 'Operators', admin: 'Administrators' }),
      choiceField(visit, 'is_active', 'State', { '': 'All', true: 'Active', false: 'Inactive' }),
      button('Add a user', () => add(visit), { class: 'button primary' }),
    ],
    empty: 'No user fits the filters.',
    columns: [
      { name: 'username', title: 'Name', sorts: true },
      { name: 'role' },
      { name: 'is_active', title: 'State', show: (isActive) => (isActive ? mark('ok', 'Active') : mark('silent', 'Inactive')) },
      { name: 'last_login', sorts: true, rank: 2, show: (value) => (value ? ago(value) : 'never') },
      { name: 'full_name', rank: 3 },
      { name: 'email', title: 'Mail', rank: 3 },
      { name: 'created_at', title: 'Added', sorts: true, rank: 3, show: ago },
      { name: 'id', title: 'Actions', show: (_, row) => actions(visit, row) },
    ],
  }));
}

function actions(visit, row) {
  const act = (text, press, others = {}) => button(text, press, {
    'aria-label': `${text} ${row.username}`, ...others,
  });
  const isSelf = row.id === self.id;
  return element('span', { class: 'row-actions' },
    act('Change', () => edit(visit, row)),
    act('Reset password', () => reset(visit, row)),
    act('Sessions', () => (location.hash = address(['admin', 'sessions'], { user: row.id }))),
    act('Delete', () => confirm({
      title: `Delete ${row.username}`,
      text: 'The user, all sessions and all API tokens of the user go at once. The audit trail keeps what the user did.',
      action: 'Delete',
      act: () => guarded({ path: `users/${row.id}`, method: 'DELETE' }, `${row.username} is deleted.`, visit),
    }), { disabled: isSelf, title: isSelf ? 'You cannot delete yourself here.' : null }));
}

function add(visit) {
  openForm({
    title: 'Add a user',
    fields: [
      textField('Name', 'username', { required: true, maxlength: 64, autocomplete: 'off' }),
      password('Password', 'At least 8 characters. The user can change it.'), people({}),
    ],
    action: 'Add',
    submit: (body) => change({ path: 'users', method: 'POST', body }, `${body.username} may log in now.`, visit),
  });
}

function edit(visit, row) {
  openForm({
    title: `Change ${row.username}`,
    fields: people(row),
    action: 'Change',
    submit: (body) => guarded({ path: `users/${row.id}`, method: 'PATCH', body },
      `${row.username} is changed. It counts from the next request on.`, visit),
  });
}

function reset(visit, row) {
  openForm({
    title: `Reset the password of ${row.username}`,
    fields: [element('p', {}, 'All sessions of the user end, and a lock-out as well.'), password('New password', 'At least 8 characters.')],
    action: 'Reset',
    submit: (body) => change({ path: `users/${row.id}`, method: 'PATCH', body }, `${row.username} has a new password.`),
  });
}

function password(label, hint) {
  const attributes = { type: 'password', required: true, minlength: 8, maxlength: 1024, autocomplete: 'new-password' };
  return textField(label, 'password', attributes, hint);
}

/** The fields that a new user and a changed one have in common. */
function people({ role = 'viewer', is_active: isActive = true, full_name: fullName, email }) {
  return [
    choice('Role', 'role', ROLES, role), textField('Full name', 'full_name', { maxlength: 255, value: fullName ?? '' }),
    textField('Mail', 'email', { type: 'email', maxlength: 254, value: email ?? '' }),
    tick('May log in. Otherwise all sessions end, and the tokens of the user stop to work.', 'is_active', isActive),
  ];
}

/** Sends a change, and says in words what the server means by its refusal to lose the last administrator. */
async function guarded(...request) {
  try {
    await change(...request);
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
