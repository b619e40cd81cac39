// The same login over plain HTTP, for networks that block sockets: events by a stream, or by long polls
// where something on the way holds the stream back. Speaks commands and events as the socket does.

/** @import { Api } from './api.js' */
/** @import { Clock } from './clock.js' */
/** @import { Command, Pending } from './protocol.js' */
/** @import { LinkHandlers } from './socket.js' */

import { ApiError, NoAnswer } from './api.js';
import { Backoff } from './backoff.js';
import { readEvents } from './event-stream.js';
import { asEvent, closeMeaning, decode, isEnd, isState } from './protocol.js';
import { isOrdered, retryIn } from './retry.js';

/** The longest the gateway holds an answer back. */
export const WAIT_S = 25;
const MARGIN_MS = 10_000;
/** An answer this quick that says nothing new was not held back. */
const PROMPT_MS = 1_000;
/** A stream opens with the state of the scene: one that does not is being held back. */
export const OPENING_MS = 1_000;
/** The gateway fills silence with a comment each 15 s. */
export const SILENCE_MS = 25_000;
/** A stream cut this soon would be cut again. */
export const SHORT_MS = 5_000;

/** @typedef {{ api: Api, clock: Clock, random: () => number, streams: boolean, remember?: (transport: 'sse' | 'poll') => void }} HttpEnv */
/** @typedef {{ id: string, secret: string, seq: number }} Watched */

export class HttpLink {
  #handlers;
  #env;
  #backoff;
  /** @type {Watched | null} */
  #scene = null;
  /** Aborts what is under way when it is overtaken. */
  #turn = new AbortController();
  #cancelRetry = () => {};
  #streams;
  #askedAt = 0;
  /** Whether it waits to come back, and nothing may shorten that. @type {'no' | 'waits' | 'ordered'} */
  #away = 'no';

  /**
   * @param {LinkHandlers} handlers
   * @param {HttpEnv} env
   */
  constructor(handlers, env) {
    this.#handlers = handlers;
    this.#env = env;
    this.#backoff = new Backoff(env.random);
    this.#streams = env.streams;
  }

  /** @returns {'sse' | 'poll'} */
  get transport() {
    return this.#streams ? 'sse' : 'poll';
  }

  connect() {
    this.#cancelRetry();
    this.#away = 'no';
    this.#handlers.open();
  }

  /** @param {Command} command */
  send({ type, ...body }) {
    if (type === 'start') return this.#run(type, '/scenes', body);
    if (type === 'resume') {
      const { scene: id, secret } = /** @type {{ scene: string, secret: string }} */ (/** @type {unknown} */ (body));
      this.#scene = { id, secret, seq: 0 };
      return this.#run(type);
    }
    if (this.#scene) this.#run(type, `/scenes/${encodeURIComponent(this.#scene.id)}/${type}`, body);
  }

  /** A machine that slept has its answers on a connection that is gone. */
  wake() {
    const slept = this.#env.clock.now() - this.#askedAt > WAIT_S * 1_000 + MARGIN_MS;
    if (this.#away === 'waits' || (this.#away === 'no' && slept)) this.connect();
  }

  close() {
    this.#cancelRetry();
    this.#turn.abort();
  }

  /**
   * Carries out a command, and watches the scene it opens or resumes.
   * @param {string} type
   * @param {string} [path]
   * @param {object} [body]
   */
  async #run(type, path, body) {
    const opens = type !== 'verify' && type !== 'cancel';
    if (opens) {
      this.#turn.abort();
      this.#turn = new AbortController();
    }
    const { signal } = this.#turn;
    try {
      if (path) {
        const event = await this.#env.api.post(path, { ...this.#credentials(), body, signal });
        if (opens) {
          const { scene: id, secret } = /** @type {Pending} */ (event);
          this.#scene = { id, secret, seq: 0 };
        }
        this.#hear(event);
      }
      if (opens) await this.#watch(signal);
    } catch (cause) {
      if (signal.aborted) return;
      if (cause instanceof ApiError) this.#refused(cause, type, signal);
      else this.#fall(1006);
    }
  }

  #credentials() {
    return this.#scene ? { authorization: `Scene ${this.#scene.secret}` } : {};
  }

  /** @param {AbortSignal} signal */
  async #watch(signal) {
    while (this.#scene && !signal.aborted) {
      const scene = this.#scene;
      const path = `/scenes/${encodeURIComponent(scene.id)}`;
      const call = { ...this.#credentials(), signal };
      this.#askedAt = this.#env.clock.now();
      if (this.#streams ? await this.#listen(`${path}/events`, call) : await this.#poll(path, call, scene)) return;
    }
  }

  /**
   * One long poll.
   * @param {string} path
   * @param {{ signal: AbortSignal }} call
   * @param {Watched} scene
   * @returns {Promise<boolean>} whether nothing more can follow
   */
  async #poll(path, call, scene) {
    const { clock, api } = this.#env;
    const { seq } = scene;
    const asked = clock.now();
    const event = await api.get(`${path}?after=${seq}&wait=${seq && WAIT_S}`, { ...call, limitMs: WAIT_S * 1_000 + MARGIN_MS });
    if (call.signal.aborted || this.#hear(event)) return true;
    if (scene.seq > seq || clock.now() - asked >= PROMPT_MS) this.#backoff.reset();
    else await this.#pause(this.#backoff.next(), call.signal);
    return false;
  }

  /**
   * One stream, from its opening to its end. Where it is held back, or cut too soon, there are polls from now on.
   * @param {string} path
   * @param {{ signal: AbortSignal }} call
   * @returns {Promise<boolean>} whether nothing more can follow
   */
  async #listen(path, { signal, ...call }) {
    const { api, clock } = this.#env;
    const own = new AbortController();
    const abort = () => own.abort();
    signal.addEventListener('abort', abort);
    let cancel = clock.after(OPENING_MS, abort);
    let openedAt = 0;
    try {
      for await (const data of readEvents(await api.stream(path, { ...call, signal: own.signal }))) {
        cancel();
        cancel = clock.after(SILENCE_MS, abort);
        this.#askedAt = clock.now();
        openedAt ||= this.#askedAt;
        if (signal.aborted || this.#onData(data)) return true;
      }
    } catch (cause) {
      if (signal.aborted || cause instanceof ApiError) throw cause;
    } finally {
      cancel();
      own.abort();
      signal.removeEventListener('abort', abort);
    }
    this.#streams = openedAt > 0 && clock.now() - openedAt >= SHORT_MS;
    if (!this.#streams) return false;
    this.#backoff.reset();
    throw new NoAnswer(path);
  }

  /** @param {string} data @returns {boolean} whether nothing more can follow */
  #onData(data) {
    const event = decode(data);
    if (!event) return false;
    if (isState(event)) return this.#hear(event);
    if (event.type === 'error') throw new ApiError(event.error);
    if (event.type === 'drain') this.#fall(1012, event.reconnect_in_ms);
    return event.type === 'drain';
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

  /** @param {unknown} value @returns {boolean} whether nothing more can follow */
  #hear(value) {
    const event = asEvent(value);
    if (!event || !isState(event)) throw new TypeError('not a state event');
    if (this.#scene && event.seq > this.#scene.seq) {
      this.#scene.seq = event.seq;
      this.#env.remember?.(this.transport);
      this.#handlers.event(event);
    }
    return isEnd(event);
  }

  /**
   * @param {ApiError} cause
   * @param {string} ref
   * @param {AbortSignal} signal
   */
  #refused({ error, requestId }, ref, signal) {
    this.#handlers.event({ type: 'error', error, ref });
    const code = closeAfter(error.code);
    if (code !== null) return this.#fall(code, error.retry_after_ms, { error, trace_id: requestId });
    // A command came at the wrong moment, and had overtaken the watching. Whoever heard so may have gone on
    // to something else by now.
    if (ref === 'refresh' && !signal.aborted) this.#run('resume');
  }

  /**
   * @param {number} code
   * @param {number} [askedMs]
   * @param {{ error: import('./protocol.js').WireError, trace_id: string | undefined }} [known]
   */
  #fall(code, askedMs, known) {
    this.close();
    const meaning = closeMeaning(code);
    const wait = retryIn(meaning, askedMs, this.#backoff, this.#env.random);
    this.#away = isOrdered(meaning) ? 'ordered' : 'waits';
    if (wait !== null) this.#cancelRetry = this.#env.clock.after(wait, () => this.connect());
    this.#handlers.down({ meaning, ...known, retryInMs: wait });
  }
}

/**
 * The close code a socket would have had after this error: what the HTTP fallback goes by. `null`
 * where the socket would have stayed open. `not_found` means there is no such address here, which
 * coming back does not change; an unknown scene is `scene_not_found`.
 * @param {number} code
 * @returns {number | null}
 */
export function closeAfter(code) {
  if (code === 40900) return null;
  if (code === 40901) return 4409;
  if (code === 40400) return 4403;
  if (code === 50300) return 1013;
  if (code === 50301) return 1012;
  const status = Math.floor(code / 100);
  return status >= 500 ? 1011 : 4000 + status;
}
