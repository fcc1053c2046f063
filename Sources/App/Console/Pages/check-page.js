// One check: what it watches, its thresholds, and a backtest with others before they count.

import { runBacktest } from './backtest.js';
import { press } from './change.js';
import { button, element, replace } from './element.js';
import { field, listOf, select } from './form.js';
import { ago, number, seconds } from './format.js';
import { emptyNotice } from './panel.js';
import { card, facts, pageTitle, prose } from './parts.js';
import { problemNotice } from './problem.js';
import { address } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { mark } from './state.js';
import { thresholdFields } from './threshold-fields.js';

/** The time that a backtest covers, and the time between two evaluations. */
const STRETCHES = {
  '6h 1m': '6 hours, every minute', '1d 5m': 'A day, every 5 minutes', '7d 30m': '7 days, every 30 minutes',
  '30d 2h': '30 days, every 2 hours',
};

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const checks = source(visit, () => ({ path: 'checks' }));
  const title = pageTitle(visit.names.name);
  const node = element('div', { class: 'stack' });
  checks.watch(({ answer, problem }) => {
    if (problem) replace(node, problemNotice(problem, () => checks.renew()));
    const check = answer?.data.find(({ name }) => name === visit.names.name);
    if (!answer || (check && node.firstChild)) return;
    if (!check) return void replace(node, emptyNotice('There is no such check.'));
    title.set(check.title);
    show(visit, check, node);
  });
  return { title: title.node, node };
}

function show(visit, check, node) {
  const room = element('div', { class: 'panel-body' });
  const stretch = select('stretch', STRETCHES);
  const labels = element('input', { name: 'labels', placeholder: 'All servers, or env=prod, …', maxlength: 1000 });
  const run = () => {
    const [start, step] = stretch.value.split(' ');
    return runBacktest(visit, check, { start_time: start, step, thresholds: fields.values(), labels: listOf(labels.value) }, room);
  };
  const fields = thresholdFields(check.thresholds, run);
  stretch.addEventListener('change', run);
  const again = { renew: () => [replace(node), visit.renew()] };
  const apply = (body, text) => press({ path: `checks/${check.name}`, method: 'PATCH', body }, text, again);
  replace(node,
    card('The check', mayAct('operator') && button(check.is_on ? 'Switch off' : 'Switch on',
      () => apply({ is_on: !check.is_on }, `The check is ${check.is_on ? 'off' : 'on'}.`)), facts({
      State: check.failure ? mark('critical', `fails: ${check.failure}`)
        : mark(check.is_on ? check.severity : 'unknown', check.is_on ? `on, ${check.severity}` : 'off'),
      'Open findings': element('a', { href: address('findings', { check: check.name }) }, number(check.open_findings)),
      'What to do': prose(check.advice),
      'A finding ends': prose(check.ends),
      Reads: check.reads.join(', '),
      Runs: check.every_seconds ? `at most every ${seconds(check.every_seconds)} for a server` : 'after each push',
      'Last run': element('span', {}, ago(check.evaluated_at), `, took ${seconds(check.evaluation_seconds)}`),
      'Without data': `${number(check.servers_without_data)} servers at their last push`,
      Changed: check.updated_at ? ago(check.updated_at) : 'never',
    })),
    card('Thresholds', null, element('div', { class: 'panel-text' },
      fields.node,
      element('div', { class: 'actions' },
        field('Over', stretch), field('Labels', labels),
        button('Backtest', run, { class: 'button primary' }),
        button('Defaults', () => {
          fields.reset();
          run();
        }),
        mayAct('operator') && button('Use these thresholds',
          () => apply({ thresholds: fields.values() }, 'The thresholds count from the next run on.'))))),
    card('What it would have found', null, room),
  );
  replace(room, emptyNotice('Move a threshold or press Backtest: the check runs over stored history and changes nothing.'));
}
