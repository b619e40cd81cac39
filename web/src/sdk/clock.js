// Time, so that tests can hand in their own, and the gateway's idea of it. Imports nothing.

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

/** The gateway's clock as seen from here: deadlines on the wire are in its time, not in ours. */
export class GatewayClock {
  #clock;
  #ahead = 0;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {number} now what the gateway's clock shows at this moment */
  set(now) {
    this.#ahead = now - this.#clock.now();
  }

  now() {
    return this.#clock.now() + this.#ahead;
  }
}
