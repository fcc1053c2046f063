// The time that a page shows. It is in the address: `range=6h`, or `from` and `to`; `live=on` asks for newer data by itself.

import { button, element, icon, replace } from './element.js';
import { field } from './form.js';
import { timeText } from './format.js';
import { changed, go, parsed } from './route.js';

/** The choices: what is in the address, and what a person reads. */
const PRESETS = {
  '15m': 'Last 15 minutes', '1h': 'Last hour', '6h': 'Last 6 hours', '24h': 'Last 24 hours', '7d': 'Last 7 days', '30d': 'Last 30 days',
};
const DEFAULT = '1h';
const LIVE_SECONDS = 10;

/**
 * The parameters of a request for the range of an address.
 * @param {import('./route.js').Route} route
 * @param {string} preset The range without a choice.
 * @returns {{ start_time: string, end_time?: string }}
 */
export function rangeOf({ parameters }, preset = DEFAULT) {
  const [from, to] = [parameters.get('from'), parameters.get('to')];
  if (from && to) return { start_time: from, end_time: to };
  return { start_time: parameters.get('range') ?? preset };
}

/** The length of a range in seconds. @param {{ start_time: string, end_time?: string }} range */
export function rangeSeconds({ start_time: start, end_time: end }) {
  if (end) return (Date.parse(end) - Date.parse(start)) / 1000;
  return Number.parseFloat(start) * { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[start.at(-1)];
}

/**
 * The parameters of an address that shows the same range elsewhere.
 * @param {import('./route.js').Route} route
 * @returns {Object<string, string | null>}
 */
export function sameRange({ parameters }) {
  return { range: parameters.get('range'), from: parameters.get('from'), to: parameters.get('to'), live: parameters.get('live') };
}

/** The text of one time for an address: whole seconds of UTC. @param {number} milliseconds */
export function addressTime(milliseconds) {
  return new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

/**
 * Makes the control of the range for the top of the page.
 * @param {() => import('./visit.js').Visit | null} present The visit that is open.
 * @returns {{ node: HTMLElement, show: (preset: string | null) => void }} `show` says which range the page has without a choice;
 *   null: the page has no range.
 */
export function rangeControl(present) {
  let preset = DEFAULT;
  const face = element('span');
  const opener = element('button', {
    type: 'button', class: 'button', 'aria-haspopup': 'dialog', on: { click: () => box.toggleAttribute('hidden') },
  }, icon('clock'), face);
  const box = element('div', { class: 'popover range-box', role: 'dialog', 'aria-label': 'Time range', hidden: true });
  const live = element('button', { type: 'button', class: 'button live', title: `Ask for newer data every ${LIVE_SECONDS} seconds` },
    icon('live'), element('span', {}, 'Live'));
  const node = element('div', { class: 'range' }, opener, live, box);

  live.addEventListener('click', () => choose({ live: isLive() ? null : 'on', from: null, to: null }));
  node.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || box.hidden) return;
    box.hidden = true;
    opener.focus();
    event.stopPropagation();
  });
  document.addEventListener('pointerdown', (event) => !node.contains(event.target) && (box.hidden = true));
  setInterval(() => isLive() && !document.hidden && present()?.renew(), LIVE_SECONDS * 1000);

  return {
    node,
    show(next) {
      node.hidden = next === null;
      preset = next ?? DEFAULT;
      const { parameters } = parsed();
      const [from, to] = [parameters.get('from'), parameters.get('to')];
      const isAbsolute = from && to;
      const chosen = parameters.get('range') ?? preset;
      replace(face, isAbsolute ? `${timeText(from)} – ${timeText(to)}` : PRESETS[chosen] ?? `Last ${chosen}`);
      live.setAttribute('aria-pressed', String(isLive()));
      replace(box, choices(isAbsolute ? null : chosen, from, to));
      box.hidden = true;
    },
  };

  function isLive() {
    return !node.hidden && parsed().parameters.get('live') === 'on';
  }

  function choose(changes) {
    go(changed(parsed(), changes));
  }

  function choices(chosen, from, to) {
    const start = element('input', { type: 'datetime-local', step: 1, required: true, value: localTime(from ?? Date.now() - 3_600_000) });
    const end = element('input', { type: 'datetime-local', step: 1, required: true, value: localTime(to ?? Date.now()) });
    const form = element('form', { class: 'form' }, field('From', start), field('To', end),
      element('button', { type: 'submit', class: 'button primary' }, 'Show'));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      end.setCustomValidity(start.value < end.value ? '' : 'The end must be after the start.');
      if (!form.reportValidity()) return;
      const [first, last] = [start.value, end.value].map((text) => addressTime(new Date(text).getTime()));
      choose({ range: null, from: first, to: last, live: null });
    });
    return [
      element('div', { class: 'range-presets' }, Object.entries(PRESETS).map(([name, text]) => button(text,
        () => choose({ range: name === preset ? null : name, from: null, to: null }),
        { class: 'menu-item', 'aria-pressed': String(name === chosen) }))),
      form,
    ];
  }
}

/** A time in the viewer's zone, as controls for times have it. @param {string | number} value */
export function localTime(value) {
  const date = new Date(value);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
