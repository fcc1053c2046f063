// The collectors: which of them push, with which configuration, and when their certificates end.

import { ask } from './api.js';
import { collectorMark, COLLECTOR_STATES } from './collector-state.js';
import { command } from './command.js';
import { button, element, replace } from './element.js';
import { ending } from './ending.js';
import { choiceField, searchField, taken } from './filters.js';
import { ago, number, plain } from './format.js';
import { openLabelForm } from './label-form.js';
import { chosenLabels, labelChips } from './labels.js';
import { longTable } from './long-table.js';
import { panel } from './panel.js';
import { address } from './route.js';
import { selection } from './selection.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { tell } from './toast.js';

const PAGE_SIZE = 100;
const SORT = 'name';
const FILTERS = ['status', 'q', 'label'];
/** Days before its end from which a certificate is marked: a collector renews long before. */
export const CERTIFICATE_WARNING_DAYS = 7;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const request = (page) => ({
    path: 'collectors',
    parameters: { ...taken(visit.route, ...FILTERS), sort: visit.route.parameters.get('sort') ?? SORT, page, page_size: PAGE_SIZE },
  });
  const collectors = source(visit, () => request(1));
  const marked = selection((row) => row.server_id, (row) => row.name, () => bar.show());
  const bar = labelBar(visit, marked, collectors);
  return {
    title: 'Collectors',
    node: element('div', { class: 'fleet' },
      panel({
        title: 'Collectors',
        source: collectors,
        isRead: false,
        height: 420,
        className: 'grows',
        tools: [
          searchField(visit, 'q', 'Filter by name'), choiceField(visit, 'status', 'Status', { '': 'Every status', ...COLLECTOR_STATES }), chosenLabels(visit),
          mayAct('operator') && element('a', { class: 'button small primary', href: '#/enrol' }, 'Enrol hosts'),
        ],
        empty: () => empty(visit.route),
        draw: longTable(visit, {
          caption: 'Collectors',
          columns: columns(visit),
          href: (row) => address(['collectors', row.id]),
          key: (row) => row.id,
          sort: () => visit.route.parameters.get('sort') ?? SORT,
          onSort: (sort) => visit.change({ sort: sort === SORT ? null : sort }),
          selection: mayAct('operator') ? marked : undefined,
          askPage: (page) => ask({ ...request(page), signal: visit.signal }),
        }),
      }),
      bar.node),
  };
}

function columns(visit) {
  return [
    { name: 'name', title: 'Collector', sorts: true },
    { name: 'status', title: 'Status', show: collectorMark },
    { name: 'hostname', title: 'Host', sorts: true, rank: 2 },
    { name: 'last_seen_at', title: 'Last push', sorts: true, rank: 2, show: ago },
    { name: 'config_version', title: 'Configuration', rank: 2,
      show: (version, row) => configState(version, row.effective_config_version) },
    { name: 'certificate_expires_at', title: 'Certificate ends', show: (end) => ending(end, CERTIFICATE_WARNING_DAYS, '–') },
    { name: 'version', title: 'Version', rank: 3, show: plain },
    { name: 'registered_at', title: 'Enrolled', sorts: true, rank: 3, show: ago },
    { name: 'labels', title: 'Labels', rank: 3, show: (labels) => labelChips(labels, visit.route) },
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
  const node = element('div', { class: 'bulk-bar', role: 'region', 'aria-label': 'Marked collectors', hidden: true });
  const count = () => (marked.isAll ? collectors.answer?.total ?? 0 : marked.keys.size);
  return {
    node,
    show() {
      node.hidden = count() === 0;
      replace(node,
        element('strong', {}, `${number(count())} ${count() === 1 ? 'collector' : 'collectors'} marked`),
        button('Label', () => openLabelForm(`Label the servers of ${number(count())} collectors`, label)),
        button('Clear', () => marked.clear(), { class: 'button plain-button' }));
    },
  };

  async function label(labels) {
    const parameters = marked.isAll ? taken(visit.route, ...FILTERS) : { server: [...marked.keys] };
    const answer = await ask({ path: 'collectors', parameters, method: 'PATCH', body: { labels } });
    tell(`The labels of ${number(answer.changed)} servers have changed.`);
    marked.clear();
    collectors.renew();
  }
}

function empty({ parameters }) {
  if (parameters.size) return element('p', {}, 'No collector fits the filters. ', element('a', { href: '#/collectors' }, 'Show all collectors'));
  return element('div', {},
    element('p', {}, 'No collector has enrolled yet. Make a registration secret, and enrol the first host with it:'),
    command('pganalytics secret add fleet-1 --ttl 30d'),
    element('p', {}, element('a', { href: '#/enrol' }, 'Show the steps for a host')));
}
