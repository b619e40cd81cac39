// The calls that begin, renew and end a session, one at a time among the tabs of a browser. The access token
// lives here, in memory, and nowhere else; the refresh token is a cookie that no script can read.

/** @import { Api, Call } from '../sdk/api.js' */
/** @import { Clock } from '../sdk/clock.js' */
/** @import { TokenAnswer, User } from '../sdk/redeem.js' */
/** @import { SessionHint } from './session-hint.js' */

import { NoAnswer } from '../sdk/api.js';
import { redeemGrant } from '../sdk/redeem.js';

/** @typedef {{ user: User, session_id: string }} Me Who is signed in, and in which session */
/** @typedef {{ username: string, password: string }} Credentials */
/**
 * One line of the list. Times are epoch milliseconds.
 * @typedef {object} ListedSession
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
/**
 * @typedef {object} ClientEnv
 * @property {Api} api
 * @property {Clock} clock
 * @property {() => number} random
 * @property {Exclusively} exclusively
 * @property {SessionHint} hint
 * @property {string} [app]
 * @property {AbortSignal} [signal] ends every call and every wait
 */

/** It gives the same successor to the old cookie for 10 s, then takes it for stolen: two tries must fit. */
const REFRESH_MS = 4_000;
/** The token is renewed when this much of its life is left, or the last third of a short life. */
export const AHEAD_MS = 60_000;

/** The session was forgotten, or another one opened, while the gateway was asked about it. */
export class Forgotten extends Error {}

export class SessionClient {
  #env;
  /** @type {{ text: string, renewsAt: number, expiresAt: number } | null} */
  #token = null;
  /** @type {Promise<Me> | null} */
  #refreshing = null;
  /** Grows when a session is forgotten or opened: answers of before that are then for nobody. */
  #era = 0;

  /** @param {ClientEnv} env */
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

  /** Until when the token is good, by this machine's clock; 0 without one. */
  get expiresAt() {
    return this.#token?.expiresAt ?? 0;
  }

  /** The refresh under way. */
  get refreshing() {
    return this.#refreshing;
  }

  /**
   * Turns the grant into a session; a lost answer is asked for again. Between two tries others may ask.
   * @param {string} grant
   * @param {string} verifier
   * @returns {Promise<Me>}
   */
  redeem(grant, verifier) {
    return redeemGrant({ ...this.#env, api: { post: (path, call) => this.#open(path, call?.body) } }, grant, verifier);
  }

  /** A new user with a password. @param {Credentials} credentials */
  register(credentials) {
    return this.#open('/auth/register', { ...credentials, ...this.#scope() });
  }

  /** @param {Credentials} credentials */
  login(credentials) {
    return this.#open('/auth/login', { ...credentials, ...this.#scope() });
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

  /** @param {{ everywhere: boolean }} reach */
  async logout({ everywhere }) {
    await this.#alone(async () => {
      const authorization = this.accessToken && `Bearer ${this.accessToken}`;
      const body = { ...this.#scope(), ...(everywhere && { everywhere }) };
      await this.#post('/auth/logout', { body, ...(authorization && { authorization }) });
      this.forget();
    });
  }

  forget() {
    this.#turn();
    this.#token = null;
    this.#env.hint.set(false);
  }

  /**
   * One tab at a time: the cookie changes with each call. A lost answer may have changed it, so the old
   * one is shown again at once, before anything else is done.
   * @returns {Promise<Me>}
   */
  async #refresh() {
    const era = this.#era;
    const ask = () => this.#post('/auth/refresh', { body: this.#scope(), limitMs: REFRESH_MS });
    return this.#alone(async () => {
      this.#expect(era);
      const asked = ask().catch((cause) => {
        if (cause instanceof NoAnswer) return ask();
        throw cause;
      });
      return this.#keep(await asked.finally(() => this.#expect(era)));
    });
  }

  /** @param {number} era */
  #expect(era) {
    if (era !== this.#era) throw new Forgotten();
  }

  #turn() {
    this.#era += 1;
    this.#refreshing = null;
  }

  /** @param {string} path @param {unknown} body */
  #open(path, body) {
    return this.#alone(async () => {
      const answer = await this.#post(path, { body });
      this.#turn();
      return this.#keep(answer);
    });
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

  /** @param {string} path @param {Call} call */
  async #post(path, call) {
    const { api, signal } = this.#env;
    signal?.throwIfAborted();
    return api.post(path, { ...call, ...(signal && { signal }) });
  }

  #scope() {
    return this.#env.app ? { app: this.#env.app } : {};
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
}
