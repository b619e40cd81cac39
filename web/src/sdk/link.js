// The way to the gateway: a socket, and plain HTTP where the network lets no socket through.

/** @import { Command } from './protocol.js' */
/** @import { Fall } from './retry.js' */
/** @import { LinkHandlers, SocketHandlers } from './socket.js' */

/**
 * @typedef {object} Transport
 * @property {() => void} connect
 * @property {(command: Command) => void} send
 * @property {() => void} wake
 * @property {() => void} close
 */

export class Link {
  #handlers;
  #socket;
  #poll;
  /** @type {Transport} */
  #active;

  /**
   * @param {(handlers: SocketHandlers) => Transport & { reconnect: () => number }} makeSocket
   * @param {(handlers: LinkHandlers) => Transport} makePoll
   * @param {LinkHandlers} handlers
   */
  constructor(makeSocket, makePoll, handlers) {
    this.#handlers = handlers;
    this.#socket = makeSocket({ ...handlers, blocked: () => this.#fallBack() });
    this.#poll = makePoll({ ...handlers, down: (fall) => this.#pollDown(fall) });
    this.#active = this.#socket;
  }

  /** Whether the login runs without live updates. */
  get polling() {
    return this.#active === this.#poll;
  }

  connect() {
    this.#active.connect();
  }

  /** @param {Command} command */
  send(command) {
    this.#active.send(command);
  }

  wake() {
    this.#active.wake();
  }

  close() {
    this.#socket.close();
    this.#poll.close();
  }

  #fallBack() {
    this.#active = this.#poll;
    this.#poll.connect();
  }

  /** HTTP gets no answer either: it was not the sockets. Begin again with them. @param {Fall} fall */
  #pollDown(fall) {
    if (fall.error?.code === 40400) return this.#handlers.down({ ...fall, meaning: 'blocked' });
    if (fall.meaning !== 'lost') return this.#handlers.down(fall);
    this.#poll.close();
    this.#active = this.#socket;
    this.#handlers.down({ ...fall, retryInMs: this.#socket.reconnect() });
  }
}
