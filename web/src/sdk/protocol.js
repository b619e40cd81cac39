// The wire of scan.v1: what may be said, what may be heard, what a close code means. Imports nothing.
// The prose version is PROTOCOL.md.

export const SUBPROTOCOL = 'scan.v1';

/** @typedef {'h5' | 'official_account' | 'website'} Flow */
/** @type {readonly Flow[]} */
export const FLOWS = ['h5', 'official_account', 'website'];

/** @typedef {'zh-CN' | 'en'} Locale */
/** @typedef {{ name?: string, avatar?: string, id?: string }} Person */

/**
 * @typedef {object} WireError
 * @property {number} code HTTP status times 100, plus n
 * @property {string} name
 * @property {string} message a sentence for the person, in the language of `start`
 * @property {boolean} retryable
 * @property {number} [retry_after_ms]
 * @property {string} [reason] why the session was ended, of 40102
 */

/**
 * What every state event carries. `seq` starts at 1 and grows by one with each change of the scene.
 * @typedef {{ seq: number, scene: string, at: number, trace_id: string, replay?: true }} Stamp
 */
/** @typedef {{ expires_at: number }} Live */
/** @typedef {Stamp & Live & { type: 'pending', secret: string, flow: Flow, qr?: { text: string, svg?: string }, embed_url?: string }} Pending */
/** @typedef {Stamp & Live & { type: 'scanned', user?: Person }} Scanned */
/** @typedef {Stamp & Live & { type: 'verifying', code_length: number, tries_left: number }} Verifying */
/** @typedef {Stamp & Live & { type: 'authorized', grant: string, user: Person }} Authorized */
/** @typedef {Stamp & { type: 'rejected', by: 'user' | 'policy', reason?: string }} Rejected */
/** @typedef {Stamp & { type: 'expired' }} Expired */
/** @typedef {Stamp & { type: 'cancelled' }} Cancelled */
/** @typedef {Stamp & { type: 'failed', error: WireError }} Failed */
/** @typedef {Pending | Scanned | Verifying | Authorized | Rejected | Expired | Cancelled | Failed} StateEvent */

/** @typedef {{ type: 'hello', v: number, now: number, ping_interval_ms: number, node: string }} Hello */
/** @typedef {{ type: 'ping', now: number }} Ping */
/** @typedef {{ type: 'drain', reconnect_in_ms: number }} Drain */
/** @typedef {{ type: 'error', error: WireError, ref?: string }} Refused */
/** @typedef {{ type: 'attached', session_id: string }} Attached */
/** @typedef {{ type: 'session_revoked', session_id: string, reason?: string }} SessionRevoked */
/** @typedef {Hello | Ping | Drain | Refused | Attached | SessionRevoked} ControlEvent */
/** @typedef {StateEvent | ControlEvent} ServerEvent */

/** @typedef {{ type: 'start', challenge: string, flow?: Flow, app?: string, locale?: Locale, return_to?: string, svg?: boolean }} Start */
/** @typedef {{ type: 'resume', scene: string, secret: string, seq: number }} Resume */
/** @typedef {{ type: 'refresh' } | { type: 'cancel' } | { type: 'pong' }} Bare */
/** @typedef {{ type: 'verify', code: string }} Verify */
/** @typedef {{ type: 'attach', access_token: string }} Attach */
/** @typedef {Start | Resume | Bare | Verify | Attach} Command */

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
