// A field for a text of many lines, with their numbers. A line can be marked as wrong.

import { element, replace } from './element.js';

/**
 * Makes the editor.
 * @param {string} label
 * @param {(text: string) => void} onChange Called at each change by the person.
 * @returns {{ node: HTMLElement, area: HTMLTextAreaElement, set: (text: string) => void,
 *   blame: (line: number | null, words?: string) => void }}
 *   `blame` marks a line, from 1, says why, and goes there; null: no line is wrong.
 */
export function textEditor(label, onChange) {
  const numbers = element('div', { class: 'editor-numbers', 'aria-hidden': 'true' });
  const area = element('textarea', {
    'aria-label': label, spellcheck: 'false', wrap: 'off', autocapitalize: 'none', autocomplete: 'off', rows: 20,
  });
  const complaint = element('p', { class: 'editor-complaint', role: 'alert', hidden: true });
  const node = element('div', { class: 'editor' }, element('div', { class: 'editor-room' }, numbers, area), complaint);
  let wrong = null;

  area.addEventListener('input', () => {
    blame(null);
    onChange(area.value);
  });
  area.addEventListener('scroll', () => (numbers.scrollTop = area.scrollTop), { passive: true });
  count();
  return {
    node,
    area,
    set(text) {
      area.value = text;
      blame(null);
    },
    blame,
  };

  function blame(line, words = '') {
    wrong = line;
    complaint.hidden = line === null;
    replace(complaint, words);
    count();
    if (line === null) return;
    const start = area.value.split('\n').slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
    const end = area.value.indexOf('\n', start);
    area.focus();
    area.setSelectionRange(start, end < 0 ? area.value.length : end);
    numbers.querySelector('.wrong')?.scrollIntoView({ block: 'nearest' });
    area.scrollTop = numbers.scrollTop;
  }

  function count() {
    const lines = area.value.split('\n').length;
    if (numbers.childElementCount === lines && !numbers.querySelector('.wrong') && wrong === null) return;
    replace(numbers, Array.from({ length: lines },
      (_, place) => element('div', { class: place + 1 === wrong ? 'wrong' : null }, place + 1)));
    numbers.scrollTop = area.scrollTop;
  }
}
