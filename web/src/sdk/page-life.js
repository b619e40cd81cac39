// What happens to the page that the login is on: it is hidden and seen again, put away and brought back,
// offline and online, and the machine under it sleeps.

/** @import { Locale } from './protocol.js' */

/** How often the clock is looked at. */
const LOOK_MS = 5_000;
/** A clock that went this much further than the timer has slept meanwhile. */
const SLEPT_MS = 10_000;

/**
 * @typedef {object} PageHandlers
 * @property {() => void} wake the page can be seen, or the network is back: timers may have slept
 * @property {() => void} suspend the page is put away, and may come back
 * @property {() => void} unsuspend it came back
 */

/** Whether somebody can see the page; outside a browser somebody always does. */
export function isVisible() {
  return !globalThis.document?.hidden;
}

/** Whether the machine believes to be on a network. */
export function isOnline() {
  return globalThis.navigator?.onLine !== false;
}

/** The language the gateway should answer in. @returns {Locale} */
export function browserLocale() {
  return /^zh/.test(globalThis.navigator?.language) ? 'zh-CN' : 'en';
}

/**
 * @param {PageHandlers} page
 * @param {AbortSignal} signal ends it
 */
export function watchPage(page, signal) {
  if (!globalThis.document) return;
  const look = () => isVisible() && page.wake();
  document.addEventListener('visibilitychange', look, { signal });
  addEventListener('online', look, { signal });
  addEventListener('pagehide', () => page.suspend(), { signal });
  addEventListener('pageshow', ({ persisted }) => persisted && page.unsuspend(), { signal });
  let last = Date.now();
  const timer = setInterval(() => {
    if (Date.now() - last > LOOK_MS + SLEPT_MS) look();
    last = Date.now();
  }, LOOK_MS);
  signal.addEventListener('abort', () => clearInterval(timer));
}
