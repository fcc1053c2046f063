// The registration secrets, with which hosts enrol.

import { administrationPage } from './administration-frame.js';
import { ask } from './api.js';
import { confirm } from './confirm.js';
import { button, element } from './element.js';
import { ending } from './ending.js';
import { choiceField, searchField, taken } from './filters.js';
import { ago, number } from './format.js';
import { list } from './list.js';
import { address } from './route.js';
import { mark } from './state.js';
import { tell } from './toast.js';

const STATES = { active: ['ok', 'Active'], exhausted: ['unknown', 'Used up'], expired: ['silent', 'Ended'], revoked: ['critical', 'Revoked'] };
const STATE_WORDS = Object.fromEntries(Object.entries(STATES).map(([value, [, word]]) => [value, word]));
/** A secret without a near end is nothing to worry about: it warns on its last day. */
const WARNING_DAYS = 1;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('secrets', () => list(visit, {
    title: 'Registration secrets',
    isRead: false,
    sort: '-created_at',
    request: (route) => ({ path: 'registration-secrets', parameters: taken(route, 'q', 'status') }),
    tools: [
      searchField(visit, 'q', 'Filter by name'),
      choiceField(visit, 'status', 'State', { '': 'Every state', ...STATE_WORDS }),
      element('a', { class: 'button small primary', href: '#/enrol' }, 'Make a secret'),
    ],
    empty: 'There is no registration secret. Make one to enrol hosts.',
    columns: [
      { name: 'name', title: 'Name', sorts: true },
      { name: 'status', title: 'State', show: (status) => mark(...(STATES[status] ?? ['unknown', status])) },
      { name: 'uses', title: 'Enrolled', isNumber: true,
        show: (uses, row) => (row.max_uses === null ? number(uses) : `${number(uses)} of ${number(row.max_uses)}`) },
      { name: 'expires_at', title: 'Ends', sorts: true,
        show: (end, row) => (row.status === 'active' ? ending(end, WARNING_DAYS) : end ? ago(end) : 'never') },
      { name: 'last_used_at', title: 'Last used', sorts: true, rank: 2, show: (value) => (value ? ago(value) : 'never') },
      { name: 'labels', title: 'Labels', rank: 3,
        show: (labels) => Object.entries(labels).map(([key, value]) => element('span', { class: 'chip' }, `${key}=${value}`)) },
      { name: 'created_at', title: 'Made', sorts: true, rank: 3, show: ago },
      { name: 'id', title: 'Actions', show: (id, row) => row.status === 'active' && element('span', { class: 'row-actions' },
        element('a', { class: 'button small', href: address('enrol', { secret: id }), 'aria-label': `Steps for ${row.name}` }, 'Steps'),
        button('Revoke', () => revoke(visit, row), { class: 'button small', 'aria-label': `Revoke ${row.name}` })) },
    ],
  }));
}

function revoke(visit, { id, name }) {
  confirm({
    title: `Revoke ${name}`,
    text: 'Nobody enrols with the secret any more. Hosts that are enrolled stay.',
    action: 'Revoke',
    async act() {
      await ask({ path: `registration-secrets/${id}`, method: 'DELETE' });
      tell(`The secret ${name} is revoked.`);
      visit.renew();
    },
  });
}
