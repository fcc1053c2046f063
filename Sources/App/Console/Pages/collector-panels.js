// Panels about one collector: its facts, its certificates, its rejected metrics and its refused requests.

import { confirm } from './change.js';
import { CERTIFICATE_WARNING_DAYS, configState } from './collectors-page.js';
import { button, element } from './element.js';
import { ago, number, plain, time } from './format.js';
import { labelChips } from './labels.js';
import { panel, sectionPanel } from './panel.js';
import { facts } from './parts.js';
import { address, parsed } from './route.js';
import { mayAct } from './session.js';
import { COLLECTOR_STATES, ending } from './state.js';

/**
 * Makes the panels, for a grid.
 * @param {import('./source.js').Source} collector
 * @returns {import('./element.js').Child}
 */
export function collectorPanels(collector) {
  const section = (others) => sectionPanel({ source: collector, ...others });
  return [
    panel({ title: 'Collector', source: collector, height: 300, draw: about }),
    section({
      title: 'Certificates', section: 'certificates', height: 300, columns: certificateColumns(collector), empty: 'It has no certificate.',
    }),
    section({
      title: 'Refused', section: 'refusals', className: 'whole', height: 60, columns: REFUSALS,
      empty: 'The server refused no request of it.',
      hint: 'Requests that the server refused: the first one at once, then one an hour with the number of them',
    }),
    section({
      title: 'Rejected', section: 'rejects', className: 'whole', height: 60, columns: REJECTS,
      empty: 'Nothing of its pushes was rejected.', hint: 'Metrics and rows that the server left out of its pushes',
    }),
  ];
}

function about(collector) {
  return facts({
    Status: COLLECTOR_STATES.mark(collector.status),
    Server: element('a', { href: address(['servers', collector.server_id]) }, `server ${collector.server_id}`),
    'Host name': collector.hostname,
    Address: plain(collector.address),
    Version: plain(collector.version),
    Enrolled: time(collector.registered_at),
    'Last push': ago(collector.last_seen_at),
    Revoked: collector.revoked_at && time(collector.revoked_at),
    'May enrol again': collector.enrolment_permitted_until && element('span', {}, 'until ', time(collector.enrolment_permitted_until)),
    Configuration: element('a', { href: address(['collectors', collector.id, 'config']) },
      configState(collector.config_version, collector.effective_config_version)),
    Labels: Object.keys(collector.labels).length ? labelChips(collector.labels, parsed('#/collectors')) : '–',
  });
}

function certificateColumns(collector) {
  const { request } = collector;
  const revoke = (serial) => confirm({
    title: 'Revoke a certificate',
    text: `The server refuses this certificate of ${collector.answer.name} at once. Its other certificates stay valid.`,
    action: 'Revoke',
    request: { path: `${request.path}/certificates/${serial}`, method: 'DELETE' },
    done: 'The certificate is revoked.',
    origin: collector,
  });
  return [
    { name: 'serial', show: (serial, row) => element('code', { title: `SHA-256 ${row.fingerprint}` }, serial) },
    { name: 'issued_at', title: 'Issued', rank: 2, show: time },
    { name: 'not_after', title: 'Ends',
      show: (end, row) => (row.revoked_at ? element('span', {}, 'revoked ', ago(row.revoked_at)) : ending(end, CERTIFICATE_WARNING_DAYS)) },
    mayAct('admin') && { name: 'revoked_at', title: 'Actions', show: (revoked, { serial }) => !revoked
      && button('Revoke', () => revoke(serial), { 'aria-label': `Revoke ${serial}` }) },
  ];
}

const REJECTS = [
  { name: 'reason', title: 'Why', show: (reason, row) => element('span', { title: row.code }, reason) },
  { name: 'metric_type', title: 'Metric' },
  { name: 'total', title: 'How many', show: number },
  { name: 'last_at', title: 'Last', show: ago },
  { name: 'last_message', title: 'What was wrong', shape: 'text' },
];

const REFUSALS = [
  { name: 'at', title: 'Time', show: time },
  { name: 'message', title: 'Why', shape: 'text', show: (message, { error, repeated }) => [
    element('span', { title: error }, plain(message)), repeated > 0 && ` ${number(repeated)} more since the line before`,
  ] },
  { name: 'address', title: 'From', rank: 2 },
  { name: 'request_id', rank: 3, show: (value) => element('code', {}, plain(value)) },
];
