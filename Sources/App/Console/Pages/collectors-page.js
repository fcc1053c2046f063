// The collectors: which of them push, with which configuration, and when their certificates end.

import { afterChange, markedBar } from './bulk-bar.js';
import { change } from './change.js';
import { button, element } from './element.js';
import { ago, number } from './format.js';
import { chosenLabels, labelChips, openLabelForm } from './labels.js';
import { choiceField, searchField, taken } from './list.js';
import { emptyFleet, longList } from './long-table.js';
import { address } from './route.js';
import { selection } from './selection.js';
import { mayAct } from './session.js';
import { COLLECTOR_STATES, ending } from './state.js';

const FILTERS = ['status', 'q', 'label'];
/** Days before its end from which a certificate is marked: a collector renews long before. */
export const CERTIFICATE_WARNING_DAYS = 7;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const collectors = longList(visit, { sort: 'name', request: () => ({ path: 'collectors', parameters: taken(visit.route, ...FILTERS) }) });
  const marked = selection((row) => row.server_id, (row) => row.name, () => bar.show());
  const bar = labelBar(visit, marked, collectors.rows);
  return {
    title: 'Collectors',
    node: element('div', { class: 'fleet' },
      collectors.node({
        title: 'Collectors',
        tools: [
          searchField(visit, 'q', 'Filter by name'),
          choiceField(visit, 'status', 'Status', { '': 'Every status', ...COLLECTOR_STATES.words }), chosenLabels(visit),
          mayAct('operator') && element('a', { class: 'button primary', href: '#/enrol' }, 'Enrol hosts'),
        ],
        empty: () => emptyFleet(visit.route, 'collector'),
        columns: columns(visit),
        href: (row) => address(['collectors', row.id]),
        key: (row) => row.id,
        selection: mayAct('operator') ? marked : undefined,
      }),
      bar.node),
  };
}

function columns(visit) {
  return [
    { name: 'name', title: 'Collector', sorts: true },
    { name: 'status', show: COLLECTOR_STATES.mark },
    { name: 'hostname', title: 'Host', sorts: true, rank: 2 },
    { name: 'last_seen_at', title: 'Last push', sorts: true, rank: 2, show: ago },
    { name: 'config_version', title: 'Configuration', rank: 2,
      show: (version, row) => configState(version, row.effective_config_version) },
    { name: 'certificate_expires_at', title: 'Certificate ends', show: (end) => ending(end, CERTIFICATE_WARNING_DAYS, '–') },
    { name: 'version', rank: 3 },
    { name: 'registered_at', title: 'Enrolled', sorts: true, rank: 3, show: ago },
    { name: 'labels', rank: 3, show: (labels) => labelChips(labels, visit.route) },
  ];
}

/**
 * Which configuration a collector has.
 * @param {number} version The latest one; 0: none.
 * @param {number | null} taken The one that it took last.
 * @returns {string}
 */
export function configState(version, taken) {
  if (!version) return 'none';
  return version === taken ? `version ${version}` : `version ${version}, not taken yet`;
}

/** What a person can do with marked collectors: change the labels of their servers. */
function labelBar(visit, marked, collectors) {
  const label = (labels) => change({
    path: 'collectors', method: 'PATCH', body: { labels },
    parameters: marked.isAll ? taken(visit.route, ...FILTERS) : { server: [...marked.keys] },
  }, ({ changed }) => `The labels of ${number(changed)} servers have changed.`, afterChange(marked, collectors));
  return markedBar('collector', marked, collectors,
    (words) => button('Label', () => openLabelForm(`Label the servers of ${words}`, label)));
}
