// What changed in the catalogues of a server.

import { element } from './element.js';
import { plain, time } from './format.js';
import { choiceField, list } from './list.js';
import { requestOf, serverPage } from './server-frame.js';
import { stateSet } from './state.js';

const RANGE = '24h';
const KINDS = {
  '': 'Every kind', table: 'Tables', column: 'Columns', constraint: 'Constraints', foreign_key: 'Foreign keys', index: 'Indexes',
  trigger: 'Triggers', extension: 'Extensions',
};
const CHANGES = stateSet({ appeared: ['ok', 'appeared'], vanished: ['critical', 'vanished'], changed: ['warning', 'changed'] });

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return serverPage(visit, 'changes', list(visit, {
    title: 'Changes',
    sort: '-time',
    request: requestOf(visit, 'changes', RANGE, ['database', 'kind']),
    tools: choiceField(visit, 'kind', 'Kind', KINDS),
    columns: COLUMNS,
    empty: 'Nothing changed in this range. The collector sends its lists every few hours: choose a longer range.',
  }), RANGE);
}

const COLUMNS = [
  { name: 'time', title: 'Seen at', sorts: true,
    show: (at, row) => element('span', { title: row.since && `After ${row.since}` }, time(at)) },
  { name: 'change', sorts: true, show: CHANGES.mark },
  { name: 'kind', sorts: true, show: (kind) => plain(kind?.replace('_', ' ')) },
  { name: 'object', sorts: true, shape: 'text' },
  { name: 'database', sorts: true, rank: 2 },
  { name: 'after', title: 'What it was and is', shape: 'text', rank: 2, show: (after, row) => [
    row.before && element('del', {}, element('code', {}, row.before)), row.before && after && ' ',
    after && element('ins', {}, element('code', {}, after)),
  ] },
];
