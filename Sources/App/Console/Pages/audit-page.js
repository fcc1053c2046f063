// The audit trail: who did what, from where, and with which outcome.

import { administrationPage } from './administration-frame.js';
import { ask } from './api.js';
import { element } from './element.js';
import { plain, time } from './format.js';
import { choiceField, list, searchField, taken } from './list.js';
import { address, changed } from './route.js';
import { mark } from './state.js';
import { rangeOf } from './time-range.js';

const RANGE = '7d';
/** Characters of a long id that tell things apart at a glance. */
const SHORT_ID = 8;

/** Actions in words. An action without words is shown by its name, and the filter lacks it. */
const ACTIONS = {
  'auth.login': 'Log in', 'auth.refresh': 'Continue a session', 'auth.refresh_reuse': 'Reuse a refresh token', 'auth.logout': 'Log out',
  'auth.logout_everywhere': 'Log out everywhere', 'auth.change_password': 'Change the own password', 'session.end': 'End a session',
  'api_token.create': 'Make an API token', 'api_token.revoke': 'Revoke an API token',
  'user.create': 'Add a user', 'user.update': 'Change a user',
  'user.delete': 'Delete a user',
  'registration_secret.create': 'Make a registration secret', 'registration_secret.revoke': 'Revoke a registration secret',
  'collector.enrol': 'Enrol a collector', 'collector.refresh_token': 'Refresh a token of a collector',
  'collector.renew_certificate': 'Renew a certificate',
  'collector.revoke': 'Revoke a collector', 'collector.replace': 'Replace a collector', 'collector.permit_enrolment': 'Permit an enrolment',
  'collector.label': 'Label a server', 'collector.label_many': 'Label many servers', 'certificate.revoke': 'Revoke a certificate',
  'collector.identity_mismatch': 'Identities do not match', 'collector.refused': 'Refuse a collector',
  'config.write': 'Store a configuration',
  'server.remove': 'Remove a server', 'server.removed': 'A server is removed', 'finding.acknowledge': 'Acknowledge a finding',
  'finding.acknowledge_many': 'Acknowledge many findings', 'finding.end_acknowledgement': 'End an acknowledgement',
  'silence.add': 'Add a silence', 'silence.add_many': 'Silence many servers',
  'silence.end': 'End a silence', 'check.change': 'Change a check',
  'signing_key.rotate': 'Make a signing key', 'signing_key.retire': 'Retire a signing key',
  'authority.change': 'Change the authority', 'authority.retire': 'Retire an authority',
  'channel.create': 'Make a channel', 'channel.change': 'Change a channel',
  'channel.delete': 'Delete a channel', 'channel.test': 'Test a channel',
};

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('audit', () => {
    const names = userNames(visit);
    return list(visit, {
      title: 'Audit trail',
      sort: null,
      request(route) {
        const { start_time: since, end_time: until } = rangeOf(route, RANGE);
        return { path: 'audit', parameters: { ...taken(route, 'action', 'actor', 'subject', 'outcome'), since, until } };
      },
      tools: [
        choiceField(visit, 'action', 'Action', { '': 'Every action', ...ACTIONS }),
        choiceField(visit, 'outcome', 'Outcome', { '': 'Every outcome', success: 'Done', refused: 'Refused' }),
        searchField(visit, 'actor', 'Actor, such as user:1'),
        searchField(visit, 'subject', 'Subject, such as user:1'),
      ],
      empty: 'The audit trail has no line that fits the filters in this range.',
      columns: [
        { name: 'at', title: 'Time', show: time },
        { name: 'actor', title: 'Who', show: (actor) => party(visit, 'actor', actor, names) },
        { name: 'action', title: 'What', show: (action) => element('span', { title: action }, ACTIONS[action] ?? action) },
        { name: 'subject', title: 'To whom', show: (subject) => party(visit, 'subject', subject, names) },
        { name: 'outcome',
          show: (outcome) => (outcome === 'success' ? mark('ok', 'Done') : mark('critical', 'Refused')) },
        { name: 'details', rank: 2, shape: 'text', show: detailText },
        { name: 'address', title: 'From', rank: 3 },
        { name: 'request_id', title: 'Request', rank: 3, show: (id) => element('code', {}, plain(id)) },
      ],
    });
  }, RANGE);
}

/** An actor or a subject: a press filters by it. Users get their name as soon as it is known, and collectors lead to their page. */
function party(visit, name, value, names) {
  if (!value) return '–';
  const [kind, id] = value.split(/:(.*)/s);
  const text = element('span', {}, id?.length > 2 * SHORT_ID ? `${kind}:${id.slice(0, SHORT_ID)}…` : value);
  if (kind === 'user') names.then((known) => known.get(id) && (text.textContent = known.get(id)));
  const filter = element('a', { href: changed(visit.route, { [name]: value }), title: `Only lines with ${value}` }, text);
  if (kind !== 'collector') return filter;
  return [filter, ' ',
    element('a', { class: 'button', href: address(['collectors', id]), 'aria-label': `Open ${value}` }, '↗')];
}

/** Details in words: `role: operator, changed: role`. */
function detailText(details) {
  return Object.entries(details ?? {}).map(([name, value]) => [name.replaceAll('_', ' '), wordsOf(value)]).filter(([, words]) => words)
    .map((parts) => parts.join(': ')).join(', ') || '–';
}

function wordsOf(value) {
  if (Array.isArray(value)) return value.map(wordsOf).join(' ');
  if (value === null || typeof value !== 'object') return plain(value);
  return Object.entries(value).map(([name, part]) => `${name}=${wordsOf(part)}`).join(' ');
}

/** The names of the users by their ids. Without them the ids are shown. */
async function userNames(visit) {
  const answer = await ask({ path: 'users', parameters: { page_size: 100 }, signal: visit.signal }).catch(() => ({ data: [] }));
  return new Map(answer.data.map((user) => [String(user.id), user.username]));
}
