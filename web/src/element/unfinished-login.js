// A login that goes on after this page was left for another of the same tab: WeChat's, or the page that
// asks to confirm. Kept in the tab's storage, where no other tab and no server sees it, and no longer
// than it takes.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { Baton } from '../sdk/scan-login.js' */

export const KEPT_FOR_MS = 600_000;
const KEY = 'scangate.login';
const PROBE = 'scangate.probe';

/** @typedef {Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>} Store */
/** `search` is the query of the page that was left. @typedef {{ baton: Baton, search: string }} Left */

export class UnfinishedLogin {
  #env;
  /** The scene of the login that is kept, if one is. */
  scene = '';
  /** Whether anything can be kept at all; where not, the page must not be left. */
  works;

  /** @param {{ store: () => Store, clock: Clock, app: string }} env `store` may throw: it can be forbidden */
  constructor(env) {
    this.#env = env;
    this.works = this.#tryTo((store) => {
      store.setItem(PROBE, '');
      store.removeItem(PROBE);
    });
  }

  /** @param {Left} left @returns {boolean} whether it is kept, so that the page may be left */
  keep({ baton, search }) {
    const { app, clock } = this.#env;
    const text = JSON.stringify({ ...baton, search, app, at: clock.now() });
    return this.#tryTo((store) => {
      store.setItem(KEY, text);
      this.scene = baton.scene;
    });
  }

  /** The login to go on with; one of another app, too old, or not whole is thrown away. @returns {Left | null} */
  read() {
    /** @type {Left | null} */
    let left = null;
    this.#tryTo((store) => {
      const { search, app, at, flow, seq, scene, secret, verifier } = JSON.parse(store.getItem(KEY) ?? '');
      const age = this.#env.clock.now() - at;
      const isWhole = [scene, secret, verifier, flow, search].every((text) => typeof text === 'string') && Number.isInteger(seq);
      if (isWhole && app === this.#env.app && age >= 0 && age <= KEPT_FOR_MS) left = { baton: { scene, secret, seq, verifier, flow }, search };
    });
    if (left) this.scene = /** @type {Left} */ (left).baton.scene;
    else this.clear();
    return left;
  }

  clear() {
    this.scene = '';
    this.#tryTo((store) => store.removeItem(KEY));
  }

  /** @param {(store: Store) => void} act */
  #tryTo(act) {
    try {
      act(this.#env.store());
      return true;
    } catch {
      return false;
    }
  }
}
