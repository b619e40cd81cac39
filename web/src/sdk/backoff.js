// Full jitter: each wait is drawn evenly from nothing up to a ceiling that doubles from try to try.
// Imports nothing.

export const FLOOR_MS = 500;
export const CEILING_MS = 20_000;

export class Backoff {
  #tries = 0;
  #random;

  /** @param {() => number} random evenly in [0, 1) */
  constructor(random) {
    this.#random = random;
  }

  /** The next wait in milliseconds. */
  next() {
    return Math.round(this.#random() * Math.min(CEILING_MS, FLOOR_MS * 2 ** this.#tries++));
  }

  /** The link has proved stable: begin small again. */
  reset() {
    this.#tries = 0;
  }
}
