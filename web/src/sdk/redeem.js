// A grant becomes a session. A lost answer is not a lost login.

/** @import { Api } from './api.js' */
/** @import { Clock } from './clock.js' */

import { ApiError, NoAnswer } from './api.js';
import { Backoff } from './backoff.js';

/** The gateway gives the same answer to the same verifier for 60 s. */
const WITHIN_MS = 50_000;

/** @typedef {{ id: string, name?: string, avatar?: string }} User */
/** `expires_in` in seconds. @typedef {{ user: User, session_id: string, access_token: string, expires_in: number }} TokenAnswer */

/**
 * Asks again with the same verifier while that may help.
 * @param {{ api: Pick<Api, 'post'>, clock: Clock, random: () => number }} env
 * @param {string} grant
 * @param {string} verifier
 * @returns {Promise<TokenAnswer>}
 * @throws {ApiError | NoAnswer} when the grant is refused, or nobody answers for 50 s
 */
export async function redeemGrant({ api, clock, random }, grant, verifier) {
  const backoff = new Backoff(random);
  const until = clock.now() + WITHIN_MS;
  for (;;) {
    try {
      return /** @type {TokenAnswer} */ (await api.post('/auth/token', { body: { grant, verifier } }));
    } catch (cause) {
      const error = cause instanceof ApiError ? cause.error : null;
      const wait = Math.max(backoff.next(), error?.retry_after_ms ?? 0);
      if (!(cause instanceof NoAnswer || error?.retryable) || clock.now() + wait > until) throw cause;
      await new Promise((resolve) => clock.after(wait, () => resolve(0)));
    }
  }
}
