// Statements as people read them: on lines, indented, with words of SQL in another colour.

import { element } from './element.js';

const TOKEN = new RegExp([
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$\w*\$[\s\S]*?\$\w*\$/, /--[^\n]*|\/\*[\s\S]*?\*\//, /\$\d+|\d+(?:\.\d+)?|\w+|\s+/,
  /::|<=|>=|<>|!=|\|\||->>?|[^\s\w]/,
].map(({ source }) => source).join('|'), 'g');
const WORDS = new Set(('select from where and or not in exists between like ilike is null distinct on as join left right full inner outer '
  + 'cross lateral natural using group by order having limit offset fetch union all except intersect with recursive materialized insert '
  + 'into values update set delete returning case when then else end create table index view drop alter add column begin commit rollback '
  + 'copy vacuum analyze explain over partition filter within rows range asc desc nulls first last for share nowait skip locked do '
  + 'nothing conflict default true false cast interval array row any some if truncate grant revoke to').split(' '));
/** Words that begin a line. */
const STARTS = new Set(('from where group order having limit offset union except intersect set values returning window join left right '
  + 'inner full cross').split(' '));
const JOINS = new Set('left right inner full cross natural'.split(' '));

/**
 * Shows a statement.
 * @param {string | null} text
 * @param {boolean} formats Whether it is put on lines; otherwise it stays as it is.
 * @returns {HTMLElement}
 */
export function statementText(text, formats = true) {
  if (!text) return element('p', { class: 'quiet' }, 'The text of the statement is not stored any more.');
  const laidOut = formats && !text.includes('\n') ? formatted(text) : text;
  return element('pre', { class: 'statement', tabindex: '0' }, element('code', {}, coloured(laidOut)));
}

/**
 * Shows a statement on one line.
 * @param {string | null} text
 * @returns {HTMLElement}
 */
export function statementLine(text) {
  const line = text?.replace(/\s+/g, ' ');
  if (!line) return element('span', { class: 'quiet' }, 'The text is not stored any more');
  const title = text.length > 1000 ? `${text.slice(0, 1000)}…` : text;
  return element('code', { class: 'statement-line', title }, coloured(line.slice(0, 400)));
}

/**
 * Puts a statement on lines. Its words stay as they are.
 * @param {string} text
 * @returns {string}
 */
export function formatted(text) {
  const tokens = text.match(TOKEN) ?? [];
  let result = '';
  let depth = 0;
  let before = '';
  for (const token of tokens) {
    if (/^\s+$/.test(token)) {
      if (result && !/[\s(]$/.test(result)) result += ' ';
      continue;
    }
    const word = token.toLowerCase();
    const breaks = STARTS.has(word) && !(word === 'join' && JOINS.has(before)) && !(word === 'from' && before === 'distinct')
      && !(word === 'left' && tokens[tokens.indexOf(token) + 1] === '(');
    if (depth === 0 && result && breaks) result = `${result.trimEnd()}\n`;
    else if (depth === 0 && result && (word === 'and' || word === 'or')) result = `${result.trimEnd()}\n  `;
    if (token === '(') depth += 1;
    if (token === ')') depth = Math.max(0, depth - 1);
    result += token;
    if (token === ',' && depth === 0) result += '\n ';
    before = word;
  }
  return result.trim();
}

function coloured(text) {
  return (text.match(TOKEN) ?? []).map((token) => {
    const kind = kindOf(token);
    return kind ? element('span', { class: `sql-${kind}` }, token) : token;
  });
}

function kindOf(token) {
  if (token.startsWith("'")) return 'text';
  if (token.startsWith('--') || token.startsWith('/*')) return 'comment';
  if (/^(\$\d|\d)/.test(token)) return 'number';
  return WORDS.has(token.toLowerCase()) ? 'word' : null;
}
