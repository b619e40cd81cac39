// Whether this browser has had a session: the cookie itself no script can see, and asking the gateway in vain
// leaves an error in the console of everybody who comes for the first time.

/** @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} Store */

export class SessionHint {
  #store;
  #key;

  /** @param {{ store: () => Store, app?: string }} env `store` may throw: it can be forbidden */
  constructor({ store, app = 'default' }) {
    this.#store = store;
    this.#key = `scangate.session.${app}`;
  }

  /** Where nothing can be kept, nothing is known, and there may be one. */
  get mayBeHere() {
    try {
      return this.#store().getItem(this.#key) !== null;
    } catch {
      return true;
    }
  }

  /** @param {boolean} here */
  set(here) {
    try {
      if (here) this.#store().setItem(this.#key, '1');
      else this.#store().removeItem(this.#key);
    } catch { /* forbidden */ }
  }
}
