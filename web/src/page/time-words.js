// Points in time as people say them, in the language of the page. Imports nothing.

/** From the longest to the shortest. @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000]];
/** What is longer ago has a date rather than a distance. */
const FAR_MS = 30 * 86_400_000;

/**
 * "5 minutes ago", "yesterday"; a date when it is long ago.
 * @param {number} then epoch milliseconds
 * @param {number} now
 * @param {string} locale
 */
export function ago(then, now, locale) {
  const past = Math.max(0, now - then);
  if (past >= FAR_MS) return day(then, locale);
  const [unit, length] = UNITS.find(([, each]) => past >= each) ?? ['second', Infinity];
  return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-Math.floor(past / length), unit);
}

/** @param {number} then epoch milliseconds @param {string} locale */
export function day(then, locale) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }).format(then);
}

/** Date and time of day. @param {number} then epoch milliseconds @param {string} locale */
export function moment(then, locale) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(then);
}

/** What machines read. @param {number} then epoch milliseconds */
export function machineTime(then) {
  return new Date(then).toISOString();
}

/** A countdown: "9:05". @param {number} ms */
export function minutes(ms) {
  const seconds = Math.ceil(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
