// A socket to the gateway that comes back by itself. It knows the heartbeat and the close codes, but
// not what a login is.

/** @import { Clock } from './clock.js' */
/** @import { Command, Hello, ServerEvent, WireError } from './protocol.js' */
/** @import { Fall } from './retry.js' */

import { Backoff } from './backoff.js';
import { SUBPROTOCOL, closeMeaning, decode, encode } from './protocol.js';
import { isOrdered, retryIn } from './retry.js';

/** A link this silent beyond the ping interval is dead. */
export const SILENCE_GRACE_MS = 10_000;
/** A link that lived this long after `hello` is stable: the back-off begins small again. */
export const STABLE_MS = 5_000;
/** From dialling to the first frame. */
export const HANDSHAKE_MS = 10_000;
/** Handshakes in a row that came to nothing before the network is taken to block sockets. */
export const STRIKES = 3;

/**
 * @typedef {object} LinkHandlers
 * @property {() => void} open the link is up: say the first command
 * @property {(event: ServerEvent) => void} event
 * @property {(fall: Fall) => void} down
 */
/** @typedef {LinkHandlers & { blocked: (fall: Fall) => void }} SocketHandlers */
/** @typedef {{ WebSocket: typeof WebSocket, clock: Clock, random: () => number, online: () => boolean }} SocketEnv */

export class ReconnectingSocket {
  #url;
  #handlers;
  #env;
  #backoff;
  /** @type {WebSocket | null} */
  #socket = null;
  #strikes = 0;
  #heard = false;
  #lastFrameAt = 0;
  #silenceMs = HANDSHAKE_MS;
  #ordered = false;
  /** @type {WireError | undefined} */
  #error;
  /** @type {number | undefined} */
  #drainMs;
  /** @type {Record<'retry' | 'silence' | 'stable', () => void>} */
  #cancel = { retry() {}, silence() {}, stable() {} };

  /**
   * @param {string} url
   * @param {SocketHandlers} handlers
   * @param {SocketEnv} env
   */
  constructor(url, handlers, env) {
    this.#url = url;
    this.#handlers = handlers;
    this.#env = env;
    this.#backoff = new Backoff(env.random);
  }

  /** Dials now, unless a socket is there already. */
  connect() {
    if (this.#socket) return;
    this.#cancel.retry();
    this.#ordered = false;
    this.#heard = false;
    this.#error = undefined;
    this.#drainMs = undefined;
    const socket = new this.#env.WebSocket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    this.#silenceMs = HANDSHAKE_MS;
    this.#listenForSilence();
    socket.onopen = () => this.#handlers.open();
    socket.onmessage = (message) => this.#onFrame(message.data);
    socket.onclose = (close) => this.#onClose(close.code);
  }

  /** Dials after the back-off; answers the wait. */
  reconnect() {
    const wait = this.#backoff.next();
    this.#retryAfter(wait);
    return wait;
  }

  /** @param {Command} command lost silently when the link is down: the state is read again on reconnect */
  send(command) {
    if (this.#socket?.readyState === 1) this.#socket.send(encode(command));
  }

  /** The page is visible or online again: do not sit out a back-off, nor trust a link that has been dead. */
  wake() {
    if (this.#socket) {
      if (this.#env.clock.now() - this.#lastFrameAt > this.#silenceMs) this.#drop();
    } else if (!this.#ordered) {
      this.connect();
    }
  }

  /** Ends the link for good (until `connect`). */
  close() {
    this.#cancel.retry();
    this.#letGo()?.close(1000);
  }

  #letGo() {
    const socket = this.#socket;
    this.#socket = null;
    this.#cancel.silence();
    this.#cancel.stable();
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  #drop() {
    const socket = this.#socket;
    this.#onClose(1006);
    socket?.close();
  }

  #listenForSilence() {
    this.#lastFrameAt = this.#env.clock.now();
    this.#cancel.silence();
    this.#cancel.silence = this.#env.clock.after(this.#silenceMs, () => this.#drop());
  }

  /** @param {unknown} data */
  #onFrame(data) {
    this.#heard = true;
    this.#strikes = 0;
    const event = decode(data);
    if (event?.type === 'hello') this.#onHello(event);
    this.#listenForSilence();
    if (!event) return;
    if (event.type === 'ping') this.send({ type: 'pong' });
    if (event.type === 'drain') this.#drainMs = event.reconnect_in_ms;
    if (event.type === 'error') this.#error = event.error;
    this.#handlers.event(event);
  }

  /** @param {Hello} hello */
  #onHello(hello) {
    this.#silenceMs = hello.ping_interval_ms + SILENCE_GRACE_MS;
    this.#cancel.stable();
    this.#cancel.stable = this.#env.clock.after(STABLE_MS, () => this.#backoff.reset());
  }

  /** @param {number} code */
  #onClose(code) {
    this.#letGo();
    const meaning = closeMeaning(code);
    if (!this.#heard && meaning === 'lost' && this.#env.online()) this.#strikes += 1;
    if (this.#strikes >= STRIKES) {
      this.#handlers.blocked({ code, meaning, retryInMs: null });
      return;
    }
    const asked = this.#drainMs ?? this.#error?.retry_after_ms;
    const wait = retryIn(meaning, asked, this.#backoff, this.#env.random);
    const fall = { code, meaning, ...(this.#error && { error: this.#error }), retryInMs: wait };
    // A node that goes away may be gone before its close is through.
    this.#ordered = isOrdered(meaning) || this.#drainMs !== undefined;
    if (wait !== null) this.#retryAfter(wait);
    this.#handlers.down(fall);
  }

  /** @param {number} wait */
  #retryAfter(wait) {
    this.#cancel.retry();
    this.#cancel.retry = this.#env.clock.after(wait, () => this.connect());
  }
}
