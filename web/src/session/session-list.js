// The list of the user's sessions, and the ending of others than this one. No DOM; listen for `change`.

/** @import { Session, SessionClient } from './session-client.js' */

import { isUnauthenticated } from '../sdk/api.js';

/**
 * `ending`: ids that are being ended; `notEnded`: whether the last one could not be.
 * @typedef {{ name: 'loading' } | { name: 'failed' }
 *   | { name: 'ready', sessions: Session[], ending: ReadonlySet<string>, notEnded: boolean }} ListState
 */
/**
 * @typedef {object} ListEnv
 * @property {Pick<SessionClient, 'sessions' | 'endSession'>} client
 * @property {() => void} doubted the gateway no longer takes this session for a living one
 */

export class SessionList extends EventTarget {
  #env;
  /** @type {ListState} */
  #state = { name: 'loading' };
  #asked = 0;

  /** @param {ListEnv} env */
  constructor(env) {
    super();
    this.#env = env;
  }

  get state() {
    return this.#state;
  }

  /** Reads it anew; what was read before stays until then, and when there is no answer. */
  async load() {
    const asked = ++this.#asked;
    if (this.#state.name === 'failed') this.#set({ name: 'loading' });
    try {
      const sessions = await this.#env.client.sessions();
      if (asked === this.#asked) this.#set({ ...this.#ready(), sessions: inOrder(sessions) });
    } catch (cause) {
      if (isUnauthenticated(cause)) return this.#env.doubted();
      if (asked === this.#asked && this.#state.name === 'loading') this.#set({ name: 'failed' });
    }
  }

  /** Signs another session out. @param {string} id @returns {Promise<boolean>} whether that worked */
  async end(id) {
    this.#set({ ...this.#ready(), ending: new Set(this.#ready().ending).add(id), notEnded: false });
    const ended = await this.#tryToEnd(id);
    const { sessions, ending } = this.#ready();
    this.#set({
      ...this.#ready(),
      sessions: sessions.filter((each) => !ended || each.id !== id),
      ending: new Set([...ending].filter((each) => each !== id)),
      notEnded: !ended,
    });
    if (ended) await this.load();
    return ended;
  }

  /** @param {string} id */
  async #tryToEnd(id) {
    try {
      await this.#env.client.endSession(id);
      return true;
    } catch (cause) {
      if (isUnauthenticated(cause)) this.#env.doubted();
      return false;
    }
  }

  /** @returns {Extract<ListState, { name: 'ready' }>} */
  #ready() {
    return this.#state.name === 'ready' ? this.#state : { name: 'ready', sessions: [], ending: new Set(), notEnded: false };
  }

  /** @param {ListState} state */
  #set(state) {
    this.#state = state;
    this.dispatchEvent(new Event('change'));
  }
}

/** This one first, then those used last. @param {Session[]} sessions */
function inOrder(sessions) {
  return [...sessions].sort((a, b) => Number(b.current) - Number(a.current) || b.last_seen_at - a.last_seen_at);
}
