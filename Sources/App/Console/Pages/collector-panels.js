// Panels about one collector: its facts, its certificates, its rejected metrics and its refused requests.

import { ask } from './api.js';
import { CERTIFICATE_WARNING_DAYS, configState } from './collectors-page.js';
import { collectorMark } from './collector-state.js';
import { confirm } from './confirm.js';
import { button, element } from './element.js';
import { ending } from './ending.js';
import { facts } from './facts.js';
import { ago, number, plain, time } from './format.js';
import { labelChips } from './labels.js';
import { panel } from './panel.js';
import { address, parsed } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { table } from './table.js';
import { tell } from './toast.js';

/**
 * Makes the panels, for a grid.
 * @param {import('./visit.js').Visit} visit
 * @param {import('./source.js').Source} collector
 * @param {string} id The collector's.
 * @returns {import('./element.js').Child}
 */
export function collectorPanels(visit, collector, id) {
  return [
    panel({ title: 'Collector', source: collector, isRead: false, height: 300, draw: about }),
    panel({
      title: 'Certificates', source: collector, isRead: false, section: 'certificates', height: 300,
      draw: (answer) => certificates(answer, () => collector.renew()),
      empty: 'It has no certificate.',
    }),
    panel({
      title: 'Rejected', source: collector, isRead: false, section: 'rejects', className: 'whole', height: 60, empty: 'Nothing of its pushes was rejected.',
      hint: 'Metrics and rows that the server left out of its pushes', draw: rejects,
    }),
    mayAct('admin') && refusals(visit, id),
  ];
}

function about(collector) {
  return facts({
    Status: collectorMark(collector.status),
    Server: element('a', { href: address(['servers', String(collector.server_id)]) }, `server ${collector.server_id}`),
    'Host name': collector.hostname,
    Address: plain(collector.address),
    Version: plain(collector.version),
    Enrolled: time(collector.registered_at),
    'Last push': ago(collector.last_seen_at),
    Revoked: collector.revoked_at && time(collector.revoked_at),
    'May enrol again': collector.enrolment_permitted_until && element('span', {}, 'until ', time(collector.enrolment_permitted_until)),
    Configuration: element('a', { href: address(['collectors', collector.id, 'config']) }, configState(collector.config_version, collector.effective_config_version)),
    Labels: Object.keys(collector.labels).length ? labelChips(collector.labels, parsed('#/collectors')) : '–',
  });
}

function certificates({ id, name, certificates: rows }, renew) {
  const revoke = (serial) => confirm({
    title: 'Revoke a certificate',
    text: `The server refuses this certificate of ${name} at once. Its other certificates stay valid.`,
    action: 'Revoke',
    async act() {
      await ask({ path: `collectors/${id}/certificates/${serial}`, method: 'DELETE' });
      tell('The certificate is revoked.');
      renew();
    },
  });
  return rows.length ? table({
    caption: 'Certificates', rows, columns: [
      { name: 'serial', title: 'Serial', show: (serial, row) => element('code', { title: `SHA-256 ${row.fingerprint}` }, serial) },
      { name: 'issued_at', title: 'Issued', rank: 2, show: time },
      { name: 'not_after', title: 'Ends',
        show: (end, row) => (row.revoked_at ? element('span', {}, 'revoked ', ago(row.revoked_at)) : ending(end, CERTIFICATE_WARNING_DAYS)) },
      mayAct('admin') && { name: 'revoked_at', title: 'Actions', show: (revoked, row) => !revoked && button('Revoke', () => revoke(row.serial), { class: 'button small', 'aria-label': `Revoke ${row.serial}` }) },
    ].filter(Boolean),
  }) : null;
}

function rejects({ rejects: rows }) {
  return rows.length ? table({
    caption: 'Rejected', rows, columns: [
      { name: 'code', title: 'Why', show: (code) => REASONS[code] ?? code },
      { name: 'metric_type', title: 'Metric', show: plain },
      { name: 'total', title: 'How many', isNumber: true, show: number },
      { name: 'last_at', title: 'Last', show: ago },
      { name: 'last_message', title: 'What was wrong', shape: 'text' },
    ],
  }) : null;
}

/** Requests of the collector that the server refused. The audit trail has them, so administrators see them. */
function refusals(visit, id) {
  const refused = source(visit, () => ({ path: 'audit', parameters: { actor: `collector:${id}`, outcome: 'refused', page_size: 20 } }));
  return panel({
    title: 'Refused', source: refused, isRead: false, className: 'whole', height: 60, empty: 'The server refused no request of it.',
    hint: 'Requests that the server refused: the first one at once, then one an hour with the number of them',
    draw: ({ data: rows }) => (rows.length ? table({
      caption: 'Refused requests', rows, columns: [
        { name: 'at', title: 'Time', show: time },
        { name: 'action', title: 'Request' },
        { name: 'details', title: 'Why', shape: 'text',
          show: ({ error, repeated }) => [REASONS[error] ?? plain(error), repeated > 1 && `, ${number(repeated)} times`] },
        { name: 'address', title: 'From', rank: 2, show: plain },
        { name: 'request_id', title: 'Request id', rank: 3, show: (value) => element('code', {}, plain(value)) },
      ],
    }) : null),
  });
}

/** Reasons of the server in words. A reason without words is shown by its name. */
const REASONS = {
  certificate_required: 'It showed no certificate of this server',
  certificate_expired: 'Its certificate has ended',
  certificate_unknown: 'Its certificate was not issued to it',
  certificate_revoked: 'Its certificate is revoked',
  collector_revoked: 'It is revoked',
  identity_mismatch: 'Certificate, token and body name different collectors',
  not_an_object: 'It is not an object',
  missing_type: 'It has no type',
  missing_timestamp: 'It has no time',
  bad_timestamp: 'Its time is not readable',
  too_old: 'Its time is too long ago',
  too_new: 'Its time is too far ahead',
  wrong_type: 'A value has another type than its column',
  out_of_range: 'A value is too large or too small for its column',
  missing_field: 'A member is missing',
  duplicate_key: 'A member occurs twice',
  bad_utf8: 'A text is not UTF-8',
  nul_character: 'A text has a NUL character',
  bad_unicode: 'A text has a broken escape',
  string_too_long: 'A text is too long',
  metric_too_large: 'The metric is too large',
  row_too_large: 'The row is too large',
  value_too_large: 'The value is too large',
};
