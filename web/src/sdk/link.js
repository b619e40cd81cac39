// The way to the gateway: a socket, and plain HTTP where the network lets no socket through.

/** @import { Command, ServerEvent } from './protocol.js' */
/** @import { Fall } from './retry.js' */
/** @import { LinkHandlers, SocketHandlers } from './socket.js' */

/** @typedef {'websocket' | 'sse' | 'poll'} TransportName */
/**
 * @typedef {object} Transport
 * @property {TransportName} [transport] none for a socket
 * @property {() => void} connect
 * @property {(command: Command) => void} send
 * @property {() => void} wake
 * @property {() => void} close
 */
/**
 * @typedef {object} LinkEnv
 * @property {(handlers: SocketHandlers) => (Transport & { reconnect: () => number }) | undefined} makeSocket none where sockets may not be used
 * @property {(handlers: LinkHandlers, isFirst: boolean) => Promise<Transport>} makeHttp not asked before it is needed;
 *   `isFirst` when no socket ever worked here
 */

export class Link {
  #handlers;
  #env;
  #socket;
  /** @type {Transport | undefined} */
  #http;
  /** @type {Transport | undefined} */
  #active;
  #isWanted = false;
  #socketWorks = false;

  /**
   * @param {LinkHandlers} handlers
   * @param {LinkEnv} env
   */
  constructor(handlers, env) {
    this.#handlers = handlers;
    this.#env = env;
    /** @param {ServerEvent} heard */
    const event = (heard) => {
      this.#socketWorks = true;
      handlers.event(heard);
    };
    this.#active = this.#socket = env.makeSocket({ ...handlers, event, blocked: () => this.#fallBack() });
  }

  get transport() {
    return this.#active?.transport ?? 'websocket';
  }

  connect() {
    this.#isWanted = true;
    if (this.#active) this.#active.connect();
    else void this.#fallBack();
  }

  /** @param {Command} command */
  send(command) {
    this.#active?.send(command);
  }

  /** A socket that worked once may work again: the network may be another by now. */
  wake() {
    if (this.#active === this.#socket || !this.#socketWorks) return this.#active?.wake();
    this.#http?.close();
    this.#active = this.#socket;
    this.#active?.connect();
  }

  close() {
    this.#isWanted = false;
    this.#socket?.close();
    this.#http?.close();
  }

  async #fallBack() {
    try {
      this.#http ??= await this.#env.makeHttp({ ...this.#handlers, down: (fall) => this.#onHttpDown(fall) }, !this.#socketWorks);
    } catch {
      return this.#onHttpDown({ meaning: 'lost', retryInMs: null });
    }
    this.#active = this.#http;
    if (this.#isWanted) this.#http.connect();
  }

  /** HTTP gets no answer either: it was not the sockets. Begin again with them. @param {Fall} fall */
  #onHttpDown(fall) {
    if (fall.meaning !== 'lost' || !this.#socket) return this.#handlers.down(fall);
    this.#http?.close();
    this.#active = this.#socket;
    this.#handlers.down({ ...fall, retryInMs: this.#socket.reconnect() });
  }
}
