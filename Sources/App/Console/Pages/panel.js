// A panel is a titled part of a page that shows an answer, or why there is none. Its room stays the same while it loads.

import { element, icon, replace } from './element.js';
import { exportMenu } from './export-menu.js';
import { problemNotice } from './problem.js';
import { table } from './table.js';

/**
 * What a panel shows. A view with `update` takes over later answers itself; otherwise the panel draws again.
 * @typedef {{ node: Node, update: (answer: any) => boolean }} View
 */

/**
 * Makes a panel.
 * @param {Object} options
 * @param {string} options.title
 * @param {string} [options.hint] What the figures mean; shown on hover and to screen readers.
 * @param {import('./source.js').Source} options.source
 * @param {string} [options.section] The member of the answer that the panel shows; its menu saves these rows. Without it `data`.
 * @param {(answer: any) => Node | View | null} options.draw null: there is nothing to show.
 * @param {string | (() => import('./element.js').Child)} [options.empty] What to do if there is nothing to show.
 * @param {number} [options.height] Pixels, kept while it loads.
 * @param {import('./element.js').Child} [options.tools] Controls in the head.
 * @param {string} [options.className]
 * @returns {HTMLElement}
 */
export function panel({ title, hint, source, section = 'data', draw, empty, height = 120, tools, className = '' }) {
  const body = element('div', { class: 'panel-body', style: { 'min-height': `${height}px` } });
  const node = element('section', { class: `panel ${className}`, 'aria-label': title },
    element('header', { class: 'panel-head' },
      element('h2', { title: hint }, title),
      element('div', { class: 'panel-tools' }, tools),
      exportMenu(source, section),
    ),
    body,
  );
  let view = null;

  source.watch(({ state, answer, problem }) => {
    body.setAttribute('aria-busy', String(state === 'asking'));
    if (state === 'failed') {
      view = null;
      replace(body, problemNotice(problem, () => source.renew()));
    } else if (state === 'answered') {
      if (view?.update?.(answer)) return;
      const key = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      view = draw(answer) ?? emptyNotice(empty);
      replace(body, view.node ?? view);
      if (key) body.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
    } else if (answer === null && state === 'asking') {
      replace(body, skeleton(height));
    }
  });
  return node;
}

/**
 * Says that there is nothing, and what to do next.
 * @param {string | (() => import('./element.js').Child)} [empty]
 * @returns {HTMLElement}
 */
export function emptyNotice(empty = 'There is nothing in this range.') {
  return element('div', { class: 'notice notice-empty' }, icon('empty'),
    element('div', { class: 'notice-text' }, typeof empty === 'function' ? empty() : element('p', {}, empty)));
}

function skeleton(height) {
  const lines = Math.max(1, Math.floor(height / 40));
  return element('div', { class: 'skeleton', role: 'status', 'aria-label': 'Loading' },
    Array.from({ length: Math.min(lines, 12) }, () => element('div', { class: 'skeleton-line' })));
}

/**
 * Makes the panel.
 * @param {Object} options Those of `panel`, and `columns`, `href`, `key` of `table`.
 * @returns {HTMLElement}
 */
export function sectionPanel({ columns, href, key, section = 'data', ...others }) {
  return panel({
    ...others,
    section,
    draw(answer) {
      const rows = answer[section];
      if (!rows.length) return null;
      return element('div', {}, table({ columns, rows, href, key, caption: others.title }),
        answer[`${section}_truncated`]
          && element('p', { class: 'panel-text quiet' }, 'There are more rows than the server shows. Choose a shorter range.'));
    },
  });
}
