// What a page imports of the session: `createSession` brings the parts and the browser together.

/** @import { SocketHandlers } from '../sdk/socket.js' */
/** @import { Exclusively } from './session-client.js' */

import { Api } from '../sdk/api.js';
import { systemClock as clock } from '../sdk/clock.js';
import { browserLocale, isOnline, isVisible, watchPage } from '../sdk/page-life.js';
import { ReconnectingSocket, socketUrl } from '../sdk/socket.js';
import { SessionClient } from './session-client.js';
import { SessionHint } from './session-hint.js';
import { HANDSHAKE_MS, SessionWatch } from './session-watch.js';
import { Session as Core } from './session.js';

export { ApiError, NoAnswer } from '../sdk/api.js';
export { SignedOutError } from './session-state.js';

/** @typedef {import('../sdk/protocol.js').Locale} Locale */
/** @typedef {import('../sdk/redeem.js').User} User */
/** @typedef {import('./session-client.js').Credentials} Credentials */
/** @typedef {import('./session-client.js').ListedSession} ListedSession */
/** @typedef {import('./session-client.js').Me} Me */
/** @typedef {import('./session-state.js').SessionEvents} SessionEvents */
/** @typedef {import('./session-state.js').SessionState} SessionState */
/** @typedef {import('./session-state.js').SignedIn} SignedIn */
/** @typedef {import('./session-state.js').Reason} Reason */
/** What a page needs of it. @typedef {Omit<Core, 'renew' | 'wake' | 'suspend' | 'unsuspend'>} Session */

/**
 * All of it optional.
 * @typedef {object} SessionOptions
 * @property {string} [baseUrl] of the gateway, such as `https://login.example.com`; the page's own origin without it. Another
 *   one has to be on the site of the page (`shop.example.com`): browsers send no cookie elsewhere
 * @property {string} [app] as the gateway's configuration names it; `default` without it. Tabs of one app share a session
 * @property {Locale | (() => Locale)} [locale] the language of messages for the person, or what tells it at each call; the
 *   browser's without it
 * @property {string[]} [origins] where `fetch` may send the token; the page's own and the gateway's without it
 * @property {AbortSignal} [signal] closes it
 */
/**
 * The session of this browser: who is signed in, tokens for calls, sign-out; for pages, not for servers.
 *
 * It asks nothing until somebody wants to know (`ready`, `getAccessToken`, `fetch` …): a login page that is looked at by
 * somebody new has nothing to ask. From then on it keeps itself:
 *
 * - **The token is in memory only**, and renewed a minute before its end (in the last third of a life that is shorter than
 *   three), when the page wakes up after that, and when one is asked for. A hidden page renews nothing until it is seen or
 *   asked.
 * - **Tabs.** Each has a token of its own. They ask one after the other (Web Locks), because the cookie behind it changes;
 *   twenty that are restored at once make twenty calls in a row, of which the gateway answers nineteen without turning
 *   anything. Sharing one token over the channel would spare those, and is not done: a message does not prove that the
 *   gateway said so, and a page that took its token from any script of its origin could be signed in as somebody else.
 * - **Its end** is pushed by the gateway (a socket), and told from tab to tab with its reason (BroadcastChannel), within
 *   milliseconds. So is a sign-in: the others ask who it is.
 *
 * @example
 * const session = createSession();
 * session.addEventListener('signed_out', ({ detail }) => location.assign(`/login?why=${detail.reason}`));
 * const { type } = await session.ready();
 * if (type === 'signed_in') await session.fetch('/api/orders');
 *
 * @param {SessionOptions} [options]
 * @returns {Session}
 */
export function createSession({ baseUrl = location.origin, app, locale = browserLocale(), origins, signal } = {}) {
  const end = new AbortController();
  const base = baseUrl.replace(/\/+$/, '');
  const ours = new Set((origins ?? [location.href, base]).map((each) => new URL(each).origin));
  // The word for having none: one such page is not another.
  ours.delete('null');
  const env = { clock, random: Math.random, fetch: fetch.bind(globalThis), ...(app && { app }) };
  const api = new Api({ ...env, baseUrl: base, locale: typeof locale === 'function' ? locale : () => locale });
  const hint = new SessionHint({ ...env, store: () => localStorage });
  const socketEnv = { ...env, WebSocket, online: isOnline, handshakeMs: HANDSHAKE_MS };
  const makeSocket = (/** @type {SocketHandlers} */ handlers) => new ReconnectingSocket(socketUrl(base), handlers, socketEnv);
  const session = new Core({
    ...env, api, hint, end,
    client: new SessionClient({ ...env, api, hint, signal: end.signal, exclusively: oneByOne(end.signal) }),
    channel: new BroadcastChannel(`scangate-session-${app ?? 'default'}`),
    visible: isVisible,
    isOurs: (url) => ours.has(new URL(url, document.baseURI).origin),
    makeWatch: (handlers) => new SessionWatch({ ...env, makeSocket }, handlers),
  });
  watchPage(session, end.signal);
  signal?.addEventListener('abort', () => session.close(), { signal: end.signal });
  if (signal?.aborted) session.close();
  return session;
}

/**
 * Web Locks where there are any; they need a secure context.
 * @param {AbortSignal} signal
 * @returns {Exclusively}
 */
function oneByOne(signal) {
  return async (name, run) => /** @type {Promise<any>} */ (navigator.locks ? navigator.locks.request(name, { signal }, run) : run());
}
