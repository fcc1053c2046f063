// API tokens: what programs use in the place of a person.

import { administrationPage } from './administration-frame.js';
import { ask } from './api.js';
import { confirm } from './change.js';
import { command } from './command.js';
import { openDialog } from './dialog.js';
import { button, element } from './element.js';
import { choice, listOf, openForm, textField } from './form.js';
import { ago } from './format.js';
import { choiceField, list, searchField, taken } from './list.js';
import { shownOnce } from './parts.js';
import { rolesUpTo } from './roles.js';
import { mayAct, user } from './session.js';
import { ending, stateSet } from './state.js';

const WARNING_DAYS = 7;
const LIVES = { '1d': '1 day', '1w': '1 week', '30d': '30 days', '90d': '90 days', '365d': '1 year' };
const STATES = stateSet({ active: ['ok', 'Active'], expired: ['silent', 'Ended'], revoked: ['critical', 'Revoked'] });

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('tokens', () => list(visit, {
    title: mayAct('admin') ? 'API tokens of all users' : 'Your API tokens',
    sort: '-created_at',
    request: (route) => ({ path: 'tokens', parameters: taken(route, 'q', 'status', 'user') }),
    tools: [
      searchField(visit, 'q', 'Filter by name'),
      choiceField(visit, 'status', 'State', { '': 'Every state', ...STATES.words }),
      button('Make a token', () => make(visit), { class: 'button primary' }),
    ],
    empty: 'There is no token. Make one for a program that reads the API, such as a script or Grafana.',
    columns: [
      { name: 'name', sorts: true },
      { name: 'status', title: 'State', show: STATES.mark },
      { name: 'role' },
      { name: 'labels', title: 'Servers', rank: 2,
        show: (labels) => (labels.length ? labels.map((label) => element('span', { class: 'chip' }, label)) : 'all') },
      { name: 'owner', rank: 2 },
      { name: 'expires_at', title: 'Ends', sorts: true,
        show: (end, row) => (row.status === 'active' ? ending(end, WARNING_DAYS) : ago(end)) },
      { name: 'last_used_at', title: 'Last used', sorts: true, rank: 2, show: (value) => (value ? ago(value) : 'never') },
      { name: 'created_at', title: 'Made', sorts: true, rank: 3, show: ago },
      { name: 'id', title: 'Actions',
        show: (id, row) => row.status === 'active'
          && button('Revoke', () => revoke(visit, row), { 'aria-label': `Revoke ${row.name}` }) },
    ],
  }));
}

function make(visit) {
  let made = null;
  openForm({
    title: 'Make an API token',
    fields: [
      textField('Name', 'name', { required: true, maxlength: 50, placeholder: 'grafana' }, 'The audit trail names it token:NAME.'),
      choice('Role', 'role', rolesUpTo(user.role), 'viewer'),
      choice('Valid for', 'expires_in', LIVES, '90d'),
      textField('Only servers with these labels', 'labels', { maxlength: 2000, placeholder: 'env=production, team=' },
        'Empty: every server. “team=” means any value. Such a token may call only what concerns single servers.'),
    ],
    action: 'Make',
    async submit(values) {
      made = await ask({ path: 'tokens', method: 'POST', body: { ...values, labels: listOf(values.labels) } });
      visit.renew();
    },
  }).closed.then(() => made && openDialog({
    title: `The token ${made.name}`,
    content: [
      shownOnce('token', made.token),
      element('p', {}, 'A program sends it with each request:'),
      command(`curl --cacert ca.crt -H 'Authorization: Bearer ${made.token}' ${location.origin}/api/v1/fleet`),
    ],
  }));
}

function revoke(visit, { id, name }) {
  confirm({
    title: `Revoke ${name}`,
    text: 'Programs that use the token are refused at once, on every server.',
    action: 'Revoke',
    request: { path: `tokens/${id}`, method: 'DELETE' },
    done: `The token ${name} is revoked.`,
    origin: visit,
  });
}
