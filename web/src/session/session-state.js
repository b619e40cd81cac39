// What is known of the session: who is signed in, or why nobody is.

/** @import { Me } from './session-client.js' */

/**
 * Why nobody is signed in. Of this side: `nobody`, there was no session to begin with; `left`, by `signOut` of this
 * very page; `unknown`, it is over and nobody said why. The others are the gateway's words (PROTOCOL.md says what each
 * means), and it may learn new ones: take those for `unknown`.
 * @typedef {'nobody' | 'left' | 'unknown' | 'signed_out' | 'signed_out_elsewhere' | 'signed_out_everywhere' | 'replaced'
 *   | 'reuse' | 'grant_burnt' | 'password_changed' | 'merged' | 'erased' | 'expired' | (string & {})} Reason
 */
/** @typedef {{ readonly type: 'opening' }} Opening Nobody has asked yet, or the answer is on its way */
/** @typedef {Readonly<Me> & { readonly type: 'signed_in' }} SignedIn */
/** @typedef {{ readonly type: 'signed_out', readonly reason: Reason }} SignedOut */
/**
 * Whether somebody is signed in cannot be told: the gateway does not answer, or is in trouble. It is asked again by
 * itself. `message` is its sentence for the person, empty where it said nothing.
 * @typedef {{ readonly type: 'unreachable', readonly message: string }} Unreachable
 */
/** @typedef {Opening | SignedIn | SignedOut | Unreachable} SessionState */
/**
 * Each has the state as `detail`. `statechange` comes with every change; before it the one named after the state, when that
 * begins: somebody is signed in who was not before, nobody is any more.
 * @typedef {{ [Type in Exclude<SessionState['type'], 'opening'>]: CustomEvent<Extract<SessionState, { type: Type }>> }
 *   & { statechange: CustomEvent<SessionState> }} SessionEvents
 */

/** Nobody is signed in, so there is no token. */
export class SignedOutError extends Error {
  /** @param {Reason} reason */
  constructor(reason) {
    super(`signed out: ${reason}`);
    this.name = 'SignedOutError';
    /** Why; see {@link Reason}. */
    this.reason = reason;
  }
}
