// Keys that work on every page.

import { openDialog } from './dialog.js';
import { element } from './element.js';
import { PLACES } from './pages.js';
import { go } from './route.js';

const CHORD_MILLISECONDS = 1500;

const OTHERS = {
  '/': 'Search on this page',
  '↑ ↓': 'Move between rows',
  Enter: 'Open the row',
  Esc: 'Close a menu or dialog, or leave a field',
  l: 'Switch live data on or off',
  '?': 'Show these keys',
};

/** Begins to listen; called once at the start. */
export function startKeyboard() {
  let chordUntil = 0;
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
    const isTyping = event.target.matches('input:not([type=checkbox]), textarea, select');
    if (event.key === 'Escape' && isTyping) event.target.blur();
    if (isTyping) return;
    const isChord = Date.now() < chordUntil;
    chordUntil = event.key === 'g' && !isChord ? Date.now() + CHORD_MILLISECONDS : 0;
    const place = isChord && PLACES.find(({ key }) => key === event.key);
    const act = place ? () => go(place.href) : ACTIONS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}

const ACTIONS = {
  '/': () => (document.querySelector('main [data-search]') ?? document.querySelector('[data-search]'))?.focus(),
  '?': showKeys,
  l: () => document.querySelector('.range:not([hidden]) .live')?.click(),
  ArrowDown: firstRow,
};

/** Shows all keys in a dialog. */
export function showKeys() {
  const rows = [...PLACES.map(({ key, text }) => [`g ${key}`, `Go to ${text}`]), ...Object.entries(OTHERS)];
  openDialog({
    title: 'Keys',
    content: element('dl', { class: 'keys' }, rows.map(([keys, text]) => element('div', {},
      element('dt', {}, keys.split(' ').map((key) => element('kbd', {}, key))), element('dd', {}, text)))),
  });
}

function firstRow() {
  if (document.activeElement === document.body || document.activeElement.matches('main, h1')) {
    document.querySelector('main tbody a[data-key]')?.focus();
  }
}
