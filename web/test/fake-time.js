// A clock that moves only when told to.

export class FakeClock {
  #now;
  #timers = [];

  constructor(now = 1_795_312_000_000) {
    this.#now = now;
  }

  now = () => this.#now;

  after = (ms, run) => {
    const timer = { at: this.#now + ms, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  };

  /** When the next timer is due, in milliseconds from now; `null` when none waits. */
  get next() {
    return this.#timers.length ? Math.min(...this.#timers.map((timer) => timer.at)) - this.#now : null;
  }

  /** The machine slept: its clock went on, its timers did not. */
  slept(ms) {
    this.#now += ms;
    for (const timer of this.#timers) timer.at += ms;
  }

  /** Moves on, running what falls due in order. */
  advance(ms) {
    const until = this.#now + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#now = Math.max(this.#now, due.at);
      due.run();
    }
    this.#now = until;
  }
}

/** Lets everything that was promised and needs no clock happen. */
export async function settle() {
  for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
}
