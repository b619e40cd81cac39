// A socket to the gateway that comes back by itself. It knows the heartbeat and the close codes, but
// not what a login is.

/** @import { Clock } from './clock.js' */
/** @import { Command, ServerEvent, WireError } from './protocol.js' */
/** @import { Fall } from './retry.js' */

import { Backoff } from './backoff.js';
import { SUBPROTOCOL, closeMeaning, decode } from './protocol.js';
import { isOrdered, retryIn } from './retry.js';

/** A link this silent beyond the ping interval is dead. */
export const SILENCE_GRACE_MS = 10_000;
/** A link that lived this long after `hello` is stable: the back-off begins small again. */
export const STABLE_MS = 5_000;
/** From dialling to the first frame; longer than that, and the network is taken to swallow sockets. */
export const HANDSHAKE_MS = 1_250;
/** Handshakes in a row that came to nothing before the network is taken to block sockets. */
export const STRIKES = 3;

/**
 * @typedef {object} LinkHandlers
 * @property {() => void} open the link is up: say the first command
 * @property {(event: ServerEvent) => void} event
 * @property {(fall: Fall) => void} down
 */
/** @typedef {LinkHandlers & { blocked: () => void }} SocketHandlers */
/** @typedef {{ WebSocket: typeof WebSocket, clock: Clock, random: () => number, online: () => boolean, handshakeMs?: number }} SocketEnv `handshakeMs`: more patience where there is no other way */

/** Where it is. @param {string} baseUrl of the gateway */
export function socketUrl(baseUrl) {
  return `${baseUrl.replace(/^http/, 'ws')}/api/v1/ws`;
}

export class ReconnectingSocket {
  #url;
  #handlers;
  #env;
  #backoff;
  /** @type {WebSocket | null} */
  #socket = null;
  #strikes = 0;
  #lastFrameAt = 0;
  #silenceMs = 0;
  #ordered = false;
  /** @type {WireError | undefined} */
  #error;
  /** @type {number | undefined} */
  #drainMs;
  #helloAt = 0;
  #cancelRetry = () => {};
  #cancelSilence = () => {};

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
    this.#cancelRetry();
    this.#ordered = false;
    this.#helloAt = 0;
    this.#error = this.#drainMs = undefined;
    const socket = new this.#env.WebSocket(this.#url, [SUBPROTOCOL]);
    this.#socket = socket;
    this.#silenceMs = this.#env.handshakeMs ?? HANDSHAKE_MS;
    this.#listenForSilence();
    socket.onopen = () => this.#handlers.open();
    socket.onmessage = (message) => this.#onFrame(message.data);
    socket.onclose = (close) => this.#onClose(close.code);
  }

  /** Dials after the back-off; answers the wait. */
  reconnect() {
    return this.#retryAfter(this.#backoff.next());
  }

  /** @param {Command} command lost silently when the link is down: the state is read again on reconnect */
  send(command) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(command));
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
    this.#cancelRetry();
    this.#letGo()?.close(1000);
  }

  #letGo() {
    const socket = this.#socket;
    this.#socket = null;
    this.#cancelSilence();
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  #drop() {
    const socket = this.#socket;
    if (!this.#helloAt && this.#env.online()) this.#strikes = STRIKES;
    this.#onClose(1006);
    socket?.close();
  }

  #listenForSilence() {
    this.#lastFrameAt = this.#env.clock.now();
    this.#cancelSilence();
    this.#cancelSilence = this.#env.clock.after(this.#silenceMs, () => this.#drop());
  }

  /** @param {unknown} data */
  #onFrame(data) {
    const event = decode(data);
    if (event?.type === 'hello') {
      this.#silenceMs = event.ping_interval_ms + SILENCE_GRACE_MS;
      this.#helloAt = this.#env.clock.now();
      this.#strikes = 0;
    }
    this.#listenForSilence();
    if (event?.type === 'ping') this.send({ type: 'pong' });
    if (event?.type === 'drain') this.#drainMs = event.reconnect_in_ms;
    if (event?.type === 'error') this.#error = event.error;
    if (event) this.#handlers.event(event);
  }

  /** @param {number} code */
  #onClose(code) {
    this.#letGo();
    if (this.#helloAt && this.#env.clock.now() - this.#helloAt >= STABLE_MS) this.#backoff.reset();
    // A node that goes away may be gone before its close is through.
    const meaning = this.#drainMs === undefined ? closeMeaning(code) : 'restart';
    if (!this.#helloAt && meaning === 'lost' && this.#env.online()) this.#strikes += 1;
    if (this.#strikes >= STRIKES) return this.#handlers.blocked();
    const error = this.#error;
    const retryInMs = retryIn(meaning, this.#drainMs ?? error?.retry_after_ms, this.#backoff, this.#env.random);
    this.#ordered = isOrdered(meaning);
    if (retryInMs !== null) this.#retryAfter(retryInMs);
    this.#handlers.down({ meaning, error, retryInMs });
  }

  /** @param {number} wait */
  #retryAfter(wait) {
    this.#cancelRetry();
    this.#cancelRetry = this.#env.clock.after(wait, () => this.connect());
    return wait;
  }
}
