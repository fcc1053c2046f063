// Values as text for people: numbers with units, times in the viewer's zone.

import { element } from './element.js';

const EMPTY = '–';
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

const whole = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });
const day = new Intl.DateTimeFormat('en-CA', { year: 'numeric', month: '2-digit', day: '2-digit' });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** @param {number | null} value @returns {string} `1,234`, `12.3`, `0.042`: three digits that count. */
export function number(value) {
  if (isMissing(value)) return EMPTY;
  const size = Math.abs(value);
  if (size === 0 || size >= 100) return whole.format(value);
  return String(Number(value.toPrecision(size < 1 ? 2 : 3)));
}

/** @param {number | null} value @returns {string} `1.2 k`, `3.4 M`: for places without room. */
export function short(value) {
  return scaled(value, ['', 'k', 'M', 'G', 'T'], 1000);
}

/** @param {number | null} value Bytes. @returns {string} `1.2 GiB` */
export function bytes(value) {
  return scaled(value, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'], 1024);
}

/** @param {number | null} value Megabytes. @returns {string} `1.2 GiB` */
export function megabytes(value) {
  return bytes(isMissing(value) ? null : value * 1_048_576);
}

/** @param {number | null} value Gigabytes. @returns {string} `120 GB`, `1.5 TB` */
export function gigabytes(value) {
  return scaled(value, ['GB', 'TB', 'PB'], 1000);
}

/** @param {number | null} value @returns {string} `93.1 %` */
export function percent(value) {
  return isMissing(value) ? EMPTY : `${number(Math.abs(value) < 0.05 ? 0 : Number(value.toFixed(1)))} %`;
}

/** @param {number | null} value From 0 to 1. */
export function share(value) {
  return percent(isMissing(value) ? null : value * 100);
}

/** @param {number | null} value Per second. @returns {string} `120/s` */
export function rate(value) {
  return isMissing(value) ? EMPTY : `${value >= 10_000 ? short(value) : number(value)}/s`;
}

/** @param {number | null} value Seconds. @returns {string} `340 ms`, `12 s`, `4 min 10 s`, `2 h 5 min`, `3 d 4 h` */
export function seconds(value) {
  if (isMissing(value)) return EMPTY;
  const size = Math.abs(value);
  if (size === 0) return '0 s';
  if (size < 1) return milliseconds(value * 1000);
  if (size < MINUTE) return `${number(value)} s`;
  if (size < HOUR) return parts(value, MINUTE, 'min', 1, 's');
  if (size < DAY) return parts(value, HOUR, 'h', MINUTE, 'min');
  return size < 100 * DAY ? parts(value, DAY, 'd', HOUR, 'h') : `${whole.format(value / DAY)} d`;
}

/** @param {number | null} value Milliseconds. @returns {string} `0.42 ms`, `1.2 s` */
export function milliseconds(value) {
  if (isMissing(value)) return EMPTY;
  return Math.abs(value) < 1000 ? `${number(value)} ms` : seconds(value / 1000);
}

/** @param {number | null} value Milliseconds spent: `1.2 h` and not hours with minutes, because it is compared in a column. */
export function effort(value) {
  if (isMissing(value)) return EMPTY;
  for (const [unit, size] of [['d', DAY], ['h', HOUR], ['min', MINUTE], ['s', 1]]) {
    if (Math.abs(value) >= size * 1000) return `${number(value / size / 1000)} ${unit}`;
  }
  return `${number(value)} ms`;
}

/** @param {string | null} value Of the API. @returns {string} `2026-01-31 12:00:00` in the viewer's zone. */
export function timeText(value) {
  if (!value) return EMPTY;
  const date = new Date(value);
  return `${day.format(date)} ${clock.format(date)}`;
}

/**
 * A time in the viewer's zone, with UTC on hover.
 * @param {string | null} value
 * @returns {HTMLElement | string}
 */
export function time(value) {
  if (!value) return EMPTY;
  const date = new Date(value);
  const isToday = day.format(date) === day.format(new Date());
  return stamp(value, isToday ? clock.format(date) : timeText(value));
}

/**
 * How long ago a time is, or how far ahead, with the time on hover.
 * @param {string | null} value
 * @returns {HTMLElement | string}
 */
export function ago(value) {
  if (!value) return EMPTY;
  const difference = (Date.now() - new Date(value)) / 1000;
  const size = coarse(Math.abs(difference));
  return stamp(value, difference >= 0 ? `${size} ago` : `in ${size}`);
}

/** @param {string | null} value @returns {HTMLElement | string} The day alone: for forecasts. */
export function date(value) {
  return value ? stamp(value, day.format(new Date(value))) : EMPTY;
}

/** @param {any} value @returns {string} Whatever it is; nothing is shown as a dash. */
export function plain(value) {
  return isMissing(value) || value === '' ? EMPTY : String(value);
}

/**
 * The function that writes values of a unit.
 * @param {string} unit As the API names it: `bytes`, `percent`, `seconds`, `ms`; others follow the number.
 * @returns {(value: number | null) => string}
 */
export function inUnit(unit) {
  const times = (size) => (value) => seconds(value === null ? null : value * size);
  const known = {
    bytes, megabytes, percent, seconds, milliseconds, rate, ms: milliseconds, s: seconds, gigabytes, '%': percent, share,
    hours: times(HOUR), minutes: times(MINUTE), days: times(DAY), '': short,
  };
  return known[unit] ?? ((value) => (isMissing(value) ? EMPTY : `${number(value)} ${unit}`));
}

function scaled(value, units, base) {
  if (isMissing(value)) return EMPTY;
  let place = 0;
  let size = value;
  while (Math.abs(size) >= base && place < units.length - 1) {
    size /= base;
    place += 1;
  }
  return `${number(size)}${units[place] ? ` ${units[place]}` : ''}`;
}

function parts(value, large, largeUnit, small, smallUnit) {
  const count = Math.trunc(value / large);
  const rest = Math.trunc(Math.abs(value % large) / small);
  return rest ? `${count} ${largeUnit} ${rest} ${smallUnit}` : `${count} ${largeUnit}`;
}

function coarse(value) {
  for (const [unit, size] of [['d', DAY], ['h', HOUR], ['min', MINUTE]]) {
    if (value >= size) return `${whole.format(Math.floor(value / size))} ${unit}`;
  }
  return `${Math.floor(value)} s`;
}

function stamp(value, text) {
  const utc = new Date(value).toISOString().replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
  return element('time', { datetime: value, title: `${timeText(value)} here\n${utc}` }, text);
}

function isMissing(value) {
  return value === null || value === undefined;
}
