// A login that goes on after this page was left for another of the same tab: WeChat's, or the page that
// asks to confirm. Kept in the tab's storage, where no other tab and no server sees it, and no longer
// than it takes.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { Baton } from '../sdk/scan-login.js' */

import { asFlow } from './offer.js';

export const KEPT_FOR_MS = 600_000;
const KEY = 'scangate.login';

/** @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} Store */
/** `search` is the query of the page that was left. @typedef {{ baton: Baton, search: string }} Left */

export class UnfinishedLogin {
  #store;
  #clock;
  #app;
  #scene = '';
  /** @type {boolean | undefined} */
  #works;

  /** @param {{ store: () => Store, clock: Clock, app?: string }} env `store` may throw: it can be forbidden */
  constructor({ store, clock, app }) {
    this.#store = store;
    this.#clock = clock;
    this.#app = app || 'default';
  }

  /** The scene of the login that is kept, if one is. */
  get scene() {
    return this.#scene;
  }

  /** Whether anything can be kept at all; where not, the page must not be left. */
  get works() {
    this.#works ??= this.#probe();
    return this.#works;
  }

  #probe() {
    try {
      this.#store().setItem(`${KEY}.probe`, '1');
      this.#store().removeItem(`${KEY}.probe`);
      return true;
    } catch {
      return false;
    }
  }

  /** @param {Left} left @returns {boolean} whether it is kept, so that the page may be left */
  keep({ baton, search }) {
    try {
      this.#store().setItem(KEY, JSON.stringify({ ...baton, search, app: this.#app, at: this.#clock.now() }));
      this.#scene = baton.scene;
      return true;
    } catch {
      return false;
    }
  }

  /** The login to go on with; one of another app, too old, or not whole is thrown away. @returns {Left | null} */
  read() {
    const left = this.#kept();
    if (left) this.#scene = left.baton.scene;
    else this.clear();
    return left;
  }

  clear() {
    this.#scene = '';
    try {
      this.#store().removeItem(KEY);
    } catch { /* nothing was kept */ }
  }

  /** @returns {Left | null} */
  #kept() {
    try {
      const { search, app, at, flow, seq, scene, secret, verifier } = JSON.parse(this.#store().getItem(KEY) ?? '');
      const age = this.#clock.now() - at;
      const isWhole = [scene, secret, verifier, search].every((text) => typeof text === 'string') && typeof seq === 'number' && asFlow(flow);
      return isWhole && app === this.#app && age >= 0 && age <= KEPT_FOR_MS ? { baton: { scene, secret, seq, verifier, flow }, search } : null;
    } catch {
      return null;
    }
  }
}
