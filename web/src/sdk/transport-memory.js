// What carried the events last time: a network that blocks sockets does so for the next page as well.

const KEY = 'scangate.link';
/** Then the network may be another. */
const KEPT_FOR_MS = 3_600_000;

/** What carries events without a socket. @typedef {'sse' | 'poll'} Fallback */

/** What to begin with, where sockets did not get through lately. @returns {Fallback | undefined} */
export function remembered() {
  try {
    const [name, at] = (localStorage.getItem(KEY) ?? '').split(' ');
    if (Date.now() - Number(at) < KEPT_FOR_MS) return name === 'poll' ? name : 'sse';
  } catch { /* forbidden, or no browser */ }
}

/** @param {Fallback} name */
export function remember(name) {
  try {
    localStorage.setItem(KEY, `${name} ${Date.now()}`);
  } catch { /* forbidden, or no browser */ }
}
