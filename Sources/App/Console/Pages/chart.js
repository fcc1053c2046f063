// Charts by uPlot. All charts of a page share one cursor, and a drag over one of them chooses the time range of the page. Where uPlot
// is not installed, the same values are a table.

import { element, replace } from './element.js';
import { effort, inUnit, timeText } from './format.js';
import { addressTime } from './time-range.js';
import { valueTable } from './value-table.js';

/** Pixels. The style sheet gives `.chart` this height. */
const HEIGHT = 150;
/** Pixels that a panel keeps for a chart with its legend. */
export const CHART_ROOM = 186;
/** Steps of an axis that people can read: of bytes in powers of 2, of durations in minutes, hours and days. */
const DURATIONS = [0.001, 0.01, 0.1, 0.25, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200,
  86_400, 172_800, 432_000, 864_000, 1_728_000, 8_640_000, 86_400_000];
const POWERS = Array.from({ length: 60 }, (_, power) => 2 ** power);
const STEPS = {
  bytes: POWERS,
  megabytes: POWERS.map((step) => step / 2 ** 20),
  seconds: DURATIONS,
  milliseconds: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 250, 500,
    ...DURATIONS.slice(5).map((step) => step * 1000)],
};
/** Values beside the axis, where there is little room. */
const TICKS = { seconds: (value) => effort(value * 1000), milliseconds: effort };
const COLOURS = 8;
const AXIS_WIDTH = 58;

/**
 * @typedef {Object} Line
 * @property {string} title
 * @property {Map<number, number | null>} values By the time in seconds since 1970.
 * @property {number} [follows] The place of the line that this one continues as a forecast: it is dashed, and the chart does not name it.
 */

/**
 * @typedef {Object} Picture
 * @property {Line[]} lines
 * @property {number[]} times All times in seconds, with a time for each bucket: a bucket without data is a gap.
 * @property {[number, number]} range Start and end of the axis.
 * @property {number} width Of a bucket, in seconds.
 */

/**
 * Makes a chart, which takes over later answers.
 * @param {import('./visit.js').Visit} visit
 * @param {Object} options
 * @param {string} options.unit See `inUnit`.
 * @param {(answer: any) => Line[]} options.lines
 * @param {boolean} [options.isStacked] Areas on top of each other, for parts of a whole.
 * @param {boolean} [options.isBars]
 * @param {number} [options.most] The upper end of the axis, such as 100 for percent.
 * @param {(from: number, to: number) => void} [options.pick] Called with the bucket that a person presses on, in milliseconds.
 * @param {string} options.title For screen readers.
 * @returns {(answer: any) => import('./panel.js').View | null} For `panel`; null: no values.
 */
export function chart(visit, options) {
  return (answer) => {
    const first = pictureOf(answer, options.lines(answer));
    if (!first) return null;
    return globalThis.uPlot ? plotView(visit, options, first) : tableView(options, first);
  };
}

/**
 * The lines of several members of rows.
 * @param {any[]} rows With `time`.
 * @param {Object<string, string>} titles By member.
 * @returns {Line[]}
 */
export function byMember(rows, titles) {
  return Object.entries(titles).map(([name, title]) => ({
    title, values: new Map(rows.map((row) => [secondsOf(row.time), row[name]])),
  }));
}

/**
 * The lines of one member, a line for each key of the rows.
 * @param {any[]} rows With `time`. Values of the same key and time are added up.
 * @param {(row: any) => string} keyOf
 * @param {string} name
 * @returns {Line[]}
 */
export function byKey(rows, keyOf, name) {
  const lines = new Map();
  for (const row of rows) {
    const title = keyOf(row);
    if (!lines.has(title)) lines.set(title, { title, values: new Map() });
    const { values } = lines.get(title);
    const at = secondsOf(row.time);
    values.set(at, row[name] === null ? values.get(at) ?? null : (values.get(at) ?? 0) + row[name]);
  }
  return [...lines.values()];
}

function pictureOf(answer, lines) {
  const times = [...new Set(lines.flatMap((line) => [...line.values.keys()]))].sort((one, other) => one - other);
  if (!lines.some((line) => [...line.values.values()].some((value) => value !== null))) return null;
  const width = answer.bucket_seconds;
  const all = [];
  for (let at = times[0]; at <= times[times.length - 1]; at += width) all.push(at);
  // A forecast goes on behind the end of the range.
  const end = Math.max(secondsOf(answer.end_time), lines.some(({ follows }) => follows !== undefined) ? times.at(-1) : 0);
  return { lines, times: all, width, range: [secondsOf(answer.start_time), end] };
}

function plotView(visit, options, first) {
  const show = inUnit(options.unit);
  const legend = element('div', { class: 'legend' });
  const room = element('div', { class: 'chart', role: 'img' });
  const node = element('div', { class: 'chart-room' }, room, legend);
  let picture = first;
  let plot = null;

  // The plot is made when its room has a width, and again when the scheme of colours changes.
  const observer = new ResizeObserver(() => {
    if (!node.isConnected) return end();
    if (!plot) make();
    else plot.setSize({ width: room.clientWidth, height: HEIGHT });
    return undefined;
  });
  observer.observe(room);
  document.addEventListener('scheme', make);
  visit.signal.addEventListener('abort', end);

  return {
    node,
    update(answer) {
      const next = pictureOf(answer, options.lines(answer));
      const isSame = next && next.lines.length === picture.lines.length
        && next.lines.every((line, place) => line.title === picture.lines[place].title);
      if (!isSame) {
        end();
        return false;
      }
      picture = next;
      plot?.setData(dataOf(picture, options.isStacked));
      plot?.setScale('x', { min: picture.range[0], max: picture.range[1] });
      describe();
      return true;
    },
  };

  function make() {
    plot?.destroy();
    if (!node.isConnected || !room.clientWidth) return;
    plot = new globalThis.uPlot(settings(), dataOf(picture, options.isStacked), room);
    describe();
  }

  function end() {
    observer.disconnect();
    document.removeEventListener('scheme', make);
    plot?.destroy();
    plot = null;
  }

  function describe(place = null) {
    const { times, lines } = picture;
    const at = place === null ? null : times[place];
    replace(legend, lines.map((line, index) => {
      if (line.follows !== undefined) return null;
      const value = at === null ? latest(line, times) : line.values.get(at) ?? null;
      return element('span', { class: 'legend-entry' },
        element('span', { class: 'swatch', style: { background: `var(${colourName(line, index)})` } }),
        line.title, element('strong', {}, show(value)));
    }), element('span', { class: 'legend-time' }, at === null ? '' : timeText(at * 1000)));
    const words = lines.filter(({ follows }) => follows === undefined)
      .map((line) => `${line.title} ${show(latest(line, times))}`).join(', ');
    if (place === null) room.setAttribute('aria-label', `${options.title}: ${words}`);
  }

  function settings() {
    const axis = { stroke: colourOf('--quiet'), grid: { stroke: colourOf('--line'), width: 1 },
      ticks: { show: false }, font: '11px system-ui, sans-serif' };
    return {
      width: room.clientWidth,
      height: HEIGHT,
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: 'page' }, y: false, points: { size: 6 }, drag: { x: true, y: false, setScale: false } },
      scales: {
        x: { time: true, range: () => picture.range },
        y: { range: (_, low, high) => bounds(low, high, options.most) },
      },
      axes: [
        { ...axis, space: 70, size: 24, values: (self, ticks, _, __, step) => ticks.map((tick) => tickText(tick, step)) },
        { ...axis, size: AXIS_WIDTH, incrs: STEPS[options.unit], values: (_, ticks) => ticks.map(TICKS[options.unit] ?? show) },
      ],
      series: [{}, ...picture.lines.map((line, index) => seriesOf(line, colourOf(colourName(line, index))))],
      bands: options.isStacked ? picture.lines.slice(1).map((_, index) => ({ series: [index + 2, index + 1] })) : [],
      hooks: {
        ready: [(self) => options.pick && self.over.addEventListener('click', () => pick(self.cursor.idx))],
        setCursor: [(self) => describe(self.cursor.left >= 0 ? self.cursor.idx : null)],
        setSelect: [(self) => self.select.width > 4 && choose(self)],
      },
    };
  }

  function seriesOf({ follows }, stroke) {
    const paths = options.isBars ? globalThis.uPlot.paths.bars({ size: [0.8, 20] }) : undefined;
    const isAlone = picture.lines.length === 1;
    const fill = options.isStacked || options.isBars ? faint(stroke, 0.35) : isAlone ? faint(stroke, 0.1) : undefined;
    const dash = follows === undefined ? undefined : [4, 4];
    return { stroke, width: 1.5, dash, fill, paths, points: { show: false, filter: (self, index) => alone(self.data[index]), size: 5 } };
  }

  function pick(place) {
    const at = picture.times[place];
    if (at !== undefined) options.pick(at * 1000, (at + picture.width) * 1000);
  }

  function choose(self) {
    const [from, to] = [self.select.left, self.select.left + self.select.width].map((left) => self.posToVal(left, 'x') * 1000);
    self.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    visit.change({ range: null, from: addressTime(from), to: addressTime(to), live: null });
  }
}

/** The places of values without neighbours, which no line shows. */
function alone(values) {
  const has = (place) => (values[place] ?? null) !== null;
  return values.flatMap((_, place) => (has(place) && !has(place - 1) && !has(place + 1) ? [place] : []));
}

/** The colour of a line, as the style sheet names it. */
function colourName({ follows }, index) {
  return `--series-${((follows ?? index) % COLOURS) + 1}`;
}

/** The present value of a colour of the style sheet, for the canvas. */
function colourOf(name) {
  const probe = element('span', { hidden: true, style: { color: `var(${name})` } });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

function faint(colour, alpha) {
  return colour.replace('rgb(', 'rgba(').replace(')', `, ${alpha})`);
}

function tableView(options, first) {
  const node = element('div');
  const show = (picture) => replace(node, valueTable(picture, inUnit(options.unit), options.title));
  show(first);
  return {
    node,
    update(answer) {
      const picture = pictureOf(answer, options.lines(answer));
      if (picture) show(picture);
      return picture !== null;
    },
  };
}

function dataOf({ lines, times }, isStacked) {
  const columns = lines.map((line) => times.map((at) => line.values.get(at) ?? null));
  if (isStacked) {
    for (let index = 1; index < columns.length; index += 1) {
      columns[index] = columns[index].map((value, place) => {
        const below = columns[index - 1][place];
        return value === null && below === null ? null : (value ?? 0) + (below ?? 0);
      });
    }
  }
  return [times, ...columns];
}

function bounds(low, high, most) {
  const bottom = Math.min(0, low ?? 0);
  if (most !== undefined) return [bottom, Math.max(most, high ?? 0)];
  return [bottom, high > 0 ? high * 1.08 : 1];
}

function latest(line, times) {
  for (let place = times.length - 1; place >= 0; place -= 1) {
    const value = line.values.get(times[place]) ?? null;
    if (value !== null) return value;
  }
  return null;
}

function tickText(tick, step) {
  const text = timeText(tick * 1000);
  const [date, clock] = [text.slice(5, 10), text.slice(11, step < 60 ? 19 : 16)];
  return step >= 86_400 || clock === '00:00' ? date : clock;
}

function secondsOf(time) {
  return Math.round(Date.parse(time) / 1000);
}
