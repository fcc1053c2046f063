// The registration secrets, with which hosts enrol.

import { administrationPage } from './administration-frame.js';
import { confirm } from './change.js';
import { button, element } from './element.js';
import { ago, number } from './format.js';
import { choiceField, list, searchField, taken } from './list.js';
import { address } from './route.js';
import { ending, stateSet } from './state.js';

const STATES = stateSet({
  active: ['ok', 'Active'], exhausted: ['unknown', 'Used up'], expired: ['silent', 'Ended'], revoked: ['critical', 'Revoked'],
});
/** A secret without a near end is nothing to worry about: it warns on its last day. */
const WARNING_DAYS = 1;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('secrets', () => list(visit, {
    title: 'Registration secrets',
    sort: '-created_at',
    request: (route) => ({ path: 'registration-secrets', parameters: taken(route, 'q', 'status') }),
    tools: [
      searchField(visit, 'q', 'Filter by name'),
      choiceField(visit, 'status', 'State', { '': 'Every state', ...STATES.words }),
      element('a', { class: 'button primary', href: '#/enrol' }, 'Make a secret'),
    ],
    empty: 'There is no registration secret. Make one to enrol hosts.',
    columns: [
      { name: 'name', sorts: true },
      { name: 'status', title: 'State', show: STATES.mark },
      { name: 'uses', title: 'Enrolled', isNumber: true,
        show: (uses, row) => (row.max_uses === null ? number(uses) : `${number(uses)} of ${number(row.max_uses)}`) },
      { name: 'expires_at', title: 'Ends', sorts: true,
        show: (end, row) => (row.status === 'active' ? ending(end, WARNING_DAYS) : end ? ago(end) : 'never') },
      { name: 'last_used_at', title: 'Last used', sorts: true, rank: 2, show: (value) => (value ? ago(value) : 'never') },
      { name: 'labels', rank: 3,
        show: (labels) => Object.entries(labels).map(([key, value]) => element('span', { class: 'chip' }, `${key}=${value}`)) },
      { name: 'created_at', title: 'Made', sorts: true, rank: 3, show: ago },
      { name: 'id', title: 'Actions', show: (id, row) => row.status === 'active' && element('span', { class: 'row-actions' },
        element('a', { class: 'button', href: address('enrol', { secret: id }), 'aria-label': `Steps for ${row.name}` }, 'Steps'),
        button('Revoke', () => revoke(visit, row), { 'aria-label': `Revoke ${row.name}` })) },
    ],
  }));
}

function revoke(visit, { id, name }) {
  confirm({
    title: `Revoke ${name}`,
    text: 'Nobody enrols with the secret any more. Hosts that are enrolled stay.',
    action: 'Revoke',
    request: { path: `registration-secrets/${id}`, method: 'DELETE' },
    done: `The secret ${name} is revoked.`,
    origin: visit,
  });
}
