// The page of one finding: its message, a chart of its figures, advice, and its acknowledgement.

import { change, press } from './change.js';
import { chart, CHART_ROOM } from './chart.js';
import { button, element, replace } from './element.js';
import { evidenceOf, pageOf } from './evidence.js';
import { openAcknowledgement, openSilence } from './finding-forms.js';
import { ago, inUnit, plain, time } from './format.js';
import { panel } from './panel.js';
import { facts, prose } from './parts.js';
import { address } from './route.js';
import { mayAct } from './session.js';
import { source } from './source.js';
import { mark } from './state.js';
import { addressTime, rangeOf, sameRange } from './time-range.js';

const HOUR = 3_600_000;
/** The chart begins so long before the finding opened, and at most so long before now. */
const BEFORE = 3 * HOUR;
const MOST = 7 * 24 * HOUR;

/** Opens the page. @param {import('./visit.js').Visit} visit @returns {import('./pages.js').Page} */
export function open(visit) {
  const finding = source(visit, () => ({ path: `findings/${visit.names.id}` }));
  const checks = source(visit, () => ({ path: 'checks' }));
  const figures = element('div');
  const value = element('span');
  const node = element('div', { class: 'stack' },
    panel({ title: 'Finding', source: finding, height: 220, draw: (answer) => describe(answer, value, finding) }),
    figures,
    panel({ title: 'What to do', source: checks, height: 80, draw: (answer) => advice(answer, finding),
      empty: 'The check is not known any more.' }),
  );
  // What to do, and the unit of the value, are those of the check.
  const join = () => {
    const check = checkOf(checks.answer, finding.answer);
    if (check) replace(value, valueText(finding.answer, check));
  };
  checks.watch(join);
  finding.watch(({ answer }) => {
    join();
    if (!answer || figures.firstChild) return;
    checks.renew();
    showFigures(visit, answer, figures);
  });
  return { title: `Finding ${visit.names.id}`, range: '6h', node };
}

function checkOf(checks, finding) {
  return checks?.data.find(({ name }) => name === finding?.check) ?? null;
}

function valueText({ value, threshold }, { thresholds }) {
  const show = inUnit(thresholds[0]?.unit ?? '');
  return value === null ? '–' : `${show(value)}; a finding opens at ${show(threshold)}`;
}

function describe(finding, value, origin) {
  return element('div', {},
    element('p', { class: 'panel-text finding-text' }, mark(finding.severity, finding.message)),
    facts({
      Server: element('a', { href: address(['servers', finding.server_id]) }, plain(finding.server ?? finding.server_id)),
      Check: element('a', { href: address(['checks', finding.check]) }, finding.title),
      Subject: finding.subject || 'the server itself',
      Value: value,
      Opened: element('span', {}, time(finding.opened_at), ', ', ago(finding.opened_at)),
      'Last seen': ago(finding.last_seen_at),
      Ended: finding.ended_at
        && element('span', {}, time(finding.ended_at), `, ${plain(finding.end_reason?.replace('_', ' '))}`),
      Acknowledged: finding.acknowledged_at
        && element('span', {}, `by ${plain(finding.acknowledged_by)}, `, ago(finding.acknowledged_at),
          finding.acknowledge_note && `: ${finding.acknowledge_note}`),
      Silenced: finding.is_silenced && element('a', { href: '#/silences' }, 'yes'),
    }),
    element('div', { class: 'panel-text actions' },
      finding.look_at && element('a', { class: 'button', href: pageOf(finding.look_at) }, 'Look at the server'),
      mayAct('operator') && finding.state === 'open' && (finding.acknowledged_at
        ? button('Take the acknowledgement back', () => takeBack(finding, origin))
        : button('Acknowledge', () => acknowledge(finding, origin), { class: 'button primary' })),
      mayAct('operator') && finding.state === 'open' && button('Silence', () => silence(finding, origin)),
    ));
}

function showFigures(visit, finding, room) {
  const evidence = evidenceOf(finding.check);
  if (!evidence) return;
  const chosen = Object.values(sameRange(visit.route)).some(Boolean);
  if (!chosen) {
    const end = finding.ended_at ? Date.parse(finding.ended_at) + HOUR : Date.now();
    const start = Math.max(Date.parse(finding.opened_at) - BEFORE, end - MOST);
    visit.change({ from: addressTime(start), to: addressTime(Math.min(end, Date.now())) }, true);
  }
  const rows = source(visit, (route) => ({ path: `servers/${finding.server_id}/${evidence.read}`, parameters: rangeOf(route, '6h') }));
  const lines = (answer) => {
    const all = evidence.lines(answer);
    const times = new Set(all.flatMap((line) => [...line.values.keys()]));
    const bound = evidence.hasThreshold && finding.threshold !== null
      ? [{ title: 'Threshold', values: new Map([...times].map((at) => [at, finding.threshold])) }] : [];
    return [...all, ...bound];
  };
  const { title, unit, most, section } = evidence;
  room.append(panel({
    title: `The figures that show it: ${title}`, source: rows, section, height: CHART_ROOM,
    draw: chart(visit, { title, unit, most, lines }),
    empty: 'There is no value in this range.',
  }));
}

function advice(checks, finding) {
  const check = checkOf(checks, finding.answer);
  return check ? element('div', { class: 'panel-text' },
    element('p', {}, prose(check.advice)), element('p', { class: 'quiet' }, prose(check.ends)),
    element('p', {}, element('a', { href: address(['checks', check.name]) }, 'Thresholds and backtest'))) : null;
}

function acknowledge({ id }, origin) {
  openAcknowledgement('Acknowledge', 'it',
    (body) => change({ path: `findings/${id}/acknowledge`, method: 'POST', body }, 'The finding is acknowledged.', origin));
}

function takeBack({ id }, origin) {
  press({ path: `findings/${id}/acknowledge`, method: 'DELETE' }, 'The acknowledgement is taken back.', origin);
}

function silence({ check, server_id: id, server, title }, origin) {
  openSilence('Silence', `Nobody is notified of ${title} on ${plain(server)}.`,
    (body) => change({ path: 'silences', method: 'POST', body: { ...body, check, server_id: id } }, 'The finding is silenced.', origin));
}
