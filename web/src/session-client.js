// The session a login opens: grant → tokens, refresh, who am I, sign out. The access token lives here,
// in memory, and nowhere else; the refresh token is a cookie that no script can read.

/** @import { Api } from './api.js' */
/** @import { Clock } from './clock.js' */

import { ApiError, NoAnswer } from './api.js';
import { Backoff } from './backoff.js';

/** @typedef {{ id: string, name?: string, avatar?: string }} User */
/** @typedef {{ access_token: string, expires_in: number, session_id: string, user: User }} TokenAnswer */
/** @typedef {{ user: User, session_id: string }} Me */
/** @typedef {<T>(name: string, run: () => Promise<T>) => Promise<T>} Exclusively runs one at a time across the tabs of this browser */
/** @typedef {{ api: Api, clock: Clock, random: () => number, exclusively: Exclusively, app?: string }} SessionEnv */

/** The gateway gives the same answer to the same verifier for 60 s. */
const REDEEM_WITHIN_MS = 50_000;
/** It gives the same successor to the old cookie for 10 s, then takes it for stolen: two tries must fit. */
const REFRESH_MS = 4_000;

export class SessionClient {
  #env;
  /** @type {{ text: string, expiresAt: number } | null} */
  #token = null;

  /** @param {SessionEnv} env */
  constructor(env) {
    this.#env = env;
  }

  /** When the access token ends, by this machine's clock; 0 without one. */
  get expiresAt() {
    return this.#token?.expiresAt ?? 0;
  }

  /**
   * Turns the grant into a session. When the answer is lost it asks again with the same verifier: a
   * lost answer is not a lost login.
   * @param {string} grant
   * @param {string} verifier
   * @returns {Promise<User>}
   */
  async redeem(grant, verifier) {
    const backoff = new Backoff(this.#env.random);
    const until = this.#env.clock.now() + REDEEM_WITHIN_MS;
    for (;;) {
      try {
        return await this.#alone(async () => {
          const answer = await this.#env.api.post('/auth/token', { body: { grant, verifier } });
          return this.#keep(answer).user;
        });
      } catch (cause) {
        const wait = Math.max(backoff.next(), askedWait(cause));
        if (!mayHelp(cause) || this.#env.clock.now() + wait > until) throw cause;
        await this.#sleep(wait);
      }
    }
  }

  /**
   * A new access token by the cookie, one tab at a time: the cookie changes with each call. A lost
   * answer may have changed it, so the old one is shown again at once, before anything else is done.
   */
  async refresh() {
    const ask = () => this.#env.api.post('/auth/refresh', { body: this.#scope(), limitMs: REFRESH_MS });
    await this.#alone(async () => {
      this.#keep(await ask().catch((cause) => {
        if (cause instanceof NoAnswer) return ask();
        throw cause;
      }));
    });
  }

  /** @returns {Promise<Me>} */
  async me() {
    return /** @type {Me} */ (await this.#env.api.get('/me', { authorization: this.#bearer() }));
  }

  /** Who this browser belongs to already, or `null`; asks nobody anything. @returns {Promise<User | null>} */
  async whoIsHere() {
    try {
      await this.refresh();
      return (await this.me()).user;
    } catch {
      return null;
    }
  }

  /** @param {{ everywhere: boolean }} reach */
  async logout({ everywhere }) {
    const body = everywhere ? { ...this.#scope(), everywhere } : this.#scope();
    const authorization = this.#bearer();
    await this.#env.api.post('/auth/logout', authorization ? { authorization, body } : { body });
    this.forget();
  }

  forget() {
    this.#token = null;
  }

  /**
   * What writes the refresh cookie is done by one call at a time: the answer that comes last wins.
   * @template T
   * @param {() => Promise<T>} run
   * @returns {Promise<T>}
   */
  #alone(run) {
    return this.#env.exclusively(`scangate-refresh-${this.#env.app ?? 'default'}`, run);
  }

  #scope() {
    return this.#env.app ? { app: this.#env.app } : {};
  }

  #bearer() {
    return this.#token ? `Bearer ${this.#token.text}` : '';
  }

  /** @param {unknown} answer */
  #keep(answer) {
    const tokens = /** @type {TokenAnswer} */ (answer);
    const expiresAt = this.#env.clock.now() + tokens.expires_in * 1_000;
    this.#token = { text: tokens.access_token, expiresAt };
    return tokens;
  }

  /** @param {number} ms @returns {Promise<void>} */
  #sleep(ms) {
    return new Promise((resolve) => void this.#env.clock.after(ms, resolve));
  }
}

/** @param {unknown} cause */
function mayHelp(cause) {
  return cause instanceof NoAnswer || (cause instanceof ApiError && cause.error.retryable);
}

/** @param {unknown} cause */
function askedWait(cause) {
  return cause instanceof ApiError ? (cause.error.retry_after_ms ?? 0) : 0;
}

/** Web Locks where there are any; they need a secure context. @type {Exclusively} */
export async function exclusively(name, run) {
  if (!navigator.locks) return run();
  return /** @type {Promise<any>} */ (navigator.locks.request(name, run));
}
