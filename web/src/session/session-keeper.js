// Keeps a signed-in page signed in, and knows at once when it no longer is: it renews the access token before
// its end, and hears of the session's end from the gateway and from the other tabs. No DOM; listen for
// `change`.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { SessionRevoked } from '../sdk/protocol.js' */
/** @import { Me, SessionClient } from './session-client.js' */
/** @import { SessionWatch, WatchHandlers } from './session-watch.js' */

import { ApiError, isUnauthenticated } from '../sdk/api.js';
import { Backoff } from '../sdk/backoff.js';

/** Between two tries to get a token. */
const PAUSE_MS = 1_000;
/** How long a page that was refused a token without a reason listens for one: the socket may bring it. */
export const LAST_WORD_MS = 2_000;

/**
 * Why nobody is signed in. `nobody`: there was no session to begin with; `left`: by a button of this very
 * page; `unknown`: the session is over and nobody said why. Else a word of the gateway's.
 * @typedef {'nobody' | 'left' | 'unknown' | (string & {})} Reason
 */
/**
 * @typedef {{ name: 'opening' } | { name: 'signed_in', me: Me } | { name: 'signed_out', reason: Reason }
 *   | { name: 'unreachable', message: string }} KeeperState
 */
/** What the tabs of one app tell each other. @typedef {{ signed_out: string, reason: Reason }} Told */
/** @typedef {{ postMessage: (message: Told) => void, onmessage: ((message: MessageEvent) => void) | null }} Channel */
/**
 * @typedef {object} KeeperEnv
 * @property {SessionClient} client
 * @property {Clock} clock
 * @property {() => number} random
 * @property {Channel} channel
 * @property {(handlers: WatchHandlers) => Pick<SessionWatch, 'start' | 'stop' | 'wake'>} makeWatch
 */

export class SessionKeeper extends EventTarget {
  #env;
  #backoff;
  #watch;
  /** @type {KeeperState} */
  #state = { name: 'opening' };
  /** The session that is signed in, or that was. */
  #session = '';
  #leaving = false;
  #cancelTimer = () => {};

  /** @param {KeeperEnv} env */
  constructor(env) {
    super();
    this.#env = env;
    this.#backoff = new Backoff(env.random);
    this.#watch = env.makeWatch({
      token: () => this.#freshToken(),
      refused: () => this.renew(),
      revoked: (event) => this.#onRevoked(event),
    });
    env.channel.onmessage = ({ data }) => this.#onTold(data);
  }

  get state() {
    return this.#state;
  }

  /** Asks for a token by the cookie: at the start, when one is due, when somebody doubts the session. */
  async renew() {
    if (this.#isOver()) return;
    this.#cancelTimer();
    try {
      this.#onToken(await this.#env.client.refresh());
    } catch (cause) {
      this.#onNoToken(cause);
    }
  }

  /** The page can be seen again, or the network is back: timers may have slept. */
  wake() {
    if (this.#state.name === 'unreachable') void this.renew();
    if (this.#state.name !== 'signed_in') return;
    if (this.#isDue()) void this.renew();
    this.#watch.wake();
  }

  /** @param {{ everywhere: boolean }} reach */
  async signOut(reach) {
    this.#leaving = true;
    try {
      await this.#env.client.logout(reach);
      const reason = reach.everywhere ? 'signed_out_everywhere' : 'signed_out';
      if (this.#end(reason)) this.#tell(reason);
    } catch (cause) {
      if (!this.#isOver()) throw cause;
    } finally {
      this.#leaving = false;
    }
  }

  #isDue() {
    return this.#env.client.renewsAt <= this.#env.clock.now();
  }

  #isOver() {
    return this.#state.name === 'signed_out';
  }

  async #freshToken() {
    if (this.#isDue()) await this.renew();
    return this.#env.client.accessToken;
  }

  /** @param {Me} me */
  #onToken(me) {
    if (this.#isOver()) return;
    this.#backoff.reset();
    this.#schedule(this.#env.client.renewsAt - this.#env.clock.now());
    const before = this.#session;
    this.#session = me.session_id;
    this.#set({ name: 'signed_in', me });
    // Somebody may have signed in again in another tab: the cookie is then of another session.
    if (before === me.session_id) return;
    this.#watch.stop();
    this.#watch.start();
  }

  /** @param {unknown} cause */
  #onNoToken(cause) {
    if (this.#isOver()) return;
    const wasHere = this.#state.name === 'signed_in';
    if (isUnauthenticated(cause)) return this.#onRefused(wasHere, cause.error.reason);
    const known = cause instanceof ApiError ? cause : null;
    if (wasHere) this.#schedule(Math.max(this.#backoff.next(), known?.error.retry_after_ms ?? 0));
    else this.#set({ name: 'unreachable', message: known?.message ?? '' });
  }

  /** @param {boolean} wasHere @param {Reason} [reason] */
  #onRefused(wasHere, reason) {
    if (!wasHere) this.#end('nobody');
    else if (this.#end(reason ?? 'unknown') && reason) this.#tell(reason);
  }

  /** @param {SessionRevoked} event */
  #onRevoked({ session_id, reason = 'unknown' }) {
    if (session_id === this.#session && this.#onWord(reason)) this.#tell(reason);
  }

  /** @param {Told} told */
  #onTold({ signed_out, reason }) {
    if (signed_out === this.#session) this.#onWord(reason);
  }

  /** What the gateway or another tab says of the end. @param {Reason} reason @returns {boolean} whether it counts */
  #onWord(reason) {
    if (reason !== 'replaced' || this.#state.name !== 'signed_in') return this.#end(reason);
    // The cookie of the session that takes the place is set by the answer to its login, which may come after this.
    this.#schedule(0);
    return true;
  }

  /** @param {Reason} reason */
  #tell(reason) {
    this.#env.channel.postMessage({ signed_out: this.#session, reason });
  }

  /** Of two reasons the first one counts, unless it was none. @param {Reason} reason @returns {boolean} whether it counts */
  #end(reason) {
    if (this.#state.name === 'signed_out' && (this.#state.reason !== 'unknown' || reason === 'unknown')) return false;
    this.#cancelTimer();
    this.#env.client.forget();
    if (reason === 'unknown') this.#cancelTimer = this.#env.clock.after(LAST_WORD_MS, () => this.#watch.stop());
    else this.#watch.stop();
    this.#set({ name: 'signed_out', reason: this.#leaving ? 'left' : reason });
    return true;
  }

  /** @param {number} wait */
  #schedule(wait) {
    this.#cancelTimer();
    this.#cancelTimer = this.#env.clock.after(Math.max(wait, PAUSE_MS), () => void this.renew());
  }

  /** @param {KeeperState} state */
  #set(state) {
    this.#state = state;
    this.dispatchEvent(new Event('change'));
  }
}
