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
  /** @type {boolean | null} */
  #works = null;

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
    const left = this.#usable(this.#parsed());
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

  #probe() {
    try {
      this.#store().setItem(`${KEY}.probe`, '1');
      this.#store().removeItem(`${KEY}.probe`);
      return true;
    } catch {
      return false;
    }
  }

  /** @returns {Record<string, unknown> | null} */
  #parsed() {
    try {
      return JSON.parse(this.#store().getItem(KEY) ?? 'null');
    } catch {
      return null;
    }
  }

  /** @param {Record<string, unknown> | null} record @returns {Left | null} */
  #usable(record) {
    const { scene, secret, seq, verifier, flow: named, search, app, at } = record ?? {};
    const flow = asFlow(String(named));
    const age = typeof at === 'number' ? this.#clock.now() - at : NaN;
    if (app !== this.#app || !(age >= 0 && age <= KEPT_FOR_MS) || !flow) return null;
    if (typeof scene !== 'string' || typeof secret !== 'string' || typeof verifier !== 'string') return null;
    if (typeof seq !== 'number' || typeof search !== 'string') return null;
    return { baton: { scene, secret, seq, verifier, flow }, search };
  }
}
