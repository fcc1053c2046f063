// The menu of a panel: the same data elsewhere, as a command, a file, or a statement.

import { ask, askText, respond, urlOf } from './api.js';
import { command } from './command.js';
import { openDialog } from './dialog.js';
import { menu } from './menu.js';
import { mayAct } from './session.js';
import { statementText } from './statement.js';
import { tell, tellProblem } from './toast.js';

const PAGE_SIZE = 100;
/** The paths of reads, which answer with CSV and their statement, too. */
const READS = /^(fleet|queries|servers\/\d+\/)/;

/**
 * Makes the menu of a source.
 * @param {import('./source.js').Source} source
 * @param {string} section The rows that a file has; the command and the statement have them too.
 * @returns {HTMLElement}
 */
export function exportMenu(source, section) {
  return menu('Use this data elsewhere', 'more', () => {
    const { request } = source;
    const isRead = READS.test(request.path);
    return [
      { text: 'Copy as curl', press: () => copyCurl(request) },
      {
        text: 'Save as CSV',
        press: () => (isRead ? saveAnswer(sectioned(request, section)) : saveRows(request, section)).catch(tellProblem),
      },
      isRead && mayAct('operator') && { text: 'Show SQL', press: () => showSQL(sectioned(request, section)) },
    ].filter(Boolean);
  });
}

/**
 * The command that sends a request from a terminal.
 * @param {import('./api.js').Request} request
 * @returns {string}
 */
export function curl(request) {
  const method = request.method && request.method !== 'GET' ? ` -X ${request.method}` : '';
  const body = request.body === undefined ? '' : ` -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(request.body))}`;
  return `curl -sS --cacert ca.crt${method} -H "Authorization: Bearer $TOKEN"${body} ${quoted(location.origin + urlOf(request))}`;
}

function sectioned(request, section) {
  return section === 'data' ? request : { ...request, parameters: { ...request.parameters, section } };
}

async function copyCurl(request) {
  await navigator.clipboard.writeText(curl(request));
  tell('Copied. Set TOKEN to an API token first.');
}

/** A file has all rows, and not only those of the page. */
async function saveAnswer(request) {
  const { page, page_size: size, limit, cursor, ...parameters } = request.parameters ?? {};
  const response = await respond({ ...request, parameters, accept: 'text/csv' });
  save(request, await response.blob());
}

async function saveRows(request, section) {
  const rows = [];
  for (let page = 1, pages = 1; page <= pages; page += 1) {
    const paged = request.parameters?.page ? { ...request.parameters, page, page_size: PAGE_SIZE } : request.parameters;
    const answer = await ask({ ...request, parameters: paged });
    rows.push(...(answer[section] ?? [answer]));
    pages = request.parameters?.page ? answer.total_pages ?? 1 : 1;
  }
  save(request, new Blob([csv(rows)], { type: 'text/csv' }));
}

function save(request, blob) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = `${request.path.replaceAll('/', '-')}.csv`;
  link.click();
  URL.revokeObjectURL(url);
}

async function showSQL(request) {
  try {
    const { text } = await askText({ ...request, accept: 'application/sql' });
    openDialog({ title: 'SQL', isWide: true, content: [statementText(text, false), command(text)] });
  } catch (problem) {
    tellProblem(problem);
  }
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * Writes rows. The members of the first row are the columns.
 * @param {any[]} rows
 * @returns {string}
 */
function csv(rows) {
  const columns = Object.keys(rows[0] ?? {});
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');
}

function cell(value) {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
