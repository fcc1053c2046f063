// The list of all checks with their thresholds.

import { element } from './element.js';
import { ago, inUnit, number, seconds } from './format.js';
import { sectionPanel } from './panel.js';
import { address } from './route.js';
import { source } from './source.js';
import { mark } from './state.js';

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const checks = source(visit, () => ({ path: 'checks' }));
  return {
    title: 'Checks',
    node: sectionPanel({
      title: 'What is watched on every server', source: checks, columns: COLUMNS, height: 600,
      href: (row) => address(['checks', row.name]), key: (row) => row.name,
    }),
  };
}

const COLUMNS = [
  { name: 'title', title: 'Check', show: (title, row) => mark(row.is_on ? row.severity : 'unknown', title) },
  { name: 'is_on', title: 'State', show: (isOn, row) => (row.failure ? mark('critical', 'fails') : isOn ? 'on' : 'off') },
  { name: 'open_findings', title: 'Open', isNumber: true, show: (count, row) => (count
    ? element('a', { href: address('findings', { check: row.name }) }, number(count)) : '0') },
  { name: 'thresholds', shape: 'wide',
    show: (thresholds) => thresholds.map(({ name, unit, value, default: usual }, place) =>
    [place > 0 && ' · ', element('span', { class: value === usual ? 'quiet' : null },
      `${name.replaceAll('_', ' ')} ${inUnit(unit)(value)}`)]) },
  { name: 'servers_without_data', title: 'No data', rank: 2, show: number,
    hint: 'Servers that had no data for it at their last push' },
  { name: 'every_seconds', title: 'Runs', rank: 3, show: (every) => (every ? `every ${seconds(every)}` : 'after each push') },
  { name: 'evaluated_at', title: 'Last run', rank: 2, show: ago },
];
