// The keys of the installation: those that sign tokens, and the authorities that sign certificates.

import { administrationPage } from './administration-frame.js';
import { command } from './command.js';
import { element } from './element.js';
import { ago, plain, time } from './format.js';
import { sectionPanel } from './panel.js';
import { card } from './parts.js';
import { source } from './source.js';
import { ending } from './state.js';

/** An authority is changed on every host, so its end is marked early. */
const AUTHORITY_WARNING_DAYS = 60;
const KEY_WARNING_DAYS = 7;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  return administrationPage('keys', () => {
    const keys = source(visit, () => ({ path: 'signing-keys' }));
    const authorities = source(visit, () => ({ path: 'authorities' }));
    return element('div', { class: 'stack' },
      sectionPanel({
        title: 'Authorities', source: authorities, columns: AUTHORITIES, empty: 'The server has no authority.',
        hint: 'They sign the certificates of collectors and of the server',
      }),
      sectionPanel({
        title: 'Signing keys', source: keys, columns: KEYS, empty: 'The server has no signing key.',
        hint: 'They sign the tokens of people and collectors',
      }),
      card('To change them', null, element('div', { class: 'panel-text stack' },
        element('p', {}, 'Keys and authorities are changed on the server itself:'),
        command('pganalytics key rotate'), command('pganalytics ca --help'))));
  });
}

const AUTHORITIES = [
  { name: 'subject' },
  { name: 'state', show: (state) => plain(state).replaceAll('_', ' ') },
  { name: 'not_before', title: 'Valid from', rank: 2, show: time },
  { name: 'not_after', title: 'Ends', show: (end) => ending(end, AUTHORITY_WARNING_DAYS) },
  { name: 'fingerprint', title: 'SHA-256', rank: 3, shape: 'text', show: (value) => element('code', {}, value) },
];

const KEYS = [
  { name: 'kid', title: 'Key', show: (id) => element('code', {}, id) },
  { name: 'created_at', title: 'Made', show: ago },
  { name: 'signs_from', show: time },
  { name: 'ends_at', title: 'Ends', show: (end) => ending(end, KEY_WARNING_DAYS, 'with the next key') },
];
