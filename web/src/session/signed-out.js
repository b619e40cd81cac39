// Why nobody is signed in. Imports nothing.

/**
 * Why nobody is signed in. Of this side: `nobody`, there was no session to begin with; `left`, by `signOut` of this
 * very page; `unknown`, it is over and nobody said why. The others are the gateway's words (PROTOCOL.md says what each
 * means), and it may learn new ones: take those for `unknown`.
 * @typedef {'nobody' | 'left' | 'unknown' | 'signed_out' | 'signed_out_elsewhere' | 'signed_out_everywhere' | 'replaced'
 *   | 'reuse' | 'grant_burnt' | 'password_changed' | 'merged' | 'erased' | 'expired' | (string & {})} Reason
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
