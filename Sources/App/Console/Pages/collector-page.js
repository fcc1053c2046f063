// The page of one collector: its facts, and buttons to revoke, permit, label and delete it.

import { change, confirm, press } from './change.js';
import { collectorPanels } from './collector-panels.js';
import { button, element, replace } from './element.js';
import { openLabelForm } from './labels.js';
import { pageTitle } from './parts.js';
import { address, go } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const { id } = visit.names;
  const collector = source(visit, () => ({ path: `collectors/${id}` }));
  const title = pageTitle('Collector');
  const tools = element('div', { class: 'tools' });
  collector.watch(({ answer }) => {
    if (!answer) return;
    title.set(answer.name);
    replace(tools, actions(answer, collector));
  });
  return {
    title: title.node,
    node: element('div', {}, tools, element('div', { class: 'grid' }, collectorPanels(collector))),
  };
}

function actions(collector, origin) {
  const { id, name } = collector;
  const path = `collectors/${id}`;
  const isRevoked = collector.status === 'revoked';
  return [
    element('a', { class: 'button', href: address(['collectors', id, 'config']) }, 'Configuration'),
    element('a', { class: 'button', href: address(['servers', collector.server_id]) }, 'Server'),
    mayAct('operator') && button('Label', () => openLabelForm(`Label the server of ${name}`,
      (labels) => change({ path, method: 'PATCH', body: { labels } }, 'The labels have changed.', origin))),
    mayAct('operator') && button('Let it enrol again', () => press({ path: `${path}/permit-enrolment`, method: 'POST' },
      `The next registration from the host of ${name} becomes this collector.`, origin)),
    mayAct('admin') && button('Revoke', () => confirm({
      title: `Revoke ${name}`,
      text: 'The server refuses the collector and all its certificates at once. Its data stays. '
        + 'To let the host come back, let it enrol again.',
      action: 'Revoke',
      request: { path, method: 'DELETE' },
      done: `${name} is revoked.`,
      origin,
    }), { class: 'button danger', disabled: isRevoked, title: isRevoked ? 'It is revoked already.' : null }),
    mayAct('admin') && button('Remove its server', () => confirm({
      title: `Remove the server of ${name}`,
      text: 'The server, all its stored data and its collectors go for good. Large servers take a while.',
      action: 'Remove with all data',
      typed: name,
      request: { path: `servers/${collector.server_id}`, method: 'DELETE' },
      done: `The server of ${name} is being removed.`,
      origin: { renew: () => go('#/collectors') },
    }), { class: 'button danger' }),
  ];
}
