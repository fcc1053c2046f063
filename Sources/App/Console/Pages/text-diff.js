// Differences of texts: found line by line, and shown.

import { element } from './element.js';

/** Lines of context around a difference. */
const CONTEXT = 3;
/** The most cells of the table in which equal lines are looked for; beyond it the changed part counts as replaced as a whole. */
const MOST_CELLS = 4_000_000;

/**
 * The differences of two texts as a unified diff without a head.
 * @param {string} before
 * @param {string} after
 * @returns {string} Empty: the texts are the same.
 */
export function unifiedDiff(before, after) {
  const steps = stepsBetween(linesOf(before), linesOf(after));
  const keeps = steps.map((_, place) => steps.slice(Math.max(0, place - CONTEXT), place + CONTEXT + 1).some(({ sign }) => sign !== ' '));
  const lines = [];
  let old = 1;
  let next = 1;
  steps.forEach(({ sign, line }, place) => {
    if (keeps[place]) {
      if (!keeps[place - 1]) lines.push(`@@ -${old} +${next} @@`);
      lines.push(sign + line);
    }
    if (sign !== '+') old += 1;
    if (sign !== '-') next += 1;
  });
  return lines.join('\n');
}

/**
 * Shows a unified diff.
 * @param {string} text
 * @returns {HTMLElement}
 */
export function diffView(text) {
  const lines = text.replace(/\n$/, '').split('\n');
  return element('pre', { class: 'diff', tabindex: '0' },
    lines.map((line) => element('div', { class: CLASSES[line[0]] ?? null }, line || ' ')));
}

const CLASSES = { '+': 'diff-new', '-': 'diff-old', '@': 'quiet' };

function linesOf(text) {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The lines of both texts in order: ' ' both have it, '-' only the first, '+' only the second. */
function stepsBetween(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const old = before.slice(start, before.length - end);
  const fresh = after.slice(start, after.length - end);
  const kept = (line) => ({ sign: ' ', line });
  const middle = old.length * fresh.length > MOST_CELLS
    ? [...old.map((line) => ({ sign: '-', line })), ...fresh.map((line) => ({ sign: '+', line }))]
    : aligned(old, fresh);
  return [...before.slice(0, start).map(kept), ...middle, ...before.slice(before.length - end).map(kept)];
}

/** The steps with the most lines that both have (longest common subsequence). */
function aligned(old, fresh) {
  const width = fresh.length + 1;
  const common = new Uint32Array((old.length + 1) * width);
  for (let row = old.length - 1; row >= 0; row -= 1) {
    for (let column = fresh.length - 1; column >= 0; column -= 1) {
      common[row * width + column] = old[row] === fresh[column]
        ? common[(row + 1) * width + column + 1] + 1
        : Math.max(common[(row + 1) * width + column], common[row * width + column + 1]);
    }
  }
  const steps = [];
  let row = 0;
  let column = 0;
  while (row < old.length || column < fresh.length) {
    if (row < old.length && column < fresh.length && old[row] === fresh[column]) {
      steps.push({ sign: ' ', line: old[row] });
      row += 1;
      column += 1;
    } else if (row < old.length && (column === fresh.length || common[(row + 1) * width + column] >= common[row * width + column + 1])) {
      steps.push({ sign: '-', line: old[row] });
      row += 1;
    } else {
      steps.push({ sign: '+', line: fresh[column] });
      column += 1;
    }
  }
  return steps;
}
