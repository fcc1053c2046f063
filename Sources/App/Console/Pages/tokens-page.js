// API tokens: what programs use in the place of a person.

import { administrationPage } from './administration-frame.js';
import { ask } from './api.js';
import { command } from './command.js';
import { confirm } from './confirm.js';
import { field, openDialog, openForm } from './dialog.js';
import { button, element } from './element.js';
import { ending } from './ending.js';
import { choiceField, searchField, taken } from './filters.js';
import { ago } from './format.js';
import { list } from './list.js';
import { rolesUpTo } from './roles.js';
import { select } from './select.js';
import { mayAct, user } from './session.js';
import { shownOnce } from './shown-once.js';
import { mark } from './state.js';
import { tell } from './toast.js';

const WARNING_DAYS = 7;
const LIVES = { '1d': '1 day', '1w': '1 week', '30d': '30 days', '90d': '90 days', '365d': '1 year' };
const STATES = { active: ['ok', 'Active'], expired: ['silent', 'Ended'], revoked: ['critical', 'Revoked'] };

const STATE_WORDS = Object.fromEntries(Object.entries(STATES).map(([value, [, word]]) => [value, word]));

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('tokens', () => list(visit, {
    title: mayAct('admin') ? 'API tokens of all users' : 'Your API tokens',
    isRead: false,
    sort: '-created_at',
    request: (route) => ({ path: 'tokens', parameters: taken(route, 'q', 'status', 'user') }),
    tools: [
      searchField(visit, 'q', 'Filter by name'),
      choiceField(visit, 'status', 'State', { '': 'Every state', ...STATE_WORDS }),
      button('Make a token', () => make(visit), { class: 'button small primary' }),
    ],
    empty: 'There is no token. Make one for a program that reads the API, such as a script or Grafana.',
    columns: [
      { name: 'name', title: 'Name', sorts: true },
      { name: 'status', title: 'State', show: (status) => mark(...(STATES[status] ?? ['unknown', status])) },
      { name: 'role', title: 'Role' },
      { name: 'labels', title: 'Servers', rank: 2,
        show: (labels) => (labels.length ? labels.map((label) => element('span', { class: 'chip' }, label)) : 'all') },
      { name: 'owner', title: 'Owner', rank: 2 },
      { name: 'expires_at', title: 'Ends', sorts: true,
        show: (end, row) => (row.status === 'active' ? ending(end, WARNING_DAYS) : ago(end)) },
      { name: 'last_used_at', title: 'Last used', sorts: true, rank: 2, show: (value) => (value ? ago(value) : 'never') },
      { name: 'created_at', title: 'Made', sorts: true, rank: 3, show: ago },
      { name: 'id', title: 'Actions',
        show: (id, row) => row.status === 'active' && button('Revoke', () => revoke(visit, row), { class: 'button small', 'aria-label': `Revoke ${row.name}` }) },
    ],
  }));
}

function make(visit) {
  const name = element('input', { name: 'name', required: true, maxlength: 50, placeholder: 'grafana' });
  const role = select('role', rolesUpTo(user.role), 'viewer');
  const life = select('expires_in', LIVES, '90d');
  const labels = element('input', { name: 'labels', maxlength: 2000, placeholder: 'env=production, team=' });
  let made = null;
  openForm({
    title: 'Make an API token',
    fields: [
      field('Name', name, 'The audit trail names it token:NAME.'),
      field('Role', role),
      field('Valid for', life),
      field('Only servers with these labels', labels,
        'Empty: every server. “team=” means any value. Such a token may call only what concerns single servers.'),
    ],
    action: 'Make',
    async submit() {
      made = await ask({
        path: 'tokens',
        method: 'POST',
        body: {
          name: name.value,
          role: role.value,
          expires_in: life.value,
          labels: labels.value.split(',').map((part) => part.trim()).filter(Boolean),
        },
      });
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
    async act() {
      await ask({ path: `tokens/${id}`, method: 'DELETE' });
      tell(`The token ${name} is revoked.`);
      visit.renew();
    },
  });
}
