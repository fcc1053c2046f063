// A panel with the rows of one section of an answer, in the order of the server.

import { element } from './element.js';
import { panel } from './panel.js';
import { table } from './table.js';

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
        answer[`${section}_truncated`] && element('p', { class: 'panel-text quiet' }, 'There are more rows than the server shows. Choose a shorter range.'));
    },
  });
}
