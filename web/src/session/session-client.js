// The session a login opens: grant → tokens, refresh, sign out, the list of all sessions. The access token
// lives here, in memory, and nowhere else; the refresh token is a cookie that no script can read.

/** @import { Api } from '../sdk/api.js' */
/** @import { Clock } from '../sdk/clock.js' */
/** @import { SessionHint } from './session-hint.js' */

import { ApiError, NoAnswer, isUnauthenticated } from '../sdk/api.js';
import { Backoff } from '../sdk/backoff.js';

/** @typedef {{ id: string, name?: string, avatar?: string }} User */
/** @typedef {{ user: User, session_id: string }} Me */
/** @typedef {Me & { access_token: string, expires_in: number }} TokenAnswer */
/**
 * One line of the list. Times are epoch milliseconds.
 * @typedef {object} Session
 * @property {string} id
 * @property {boolean} current whether it is the one that asks
 * @property {string} app
 * @property {string} browser
 * @property {string} system
 * @property {string} ip
 * @property {string} [place]
 * @property {number} created_at
 * @property {number} last_seen_at
 */
/** @typedef {<T>(name: string, run: () => Promise<T>) => Promise<T>} Exclusively runs one at a time across the tabs of this browser */
/** @typedef {{ api: Api, clock: Clock, random: () => number, exclusively: Exclusively, hint: SessionHint, app?: string }} SessionEnv */

/** The gateway gives the same answer to the same verifier for 60 s. */
const REDEEM_WITHIN_MS = 50_000;
/** It gives the same successor to the old cookie for 10 s, then takes it for stolen: two tries must fit. */
const REFRESH_MS = 4_000;
/** The token is renewed when this much of its life is left, or the last third of a short life. */
export const AHEAD_MS = 60_000;

/** The session was forgotten while the gateway was asked about it. */
export class Forgotten extends Error {}

export class SessionClient {
  #env;
  /** @type {{ text: string, renewsAt: number, expiresAt: number } | null} */
  #token = null;
  /** @type {Promise<Me> | null} */
  #refreshing = null;
  /** Grows when the session is forgotten: answers on their way are then for nobody. */
  #era = 0;

  /** @param {SessionEnv} env */
  constructor(env) {
    this.#env = env;
  }

  /** What calls are made with; empty without a session. */
  get accessToken() {
    return this.#token?.text ?? '';
  }

  /** When a new token is due, by this machine's clock; 0 without one. */
  get renewsAt() {
    return this.#token?.renewsAt ?? 0;
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

  /** A new access token by the cookie; whoever asks meanwhile gets the same answer. @returns {Promise<Me>} */
  refresh() {
    if (this.#refreshing) return this.#refreshing;
    const refreshing = this.#refresh().finally(() => {
      if (this.#refreshing === refreshing) this.#refreshing = null;
    });
    this.#refreshing = refreshing;
    return refreshing;
  }

  /** Who this browser belongs to already, or `null`. @returns {Promise<User | null>} */
  async whoIsHere() {
    if (!this.#env.hint.mayBeHere) return null;
    try {
      return (await this.refresh()).user;
    } catch (cause) {
      if (isUnauthenticated(cause)) this.forget();
      return null;
    }
  }

  /** All sessions of the user. @returns {Promise<Session[]>} */
  async sessions() {
    return /** @type {Session[]} */ (await this.#asOwner((authorization) => this.#env.api.get('/sessions', { authorization })));
  }

  /** Ends one session of the user; one that is over already is as good. @param {string} id */
  async endSession(id) {
    const path = `/sessions/${encodeURIComponent(id)}`;
    try {
      await this.#asOwner((authorization) => this.#env.api.delete(path, { authorization }));
    } catch (cause) {
      if (!(cause instanceof ApiError && cause.error.code === 40400)) throw cause;
    }
  }

  /** @param {{ everywhere: boolean }} reach */
  async logout({ everywhere }) {
    await this.#alone(async () => {
      const body = everywhere ? { ...this.#scope(), everywhere } : this.#scope();
      const authorization = this.#bearer();
      await this.#env.api.post('/auth/logout', authorization ? { authorization, body } : { body });
      this.forget();
    });
  }

  forget() {
    this.#era += 1;
    this.#token = null;
    this.#refreshing = null;
    this.#env.hint.set(false);
  }

  /**
   * One tab at a time: the cookie changes with each call. A lost answer may have changed it, so the old
   * one is shown again at once, before anything else is done.
   * @returns {Promise<Me>}
   */
  async #refresh() {
    const era = this.#era;
    const ask = () => this.#env.api.post('/auth/refresh', { body: this.#scope(), limitMs: REFRESH_MS });
    return this.#alone(async () => {
      this.#expect(era);
      const answer = await ask().catch((cause) => {
        if (cause instanceof NoAnswer) return ask();
        throw cause;
      });
      this.#expect(era);
      return this.#keep(answer);
    });
  }

  /** @param {number} era */
  #expect(era) {
    if (era !== this.#era) throw new Forgotten();
  }

  /**
   * A call with the access token. A gateway that does not take it, its clock or its keys being others by
   * now, is asked once more with a new one.
   * @template T
   * @param {(authorization: string) => Promise<T>} call
   */
  async #asOwner(call) {
    const era = this.#era;
    if (!this.#token || this.#token.expiresAt <= this.#env.clock.now()) await this.refresh();
    try {
      return await call(this.#bearer());
    } catch (cause) {
      if (!isUnauthenticated(cause)) throw cause;
      this.#expect(era);
      await this.refresh();
      return call(this.#bearer());
    }
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

  /** @param {unknown} answer @returns {Me} */
  #keep(answer) {
    const { access_token: text, expires_in, user, session_id } = /** @type {TokenAnswer} */ (answer);
    const life = expires_in * 1_000;
    const expiresAt = this.#env.clock.now() + life;
    this.#token = { text, renewsAt: expiresAt - Math.min(AHEAD_MS, life / 3), expiresAt };
    this.#env.hint.set(true);
    return { user, session_id };
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
