// One channel: where it delivers, a test, and its messages.

import { ask } from './api.js';
import { confirm } from './change.js';
import { KINDS, openChannelForm } from './channel-form.js';
import { button, element, replace } from './element.js';
import { ago, number, plain, time } from './format.js';
import { choiceField, list } from './list.js';
import { panel } from './panel.js';
import { facts, pageTitle } from './parts.js';
import { problemNotice } from './problem.js';
import { go } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { mark, stateSet } from './state.js';

const STATES = stateSet({ waiting: ['warning', 'Waiting'], delivered: ['ok', 'Delivered'], failed: ['critical', 'Failed'] });

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const path = `channels/${visit.names.id}`;
  const channel = source(visit, () => ({ path }));
  const title = pageTitle('Channel');
  channel.watch(({ answer }) => answer && title.set(answer.name));
  return {
    title: title.node,
    node: element('div', { class: 'stack' },
      panel({ title: 'The channel', source: channel, height: 260, draw: (answer) => describe(answer, channel) }),
      list(visit, {
        title: 'Messages',
        sort: null,
        request: (route) => ({ path: `${path}/deliveries`, parameters: { state: route.parameters.getAll('state') } }),
        columns: MESSAGES,
        tools: choiceField(visit, 'state', 'State', { '': 'Every state', ...STATES.words }),
        empty: 'The channel has no message yet. It reports findings that open or end from now on.',
      }),
    ),
  };
}

function describe(channel, origin) {
  const { target } = channel;
  const result = element('div', { 'aria-live': 'polite' });
  const renew = () => origin.renew();
  return element('div', {},
    facts({
      State: channel.last_error ? mark('critical', `does not deliver: ${channel.last_error}`)
        : mark(channel.is_on ? 'ok' : 'unknown', channel.is_on ? 'on' : 'off'),
      Kind: KINDS[channel.kind],
      Target: target.url ?? (target.host ? mailText(target) : 'in the secret'),
      Secret: channel.has_secret ? 'stored' : target.secret_file ? `file ${target.secret_file}` : 'none',
      Authorities: target.ca_file && `file ${target.ca_file}`,
      Template: channel.template && element('code', {}, channel.template),
      Severities: channel.severities.join(', ') || 'every one',
      Checks: channel.checks.join(', ') || 'every one',
      Labels: channel.labels.join(', ') || 'every server',
      'At most': `${number(channel.messages_per_minute)} messages a minute`,
      Waiting: number(channel.waiting),
      'Last delivered': ago(channel.last_delivered_at),
      Changed: element('span', {}, ago(channel.updated_at), ` by ${plain(channel.updated_by)}`),
    }),
    element('div', { class: 'panel-text actions' },
      button('Send a test', (event) => test(channel, event.currentTarget, result), { class: 'button primary' }),
      mayAct('admin') && [
        button('Change', () => openChannelForm(channel, renew)),
        button(channel.is_on ? 'Switch off' : 'Switch on', () => toggle(channel, origin)),
        button('Delete', () => remove(channel), { class: 'button danger' }),
      ]),
    result);
}

function mailText({ host, port, security, from, to }) {
  return `${host}${port ? `:${port}` : ''}, ${security}, from ${from} to ${to.join(', ')}`;
}

async function test(channel, sender, room) {
  sender.disabled = true;
  replace(room, element('p', { class: 'panel-text quiet' }, 'The test is on its way.'));
  try {
    const answer = await ask({ path: `channels/${channel.id}/test`, method: 'POST' });
    const code = answer.code === null ? '' : ` (${answer.code})`;
    replace(room, element('div', { class: 'panel-text' }, answer.delivered
      ? mark('ok', `The target took the message${code}.`) : mark('critical', `Not delivered${code}: ${plain(answer.error)}`),
    answer.answer && element('pre', { class: 'quiet' }, answer.answer)));
  } catch (problem) {
    replace(room, problemNotice(problem));
  } finally {
    sender.disabled = false;
  }
}

function toggle(channel, origin) {
  const isOn = !channel.is_on;
  confirm({
    title: isOn ? 'Switch on' : 'Switch off', action: isOn ? 'Switch on' : 'Switch off', isDangerous: !isOn,
    text: isOn ? 'Findings that open or end from now on are reported.'
      : 'Nothing is delivered, and what no message reports yet is dropped.',
    request: { path: `channels/${channel.id}`, method: 'PATCH', body: { is_on: isOn } },
    done: `The channel is ${isOn ? 'on' : 'off'}.`,
    origin,
  });
}

function remove(channel) {
  confirm({
    title: `Delete ${channel.name}`, action: 'Delete',
    text: 'The channel, its waiting messages and its list of messages are removed. This cannot be undone.',
    request: { path: `channels/${channel.id}`, method: 'DELETE' },
    done: 'The channel is deleted.',
    origin: { renew: () => go('#/channels') },
  });
}

const MESSAGES = [
  { name: 'created_at', title: 'Time', show: time },
  { name: 'state', show: STATES.mark },
  { name: 'group', title: 'What', shape: 'wide' },
  { name: 'attempts', title: 'Tries', show: number },
  { name: 'next_try', rank: 2, show: ago },
  { name: 'last_error', shape: 'text', rank: 2 },
];
