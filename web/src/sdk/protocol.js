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

/** @typedef {'string' | 'number' | 'object'} Kind */

/** @type {Record<string, Kind>} */
const STAMP = { seq: 'number', scene: 'string', at: 'number', trace_id: 'string' };
/** @type {Record<string, Kind>} */
const LIVE = { ...STAMP, expires_at: 'number' };

/** The fields an event must have to be taken for what it says it is. @type {Record<string, Record<string, Kind>>} */
const FIELDS = {
  pending: { ...LIVE, secret: 'string', flow: 'string' },
  scanned: LIVE,
  verifying: { ...LIVE, code_length: 'number', tries_left: 'number' },
  authorized: { ...LIVE, grant: 'string', user: 'object' },
  rejected: { ...STAMP, by: 'string' },
  expired: STAMP,
  cancelled: STAMP,
  failed: { ...STAMP, error: 'object' },
  hello: { v: 'number', now: 'number', ping_interval_ms: 'number', node: 'string' },
  ping: { now: 'number' },
  drain: { reconnect_in_ms: 'number' },
  error: { error: 'object' },
  attached: { session_id: 'string' },
  session_revoked: { session_id: 'string' },
};
const SHAPES = new Map(Object.entries(FIELDS));

/** Every event type this page understands. */
export const EVENT_TYPES = [...SHAPES.keys()];

/**
 * A value off the wire as an event, or `null` when it is of an unknown type or lacks a field: such
 * events are ignored, so that the gateway may learn new ones.
 * @param {unknown} value
 * @returns {ServerEvent | null}
 */
export function asEvent(value) {
  if (typeof value !== 'object' || value === null) return null;
  const fields = /** @type {Record<string, unknown>} */ (value);
  const shape = SHAPES.get(String(fields.type));
  if (!shape) return null;
  const whole = Object.entries(shape).every(([name, kind]) => fields[name] !== null && typeof fields[name] === kind);
  return whole ? /** @type {ServerEvent} */ (value) : null;
}

/**
 * @param {unknown} frame the data of one WebSocket message
 * @returns {ServerEvent | null}
 */
export function decode(frame) {
  if (typeof frame !== 'string') return null;
  try {
    return asEvent(JSON.parse(frame));
  } catch {
    return null;
  }
}

/** @param {Command} command */
export function encode(command) {
  return JSON.stringify(command);
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

/** @type {Map<number, CloseMeaning>} */
const CLOSE_MEANINGS = new Map([
  [1000, 'finished'],
  [1002, 'refused'],
  [1003, 'refused'],
  [1007, 'refused'],
  [1008, 'refused'],
  [1009, 'refused'],
  [1012, 'restart'],
  [1013, 'overloaded'],
  [4401, 'token_refused'],
  [4404, 'scene_gone'],
  [4408, 'too_slow'],
  [4409, 'taken_over'],
  [4410, 'redeemed'],
  [4426, 'outdated'],
  [4429, 'limited'],
]);

/**
 * Codes not in the table follow the rule of their range: 44xx does not come back, anything else is a
 * lost link.
 * @param {number} code
 * @returns {CloseMeaning}
 */
export function closeMeaning(code) {
  return CLOSE_MEANINGS.get(code) ?? (code >= 4400 && code < 4600 ? 'refused' : 'lost');
}

/**
 * The close code a socket would have had after this error: what the HTTP fallback goes by. `null`
 * where the socket would have stayed open. `not_found` means there is no such address here, which
 * coming back does not change; an unknown scene is `scene_not_found`.
 * @param {number} code
 * @returns {number | null}
 */
export function closeAfter(code) {
  if (code === 40900) return null;
  if (code === 40400) return 4403;
  if (code === 50300) return 1013;
  if (code === 50301) return 1012;
  const status = Math.floor(code / 100);
  return status >= 500 ? 1011 : 4000 + status;
}
