// Rows that a person has marked, to do something with all of them.

import { element } from './element.js';

/**
 * @typedef {Object} Selection
 * @property {Set<any>} keys The keys of the marked rows; empty if all rows are marked.
 * @property {boolean} isAll Whether all rows of the list are marked, also those that are not shown.
 * @property {(row: any) => HTMLElement} check The box of a row.
 * @property {() => HTMLElement} checkAll The box in the head of the table.
 * @property {() => void} clear
 */

/**
 * Makes a selection.
 * @param {(row: any) => any} keyOf
 * @param {(row: any) => string} nameOf For screen readers.
 * @param {(selection: Selection) => void} watcher Called at each change.
 * @returns {Selection}
 */
export function selection(keyOf, nameOf, watcher) {
  const self = {
    keys: new Set(),
    isAll: false,
    check(row) {
      const key = keyOf(row);
      const change = (isMarked) => {
        if (isMarked) self.keys.add(key);
        else self.keys.delete(key);
        set(false);
      };
      return box(`Select ${nameOf(row)}`, self.isAll || self.keys.has(key), change, `check-${key}`);
    },
    checkAll() {
      return box('Select all rows of the list', self.isAll, (isMarked) => {
        self.keys.clear();
        set(isMarked);
      }, 'check-all');
    },
    clear() {
      self.keys.clear();
      set(false);
    },
  };
  return self;

  function set(isAll) {
    const shows = isAll || self.isAll || !self.keys.size;
    self.isAll = isAll;
    watcher(self);
    // The boxes of the rows that are shown follow.
    if (shows) document.dispatchEvent(new Event('selection'));
  }
}

function box(label, isMarked, change, key) {
  const node = element('input', { type: 'checkbox', 'aria-label': label, data: { key } });
  node.checked = isMarked;
  node.addEventListener('change', () => change(node.checked));
  return node;
}
