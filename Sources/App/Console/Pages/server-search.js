// The search in the head: finds a server by its name and goes there.

import { ask } from './api.js';
import { element, replace } from './element.js';
import { address, go } from './route.js';
import { tellProblem } from './toast.js';

const MOST = 8;
const TYPING_MILLISECONDS = 200;

/**
 * Makes the search field.
 * @returns {HTMLElement}
 */
export function serverSearch() {
  const field = element('input', {
    type: 'text', placeholder: 'Find a server', 'aria-label': 'Find a server', maxlength: 255, role: 'combobox', 'aria-expanded': 'false',
    'aria-controls': 'server-matches', 'aria-autocomplete': 'list', data: { search: '' },
  });
  const matches = element('div', { id: 'server-matches', class: 'menu-list', role: 'listbox', 'aria-label': 'Servers', hidden: true });
  const node = element('div', { class: 'menu server-search' }, field, matches);
  let controller = null;
  let timer = 0;

  field.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(find, TYPING_MILLISECONDS);
  });
  node.addEventListener('focusout', (event) => !node.contains(event.relatedTarget) && show([]));
  node.addEventListener('keydown', (event) => {
    const choices = [...matches.children];
    const place = choices.indexOf(document.activeElement);
    if (event.key === 'Escape') show([]);
    else if (event.key === 'Enter' && place < 0) choices[0]?.click();
    else if (event.key === 'ArrowDown') choices[Math.min(place + 1, choices.length - 1)]?.focus();
    else if (event.key === 'ArrowUp') (choices[place - 1] ?? field).focus();
    else return;
    if (event.key.startsWith('Arrow')) event.preventDefault();
  });
  return node;

  async function find() {
    controller?.abort();
    const q = field.value.trim();
    if (!q) return show([]);
    controller = new AbortController();
    try {
      const answer = await ask({ path: 'servers', parameters: { q, page_size: MOST, sort: 'name' }, signal: controller.signal });
      show(answer.data);
    } catch (problem) {
      tellProblem(problem);
    }
    return undefined;
  }

  function show(servers) {
    matches.hidden = !servers.length;
    field.setAttribute('aria-expanded', String(servers.length > 0));
    replace(matches, servers.map((server) => element('button', {
      type: 'button', class: 'menu-item', role: 'option', tabindex: '-1', on: { click: () => open(server) },
    }, server.name, server.hostname !== server.name && element('small', {}, server.hostname))));
  }

  function open(server) {
    field.value = '';
    show([]);
    go(address(['servers', server.id]));
  }
}
