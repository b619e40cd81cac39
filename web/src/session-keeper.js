// Keeps a signed-in page signed in: renews the access token before its end, and hears of a sign-out in
// another tab. No DOM; listen for `change`.

/** @import { Clock } from './clock.js' */
/** @import { Me, SessionClient } from './session-client.js' */

import { ApiError } from './api.js';
import { Backoff } from './backoff.js';

/** The token is renewed when this much of its life is left. */
export const AHEAD_MS = 60_000;

/**
 * @typedef {{ name: 'opening' } | { name: 'signed_in', me: Me } | { name: 'signed_out' }
 *   | { name: 'unreachable', message: string }} KeeperState
 */
/** @typedef {{ postMessage: (message: unknown) => void, onmessage: ((message: MessageEvent) => void) | null }} Channel */
/** @typedef {{ client: SessionClient, clock: Clock, random: () => number, channel: Channel }} KeeperEnv */

export class SessionKeeper extends EventTarget {
  #env;
  #backoff;
  /** @type {KeeperState} */
  #state = { name: 'opening' };
  #cancelTimer = () => {};

  /** @param {KeeperEnv} env */
  constructor(env) {
    super();
    this.#env = env;
    this.#backoff = new Backoff(env.random);
    env.channel.onmessage = ({ data }) => {
      if (data === 'signed_out') this.#end();
    };
  }

  get state() {
    return this.#state;
  }

  /** When the token ends, by this machine's clock. */
  get expiresAt() {
    return this.#env.client.expiresAt;
  }

  /** Picks the session up by its cookie. */
  async start() {
    try {
      await this.#env.client.refresh();
      this.#set({ name: 'signed_in', me: await this.#env.client.me() });
      this.#schedule();
    } catch (cause) {
      if (isOver(cause)) return this.#end();
      const message = cause instanceof ApiError ? cause.message : '';
      this.#set({ name: 'unreachable', message });
    }
  }

  /** The page can be seen again: timers may have slept. */
  wake() {
    if (this.#state.name === 'signed_in' && this.#untilRenewal() === 0) void this.#renew();
    if (this.#state.name === 'unreachable') void this.start();
  }

  /** @param {{ everywhere: boolean }} reach */
  async signOut(reach) {
    await this.#env.client.logout(reach);
    this.#env.channel.postMessage('signed_out');
    this.#end();
  }

  #untilRenewal() {
    return Math.max(0, this.expiresAt - AHEAD_MS - this.#env.clock.now());
  }

  /** @param {number} [wait] */
  #schedule(wait = Math.max(this.#untilRenewal(), 1_000)) {
    this.#cancelTimer();
    this.#cancelTimer = this.#env.clock.after(wait, () => void this.#renew());
  }

  async #renew() {
    this.#cancelTimer();
    try {
      await this.#env.client.refresh();
      this.#backoff.reset();
      this.#set(this.#state);
      this.#schedule();
    } catch (cause) {
      if (isOver(cause)) return this.#end();
      const asked = cause instanceof ApiError ? (cause.error.retry_after_ms ?? 0) : 0;
      this.#schedule(Math.max(1_000, asked, this.#backoff.next()));
    }
  }

  #end() {
    this.#cancelTimer();
    this.#env.client.forget();
    this.#set({ name: 'signed_out' });
  }

  /** @param {KeeperState} state */
  #set(state) {
    this.#state = state;
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {unknown} cause */
function isOver(cause) {
  return cause instanceof ApiError && Math.floor(cause.error.code / 100) === 401;
}
