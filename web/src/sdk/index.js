// The headless SDK: one call begins a login.

import { systemClock as clock } from './clock.js';
import { Link } from './link.js';
import { browserLocale, isOnline, isVisible, watchPage } from './page-life.js';
import { newPkce } from './pkce.js';
import { ScanLogin } from './scan-login.js';
import { ReconnectingSocket, socketUrl } from './socket.js';
import { remembered } from './transport-memory.js';

export { ScanLogin, ScanLoginError } from './scan-login.js';

/** @typedef {import('./protocol.js').Flow} Flow */
/** @typedef {import('./protocol.js').Locale} Locale */
/** @typedef {import('./scan-login.js').Baton} Baton */
/** @typedef {import('./scan-login.js').Connection} Connection */
/** @typedef {import('./scan-login.js').LoginEvents} LoginEvents */
/** @typedef {import('./scan-login.js').LoginState} LoginState */
/** @typedef {import('./scan-login.js').SignedIn} SignedIn */
/** @typedef {import('./scan-login.js').Wishes} Wishes */
/**
 * @typedef {object} ScanLoginOptions
 * @property {string} [baseUrl] of the gateway, such as `https://login.example.com`; default: the page's own origin
 * @property {string} [app] default: the gateway's default app
 * @property {Flow} [flow] how the phone proves who it is; default: the app's
 * @property {string} [returnTo] one of the app's `return_urls`, for flows that leave the page
 * @property {Locale} [locale] language of error messages; default: Chinese or English, as the browser prefers
 * @property {() => Wishes | Promise<Wishes>} [wishes] asked before each new scene, in the place of `app`, `flow`, `returnTo` and `locale`
 * @property {number} [autoRenew] how often a code is renewed without anybody asking, while the page can be seen; default 5
 * @property {Baton | null} [resume] a login that another page of this tab began
 * @property {{ redeem: (grant: string, verifier: string) => Promise<Omit<SignedIn, 'type'>> }} [session] from `createSession`: keeps the tokens
 * @property {AbortSignal} [signal] ends the login, as `close()` does
 */

/**
 * Begins a login at once: listen for its events, iterate over its states, or wait for its `result()`.
 * Without WebSocket (or where the network blocks it) the events come over HTTP, within 2.5 s.
 * @param {ScanLoginOptions} [options]
 */
export function createScanLogin({
  baseUrl = location.origin, app, flow, returnTo, locale = browserLocale(), wishes = () => ({ app, flow, return_to: returnTo, locale }),
  autoRenew, resume, session, signal,
} = {}) {
  const base = baseUrl.replace(/\/+$/, '');
  const fallback = remembered();
  const http = async () => (await import('./http.js')).createHttp(base, locale);
  const { WebSocket } = globalThis;

  const login = new ScanLogin({
    makeLink: (handlers) => new Link(handlers, {
      makeSocket: (forSocket) => (fallback || !WebSocket ? undefined
        : new ReconnectingSocket(socketUrl(base), forSocket, { WebSocket, clock, random: Math.random, online: isOnline })),
      makeHttp: async (forHttp, isFirst) => (await http()).link(forHttp, fallback !== 'poll', isFirst),
    }),
    newPkce: () => newPkce(crypto),
    redeem: async (grant, verifier) => (session ?? (await http())).redeem(grant, verifier),
    clock, wishes, visible: isVisible, renewals: autoRenew,
  });
  // Long before the grant comes: a page deployed anew meanwhile does no harm.
  http().catch(() => {});
  watchPage(login, login.signal);
  signal?.addEventListener('abort', () => login.close());
  login.start(resume);
  if (signal?.aborted) login.close();
  return login;
}
