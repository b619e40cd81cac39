// Every state of the login page, brought about by a gateway that is played: for pictures, and for whoever looks for
// shortcomings in each.

import { newProfile, see } from './browser.mjs';
import { playGateway } from './played-gateway.mjs';
import { WORDS } from './words.mjs';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
const WECHAT = `${IPHONE} MicroMessenger/8.0.53`;
const USER = { name: '李小龙' };

const pending = (gateway) => gateway.pending();
const scanned = (gateway) => {
  gateway.pending();
  gateway.say('scanned', { user: { name: '李**' } });
};
const verifying = (gateway) => {
  scanned(gateway);
  gateway.say('verifying', { code_length: 2, tries_left: 3 }, 60_000);
};
const authorized = (gateway) => {
  scanned(gateway);
  gateway.say('authorized', { grant: 'grant', user: USER }, 60_000);
};
const ends = (type, more) => (gateway) => {
  scanned(gateway);
  gateway.end(type, more);
};

/**
 * @typedef {object} State
 * @property {(gateway: object, command: object) => void} first what `start`, `resume` and `refresh` are answered with
 * @property {string} says a word of the page that shows it, by its name in WORDS
 * @property {object} [config] over what `GET /config` says
 * @property {object} [browser] options of the browser's profile
 * @property {(page: object, words: object, gateway: object) => Promise<unknown>} [then] what the person does
 */

/** @type {Record<string, State>} */
export const STATES = {
  opening: { first: () => {}, says: 'opening' },
  pending: { first: pending, says: 'pending' },
  'several-flows': { first: pending, says: 'useOfficialAccount', config: { flows: ['h5', 'official_account'] } },
  'last-seconds': { first: (gateway) => gateway.pending({ replay: true }, 18_000), says: 'keep' },
  reconnecting: {
    first: pending,
    says: 'reconnecting',
    async then(page, words, gateway) {
      await see(page, words.pending);
      gateway.vanish();
    },
  },
  'without-sockets': { first: pending, says: 'polling', browser: { blocksSockets: true } },
  help: { first: pending, says: 'saveCode', then: (page, words) => page.getByRole('button', { name: words.onPhone }).click() },
  phone: { first: pending, says: 'onlyThisPhone', browser: { userAgent: IPHONE } },
  'inside-wechat': { first: pending, says: 'here', browser: { userAgent: WECHAT } },
  website: { first: (gateway) => gateway.website(), says: 'openHere', config: { flows: ['website', 'h5'], default_flow: 'website' } },
  scanned: { first: scanned, says: 'scanned' },
  verifying: { first: verifying, says: 'verifying' },
  'wrong-digits': {
    first(gateway) {
      verifying(gateway);
      gateway.say('verifying', { code_length: 2, tries_left: 2 }, 60_000);
    },
    says: 'wrongDigits',
  },
  confirm: { first: authorized, says: 'confirmTitleHere', config: { confirm_in_browser: 'always' } },
  authorized: { first: authorized, says: 'authorized', config: { holdsTokens: true } },
  rejected: { first: ends('rejected', { by: 'user' }), says: 'rejected' },
  refused: { first: ends('rejected', { by: 'policy', reason: 'too_many_logins' }), says: 'refusedByPolicy' },
  expired: { first: ends('expired'), says: 'expired' },
  failed: { first: ends('failed', { error: { code: 50200, name: 'wechat_failed', message: 'WeChat answered with an error. Please try again.', retryable: true } }), says: 'failed' },
  waiting: { first: (gateway) => gateway.refuse(42900, 'rate_limited', 'Too many tries. Please wait a moment.', 30_000), says: 'retryIn' },
  'taken-over': { first: (gateway) => gateway.refuse(40901, 'taken_over', 'Sign-in continues in another window.'), says: 'takenOver' },
  redeemed: { first: (gateway) => gateway.refuse(41000, 'scene_redeemed', 'This sign-in is already complete.'), says: 'redeemed' },
};

/**
 * The login page in that state, in a profile of its own, and the gateway that has brought it there.
 * @param {{ after(undo: () => unknown): void }} t
 * @param {import('playwright-core').Browser} browser
 * @param {keyof typeof STATES} name
 * @param {keyof typeof WORDS} locale
 */
export async function reach(t, browser, name, locale, options = {}) {
  const { first, says, config, browser: { blocksSockets = false, ...wanted } = {}, then } = STATES[name];
  const gateway = await playGateway(t, config);
  const { context, complaints } = await newProfile(t, browser, { locale, viewport: { width: 1280, height: 800 }, ...wanted, ...options });
  if (blocksSockets) complaints.expect(/WebSocket/);
  const page = await context.newPage();
  await gateway.attend(page, (command) => first(gateway, command), { blocksSockets });
  await page.goto(gateway.origin);
  if (then) await then(page, WORDS[locale], gateway);
  await see(page, WORDS[locale][says]);
  return { page, gateway };
}
