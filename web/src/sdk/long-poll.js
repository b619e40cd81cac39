// The same login over plain HTTP, for networks that block sockets. Speaks commands and events as the
// socket does, so that a login cannot tell them apart.

/** @import { Api } from './api.js' */
/** @import { Clock } from './clock.js' */
/** @import { Command, Pending, Resume } from './protocol.js' */
/** @import { LinkHandlers } from './socket.js' */

import { ApiError } from './api.js';
import { Backoff } from './backoff.js';
import { asEvent, closeAfter, closeMeaning, isEnd, isState } from './protocol.js';
import { retryIn } from './retry.js';

/** The longest the gateway holds an answer back. */
export const WAIT_S = 25;
const MARGIN_MS = 10_000;
/** An answer this quick that says nothing new was not held back. */
const PROMPT_MS = 1_000;

/** @typedef {{ id: string, secret: string, seq: number }} Watched */
/** @typedef {{ api: Api, clock: Clock, random: () => number }} PollEnv */

export class LongPoll {
  #handlers;
  #env;
  #backoff;
  /** @type {Watched | null} */
  #scene = null;
  /** Aborts what is under way when it is overtaken. */
  #turn = new AbortController();
  #cancelRetry = () => {};

  /**
   * @param {LinkHandlers} handlers
   * @param {PollEnv} env
   */
  constructor(handlers, env) {
    this.#handlers = handlers;
    this.#env = env;
    this.#backoff = new Backoff(env.random);
  }

  connect() {
    this.#cancelRetry();
    this.#handlers.open();
  }

  /** @param {Command} command */
  send(command) {
    switch (command.type) {
      case 'start': {
        const { type: _, ...body } = command;
        return void this.#open('/scenes', body);
      }
      case 'resume':
        return void this.#resume(command);
      case 'refresh':
        return void this.#open(`${this.#path()}/refresh`, {});
      case 'cancel':
      case 'verify': {
        const { type, ...body } = command;
        return void this.#tell(type, body);
      }
      default:
    }
  }

  wake() {}

  close() {
    this.#cancelRetry();
    this.#turn.abort();
  }

  #path() {
    return `/scenes/${encodeURIComponent(this.#scene?.id ?? '')}`;
  }

  #credentials() {
    return this.#scene ? { authorization: `Scene ${this.#scene.secret}` } : {};
  }

  /**
   * @param {string} path
   * @param {object} body
   */
  async #open(path, body) {
    const signal = this.#overtake();
    await this.#attempt(path.endsWith('/refresh') ? 'refresh' : 'start', signal, async () => {
      const pending = /** @type {Pending} */ (await this.#post(path, body, signal));
      this.#scene = { id: pending.scene, secret: pending.secret, seq: 0 };
      this.#hear(pending);
      await this.#watch(signal);
    });
  }

  /** @param {Resume} command */
  async #resume({ scene, secret }) {
    this.#scene = { id: scene, secret, seq: 0 };
    const signal = this.#overtake();
    await this.#attempt('resume', signal, () => this.#watch(signal));
  }

  /**
   * @param {'cancel' | 'verify'} name
   * @param {object} body
   */
  async #tell(name, body) {
    const signal = this.#turn.signal;
    await this.#attempt(name, signal, async () => {
      this.#hear(await this.#post(`${this.#path()}/${name}`, body, signal));
    });
  }

  #overtake() {
    this.#turn.abort();
    this.#turn = new AbortController();
    return this.#turn.signal;
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {AbortSignal} signal
   */
  #post(path, body, signal) {
    return this.#env.api.post(path, { ...this.#credentials(), body, signal });
  }

  /** Asks for the next event until there can be none. @param {AbortSignal} signal */
  async #watch(signal) {
    while (this.#scene && !signal.aborted) {
      const scene = this.#scene;
      const { seq } = scene;
      const asked = this.#env.clock.now();
      const query = `?after=${seq}&wait=${seq === 0 ? 0 : WAIT_S}`;
      const limitMs = WAIT_S * 1_000 + MARGIN_MS;
      const event = await this.#env.api.get(this.#path() + query, { ...this.#credentials(), signal, limitMs });
      if (signal.aborted || !this.#hear(event)) return;
      const wasHeld = this.#env.clock.now() - asked >= PROMPT_MS;
      if (scene.seq > seq || wasHeld) this.#backoff.reset();
      else await this.#pause(this.#backoff.next(), signal);
    }
  }

  /**
   * @param {number} ms
   * @param {AbortSignal} signal ends it early
   * @returns {Promise<void>}
   */
  #pause(ms, signal) {
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = this.#env.clock.after(ms, end);
      signal.addEventListener('abort', end);
    });
  }

  /** @param {unknown} value @returns {boolean} whether more can follow */
  #hear(value) {
    const event = asEvent(value);
    if (!event || !isState(event)) throw new TypeError('not a state event');
    if (this.#scene && event.seq > this.#scene.seq) {
      this.#scene.seq = event.seq;
      this.#handlers.event(event);
    }
    return !isEnd(event);
  }

  /**
   * @param {string} ref the command carried out
   * @param {AbortSignal} signal
   * @param {() => Promise<void>} run
   */
  async #attempt(ref, signal, run) {
    try {
      await run();
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof ApiError) this.#refused(cause, ref, signal);
      else this.#fall(1006);
    }
  }

  /**
   * @param {ApiError} cause
   * @param {string} ref
   * @param {AbortSignal} signal
   */
  #refused(cause, ref, signal) {
    this.#handlers.event({ type: 'error', error: cause.error, ref });
    const code = closeAfter(cause.error.code);
    if (code === null) this.#keepWatching(signal);
    else this.#fall(code, cause);
  }

  /**
   * A command came at the wrong moment, and had overtaken the watching. Whoever heard so may have
   * gone on to something else by now.
   * @param {AbortSignal} signal
   */
  #keepWatching(signal) {
    if (signal.aborted) return;
    const scene = this.#scene;
    if (scene) this.send({ type: 'resume', scene: scene.id, secret: scene.secret, seq: scene.seq });
  }

  /**
   * @param {number} code
   * @param {ApiError} [cause]
   */
  #fall(code, cause) {
    this.#turn.abort();
    this.#cancelRetry();
    const meaning = closeMeaning(code);
    const wait = retryIn(meaning, cause?.error.retry_after_ms, this.#backoff, this.#env.random);
    if (wait !== null) this.#cancelRetry = this.#env.clock.after(wait, () => this.connect());
    const known = cause && { error: cause.error, ...(cause.requestId && { requestId: cause.requestId }) };
    this.#handlers.down({ code, meaning, ...known, retryInMs: wait });
  }
}
