// The wire of scan.v1: what may be said, what may be heard, what a close code means. Imports nothing.
// The prose version is PROTOCOL.md.

export const SUBPROTOCOL = 'scan.v1';

/** @import * as wire from './wire.d.ts' */
/** @typedef {wire.Flow} Flow */
/** @type {readonly Flow[]} */
export const FLOWS = ['h5', 'official_account', 'website'];

/** @typedef {wire.Locale} Locale */
/** @typedef {wire.Person & Partial<wire.User>} Person */
/** @typedef {wire.ErrorName} ErrorName */
/** @typedef {wire.SessionEndReason} SessionEndReason */
/**
 * An error as a page meets it. The gateway may be newer than this file and know more words, and a proxy in front of it none.
 * @typedef {Omit<wire.WireError, 'code' | 'name' | 'reason'>
 *   & { code: number, name: ErrorName | (string & {}), reason?: SessionEndReason | (string & {}) }} WireError
 */

/** @typedef {wire.Pending} Pending */
/** @typedef {wire.Scanned} Scanned */
/** @typedef {wire.Verifying} Verifying */
/** @typedef {wire.Authorized} Authorized */
/** @typedef {wire.Rejected} Rejected */
/** @typedef {wire.Expired} Expired */
/** @typedef {wire.Cancelled} Cancelled */
/** @typedef {wire.Failed} Failed */
/** @typedef {wire.StateEvent} StateEvent */

/** @typedef {wire.Hello} Hello */
/** @typedef {wire.Ping} Ping */
/** @typedef {wire.Drain} Drain */
/** @typedef {{ type: 'error', error: WireError, ref?: string }} Refused */
/** @typedef {wire.Attached} Attached */
/** @typedef {{ type: 'session_revoked', session_id: string, reason?: SessionEndReason | (string & {}) }} SessionRevoked */
/** @typedef {Hello | Ping | Drain | Refused | Attached | SessionRevoked} ControlEvent */
/** @typedef {StateEvent | ControlEvent} ServerEvent */

/** @typedef {wire.Start} Start */
/** @typedef {wire.Resume} Resume */
/** @typedef {wire.Verify} Verify */
/** @typedef {wire.Attach} Attach */
/** @typedef {wire.Command} Command */

/** From these, only a new scene leads on. */
export const ENDS = ['rejected', 'expired', 'cancelled', 'failed'];
const STATES = ['pending', 'scanned', 'verifying', 'authorized', ...ENDS];

/**
 * A value off the wire as an event, or `null` when it is none, or a state of an unknown name: such are
 * ignored, so that the gateway may learn new ones. An unknown event about the connection does no harm.
 * @param {any} value
 * @returns {ServerEvent | null}
 */
export function asEvent(value) {
  return value?.type && (STATES.includes(value.type) ? value.seq > 0 : !('seq' in value)) ? value : null;
}

/**
 * @param {unknown} frame the data of one message
 * @returns {ServerEvent | null}
 */
export function decode(frame) {
  try {
    return asEvent(JSON.parse(/** @type {string} */ (frame)));
  } catch {
    return null;
  }
}

/**
 * Whether the scene is over: nothing but a new one follows.
 * @param {StateEvent} event
 */
export function isEnd(event) {
  return !('expires_at' in event);
}

/** @param {ServerEvent} event @returns {event is StateEvent} */
export function isState(event) {
  return 'seq' in event;
}

/**
 * What a page does about a closed link. `finished`, `refused`, `taken_over`, `redeemed`, `token_refused`
 * stop; `outdated` reloads; the others come back: `lost` by back-off, `restart` and `overloaded` and
 * `limited` after the time that was named, `scene_gone` with a new scene, `too_slow` with its first
 * command again.
 * @typedef {'finished' | 'lost' | 'restart' | 'overloaded' | 'refused' | 'token_refused' | 'scene_gone'
 *   | 'too_slow' | 'taken_over' | 'redeemed' | 'outdated' | 'limited'} CloseMeaning
 */

/** @type {Record<number, CloseMeaning>} */
const CLOSE_MEANINGS = {
  1000: 'finished',
  1012: 'restart',
  1013: 'overloaded',
  4401: 'token_refused',
  4404: 'scene_gone',
  4408: 'too_slow',
  4409: 'taken_over',
  4410: 'redeemed',
  4426: 'outdated',
  4429: 'limited',
};

/**
 * Broken framing is a bug that coming back does not mend. Codes not in the table follow the rule of their range: 44xx does not come back, anything else is a
 * lost link.
 * @param {number} code
 * @returns {CloseMeaning}
 */
export function closeMeaning(code) {
  return CLOSE_MEANINGS[code] ?? ([1002, 1003, 1007, 1008, 1009].includes(code) || (code >= 4400 && code < 4600) ? 'refused' : 'lost');
}
