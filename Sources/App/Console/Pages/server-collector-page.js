// The collector that reports on a server.

import { ask } from './api.js';
import { collectorPanels } from './collector-panels.js';
import { element, replace } from './element.js';
import { emptyNotice } from './panel.js';
import { problemNotice } from './problem.js';
import { address } from './route.js';
import { serverPage } from './server-frame.js';
import { source } from './source.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const content = element('div', { 'aria-busy': 'true' });
  fill(visit, content);
  return serverPage(visit, 'collector', content, null);
}

async function fill(visit, content) {
  try {
    const { collector_id: id } = await ask({ path: `servers/${visit.names.id}`, signal: visit.signal });
    replace(content, id
      ? [element('p', { class: 'tools' }, element('a', { class: 'button', href: address(['collectors', id]) }, 'Open the collector')),
        element('div', { class: 'grid' }, collectorPanels(source(visit, () => ({ path: `collectors/${id}` }))))]
      : emptyNotice('No collector has enrolled for this server.'));
  } catch (problem) {
    if (!visit.signal.aborted) replace(content, problemNotice(problem, () => fill(visit, content)));
  }
  content.removeAttribute('aria-busy');
}
