// Hears from the gateway that the session has ended, by a socket of its own. A comfort: where no socket gets
// through, the page learns it when it next asks for a token.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { Transport } from '../sdk/link.js' */
/** @import { ServerEvent, SessionRevoked } from '../sdk/protocol.js' */
/** @import { Fall } from '../sdk/retry.js' */
/** @import { SocketHandlers } from '../sdk/socket.js' */

/** More patience than a login has: there is no other way, and no hurry. */
export const HANDSHAKE_MS = 10_000;
/** A network that lets no socket through is tried again after half of this at the earliest, and the whole at the latest. */
export const BLOCKED_MS = 60_000;
/** Tokens in a row that may be refused before it is left alone: each costs a refresh. */
export const REFUSALS = 3;

/**
 * @typedef {object} WatchEnv
 * @property {(handlers: SocketHandlers) => Transport & { reconnect: () => number }} makeSocket
 * @property {Clock} clock
 * @property {() => number} random
 */
/**
 * @typedef {object} WatchHandlers
 * @property {() => Promise<string>} token one that is good for now; empty when there is none
 * @property {() => Promise<unknown>} refused the gateway did not take the token: get another, or end
 * @property {(event: SessionRevoked) => void} revoked
 */

export class SessionWatch {
  #env;
  #handlers;
  #socket;
  #running = false;
  #refusals = 0;
  #cancelTimer = () => {};

  /**
   * @param {WatchEnv} env
   * @param {WatchHandlers} handlers
   */
  constructor(env, handlers) {
    this.#env = env;
    this.#handlers = handlers;
    this.#socket = env.makeSocket({
      open: () => void this.#attach(),
      event: (event) => this.#onEvent(event),
      down: (fall) => void this.#onDown(fall),
      blocked: () => this.#onBlocked(),
    });
  }

  start() {
    this.#running = true;
    this.#refusals = 0;
    this.#socket.connect();
  }

  stop() {
    this.#running = false;
    this.#cancelTimer();
    this.#socket.close();
  }

  /** The page can be seen again, or the network is back. */
  wake() {
    if (this.#running) this.#socket.wake();
  }

  async #attach() {
    const access_token = await this.#handlers.token();
    if (this.#running && access_token) this.#socket.send({ type: 'attach', access_token });
  }

  /** @param {ServerEvent} event */
  #onEvent(event) {
    if (event.type === 'attached') this.#refusals = 0;
    if (event.type === 'session_revoked') this.#handlers.revoked(event);
  }

  /** @param {Fall} fall */
  async #onDown({ meaning, retryInMs }) {
    if (retryInMs !== null) return;
    this.#refusals += 1;
    if (meaning !== 'token_refused' || this.#refusals > REFUSALS) return this.stop();
    await this.#handlers.refused();
    if (this.#running) this.#socket.reconnect();
  }

  #onBlocked() {
    const wait = Math.round((BLOCKED_MS / 2) * (1 + this.#env.random()));
    this.#cancelTimer();
    this.#cancelTimer = this.#env.clock.after(wait, () => this.#socket.connect());
  }
}
