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
