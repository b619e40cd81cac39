// When to come back after a link ended, by what the close meant.

/** @import { Backoff } from './backoff.js' */
/** @import { CloseMeaning, WireError } from './protocol.js' */

/**
 * How a link ended. `retryInMs` is `null` when it will not come back by itself.
 * @typedef {object} Fall
 * @property {CloseMeaning} meaning
 * @property {WireError | undefined} [error] the `error` event before the close, if there was one
 * @property {string | undefined} [trace_id] of the HTTP answer that said so
 * @property {number | null} retryInMs
 */

const LONGEST_MS = 3_600_000;
/** Where the gateway names the wait, or would have: its least, and from where on it is drawn, and how far. @type {Record<string, [number, number, number] | undefined>} */
const NAMED_MS = { restart: [0, 1_000, 9_000], overloaded: [5_000, 5_000, 5_000], limited: [0, 10_000, 10_000] };

/**
 * @param {CloseMeaning} meaning
 * @param {number | undefined} askedMs `retry_after_ms` of the error or `reconnect_in_ms` of the drain before it
 * @param {Backoff} backoff
 * @param {() => number} random
 * @returns {number | null} milliseconds, or `null` for never
 */
export function retryIn(meaning, askedMs, backoff, random) {
  const asked = askedMs && Math.min(askedMs, LONGEST_MS);
  if (['lost', 'scene_gone', 'too_slow'].includes(meaning)) return Math.max(backoff.next(), asked ?? 0);
  const named = NAMED_MS[meaning];
  return named ? Math.max(named[0], asked ?? named[1] + random() * named[2]) : null;
}

/**
 * Whether the gateway named the wait, so that nothing here may shorten it.
 * @param {CloseMeaning} meaning
 */
export function isOrdered(meaning) {
  return meaning in NAMED_MS;
}
