// Time, so that tests can hand in their own. Imports nothing.

/**
 * @typedef {object} Clock
 * @property {() => number} now epoch milliseconds
 * @property {(ms: number, run: () => void) => () => void} after runs once after a wait; answers how to call it off
 */

/** @type {Clock} */
export const systemClock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
