// Rows as CSV (RFC 4180), for lists of the API that have no CSV of their own.

/**
 * Writes rows. The members of the first row are the columns.
 * @param {any[]} rows
 * @returns {string}
 */
export function csv(rows) {
  const columns = Object.keys(rows[0] ?? {});
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');
}

function cell(value) {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
