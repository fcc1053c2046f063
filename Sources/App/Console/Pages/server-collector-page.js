// The collector that reports on a server, and what was rejected of its pushes.

import { ask } from './api.js';
import { element, replace } from './element.js';
import { ago, number, plain, time } from './format.js';
import { panel, emptyNotice } from './panel.js';
import { problemNotice } from './problem.js';
import { address } from './route.js';
import { sectionPanel } from './section-panel.js';
import { serverPage } from './server-frame.js';
import { source } from './source.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const content = element('div', { class: 'stack' });
  fill(visit, content);
  return serverPage(visit, 'collector', content, null);
}

async function fill(visit, content) {
  try {
    const server = await ask({ path: `servers/${visit.names.id}`, signal: visit.signal });
    replace(content, server.collector_id ? panels(visit, server.collector_id) : emptyNotice('No collector has enrolled for this server.'));
  } catch (problem) {
    if (!visit.signal.aborted) replace(content, problemNotice(problem, () => fill(visit, content)));
  }
}

function panels(visit, id) {
  const collector = source(visit, () => ({ path: `collectors/${id}` }));
  return [
    panel({ title: 'Collector', source: collector, draw: facts }),
    sectionPanel({ title: 'Certificates', source: collector, section: 'certificates', columns: CERTIFICATES }),
    sectionPanel({ title: 'Rejected', source: collector, section: 'rejects', columns: REJECTS, height: 80, empty: 'Nothing of its pushes was rejected.' }),
  ];
}

function facts(collector) {
  const entries = {
    Name: element('a', { href: address(['collectors', collector.id]) }, collector.name),
    Status: collector.status,
    'Host name': collector.hostname,
    Version: plain(collector.version),
    Address: plain(collector.address),
    'Last push': ago(collector.last_seen_at),
    Configuration: collector.config_version
      ? `version ${collector.config_version}, taken: ${plain(collector.effective_config_version)}` : 'none',
  };
  return element('dl', { class: 'facts' }, Object.entries(entries).map(([name, value]) => element('div', {},
    element('dt', {}, name), element('dd', {}, value))));
}

const CERTIFICATES = [
  { name: 'serial', title: 'Serial', show: (serial) => element('code', {}, serial) },
  { name: 'issued_at', title: 'Issued', show: time },
  { name: 'not_after', title: 'Ends', show: ago },
  { name: 'revoked_at', title: 'Revoked', show: time },
];

const REJECTS = [
  { name: 'code', title: 'Why' },
  { name: 'metric_type', title: 'Metric', show: plain },
  { name: 'total', title: 'How many', isNumber: true, show: number },
  { name: 'last_at', title: 'Last', show: ago },
  { name: 'last_message', title: 'What was wrong', shape: 'text' },
];
