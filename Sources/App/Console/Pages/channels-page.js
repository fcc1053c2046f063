// The channels: where findings are reported.

import { KINDS, openChannelForm } from './channel-form.js';
import { button, element } from './element.js';
import { ago, number } from './format.js';
import { choiceField, list, searchField, taken } from './list.js';
import { address, go } from './route.js';
import { mayAct } from './session.js';
import { mark } from './state.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const add = () => openChannelForm(null, (channel) => go(address(['channels', channel.id])));
  return {
    title: 'Channels',
    node: list(visit, {
      title: 'Where findings are reported',
      sort: 'name',
      request: (route) => ({ path: 'channels', parameters: taken(route, 'q', 'kind') }),
      columns: COLUMNS,
      href: (row) => address(['channels', row.id]),
      key: (row) => row.id,
      tools: [
        searchField(visit, 'q', 'Search by name'),
        choiceField(visit, 'kind', 'Kind', { '': 'Every kind', ...KINDS }),
        mayAct('admin') && button('New channel', add, { class: 'button primary' }),
      ],
      empty: () => [
        element('p', {}, 'Nobody is told of findings yet.'),
        mayAct('admin') ? element('p', {}, 'Press “New channel” to report them to a webhook, Slack, Alertmanager or by e-mail.')
          : element('p', {}, 'An administrator can make a channel.'),
      ],
    }),
  };
}

const COLUMNS = [
  { name: 'name', title: 'Channel', sorts: true,
    show: (name, row) => mark(row.last_error ? 'critical' : row.is_on ? 'ok' : 'unknown', name) },
  { name: 'kind', show: (kind) => KINDS[kind] },
  { name: 'target', shape: 'wide',
    show: (target) => target.url ?? (target.host ? `${target.host}: ${target.to.join(', ')}` : 'in the secret') },
  { name: 'severities', title: 'What', rank: 2,
    show: (_, row) => [...row.severities, ...row.checks, ...row.labels].join(', ') || 'everything' },
  { name: 'waiting', sorts: true, show: number, hint: 'Messages that wait for their delivery' },
  { name: 'last_delivered_at', title: 'Delivered', rank: 2, show: ago },
];
