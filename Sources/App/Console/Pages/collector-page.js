// The page of one collector: its facts, and buttons to revoke, permit, label and delete it.

import { ask } from './api.js';
import { collectorPanels } from './collector-panels.js';
import { confirm } from './confirm.js';
import { button, element, replace } from './element.js';
import { openLabelForm } from './label-form.js';
import { address, go } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { tell, tellProblem } from './toast.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const { id } = visit.names;
  const collector = source(visit, () => ({ path: `collectors/${id}` }));
  const title = element('span', {}, 'Collector');
  const tools = element('div', { class: 'tools' });
  collector.watch(({ answer }) => {
    if (!answer) return;
    replace(title, answer.name);
    document.title = `${answer.name} · pgAnalytics`;
    replace(tools, actions(visit, answer, () => collector.renew()));
  });
  return {
    title,
    trail: [{ text: 'Collectors', href: '#/collectors' }],
    node: element('div', {}, tools, element('div', { class: 'grid' }, collectorPanels(visit, collector, id))),
  };
}

function actions(visit, collector, renew) {
  const { id, name } = collector;
  const isRevoked = collector.status === 'revoked';
  return [
    element('a', { class: 'button', href: address(['collectors', id, 'config']) }, 'Configuration'),
    element('a', { class: 'button', href: address(['servers', String(collector.server_id)]) }, 'Server'),
    mayAct('operator') && button('Label', () => openLabelForm(`Label the server of ${name}`, async (labels) => {
      await ask({ path: `collectors/${id}`, method: 'PATCH', body: { labels } });
      renew();
    })),
    mayAct('operator') && button('Let it enrol again', () => permit(id, name, renew)),
    mayAct('admin') && button('Revoke', () => confirm({
      title: `Revoke ${name}`,
      text: 'The server refuses the collector and all its certificates at once. Its data stays. To let the host come back, let it enrol again.',
      action: 'Revoke',
      async act() {
        await ask({ path: `collectors/${id}`, method: 'DELETE' });
        tell(`${name} is revoked.`);
        renew();
      },
    }), { class: 'button danger', disabled: isRevoked, title: isRevoked ? 'It is revoked already.' : null }),
    mayAct('admin') && button('Remove its server', () => confirm({
      title: `Remove the server of ${name}`,
      text: 'The server, all its stored data and its collectors go for good. Large servers take a while.',
      action: 'Remove with all data',
      typed: name,
      async act() {
        await ask({ path: `servers/${collector.server_id}`, method: 'DELETE' });
        tell(`The server of ${name} is being removed.`);
        go('#/collectors');
      },
    }), { class: 'button danger' }),
  ];
}

async function permit(id, name, renew) {
  try {
    await ask({ path: `collectors/${id}/permit-enrolment`, method: 'POST' });
    tell(`The next registration from the host of ${name} becomes this collector.`);
    renew();
  } catch (problem) {
    tellProblem(problem);
  }
}
