// What the page needs to know of the gateway before it can say everything right.

/** @import { Api } from '../sdk/api.js' */
/** @import { Clock } from '../sdk/clock.js' */
/** @import { Flow } from '../sdk/protocol.js' */

import { ApiError } from '../sdk/api.js';
import { Backoff } from '../sdk/backoff.js';

/** @typedef {'auto' | 'always' | 'never'} ConfirmInBrowser */
/**
 * @typedef {object} Config
 * @property {{ id: string, name: string }} app
 * @property {Flow[]} flows
 * @property {Flow} default_flow
 * @property {ConfirmInBrowser} confirm_in_browser
 * @property {{ phone_url: string }} [sandbox]
 */

/**
 * Asks until there is an answer; `null` when the gateway refuses to give one.
 * @param {{ api: Api, clock: Clock, random: () => number, app?: string }} env
 * @returns {Promise<Config | null>}
 */
export async function loadConfig({ api, clock, random, app }) {
  const backoff = new Backoff(random);
  const query = app ? `?app=${encodeURIComponent(app)}` : '';
  for (;;) {
    try {
      return /** @type {Config} */ (await api.get(`/config${query}`));
    } catch (cause) {
      if (cause instanceof ApiError && !cause.error.retryable) return null;
      const asked = cause instanceof ApiError ? (cause.error.retry_after_ms ?? 0) : 0;
      const wait = Math.max(backoff.next(), asked);
      await new Promise((resolve) => void clock.after(wait, () => resolve(undefined)));
    }
  }
}
