// When to come back after a link ended, by what the close meant.

/** @import { Backoff } from './backoff.js' */
/** @import { CloseMeaning, WireError } from './protocol.js' */

/**
 * How a link ended; `blocked` when the network lets no socket through and the gateway has no other
 * way. `retryInMs` is `null` when it will not come back by itself.
 * @typedef {object} Fall
 * @property {number} code
 * @property {CloseMeaning | 'blocked'} meaning
 * @property {WireError} [error] the `error` event before the close, if there was one
 * @property {string} [requestId] of the HTTP answer that said so
 * @property {number | null} retryInMs
 */

const LONGEST_MS = 3_600_000;
const OVERLOADED_MS = 5_000;
const LIMITED_MS = 10_000;

/**
 * @param {CloseMeaning} meaning
 * @param {number | undefined} askedMs `retry_after_ms` of the error or `reconnect_in_ms` of the drain before it
 * @param {Backoff} backoff
 * @param {() => number} random
 * @returns {number | null} milliseconds, or `null` for never
 */
export function retryIn(meaning, askedMs, backoff, random) {
  const asked = askedMs === undefined ? undefined : Math.min(Math.max(askedMs, 0), LONGEST_MS);
  switch (meaning) {
    case 'lost':
    case 'scene_gone':
    case 'too_slow':
      return Math.max(backoff.next(), asked ?? 0);
    case 'restart':
      return asked ?? Math.round(1_000 + random() * 9_000);
    case 'overloaded':
      return Math.max(OVERLOADED_MS, asked ?? Math.round(OVERLOADED_MS * (1 + random())));
    case 'limited':
      return asked ?? Math.round(LIMITED_MS * (1 + random()));
    default:
      return null;
  }
}

/**
 * Whether the gateway named the wait, so that nothing here may shorten it.
 * @param {CloseMeaning} meaning
 */
export function isOrdered(meaning) {
  return meaning === 'restart' || meaning === 'overloaded' || meaning === 'limited';
}
