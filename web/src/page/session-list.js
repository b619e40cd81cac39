// The list of the user's sessions, and the ending of others than this one. No DOM; listen for `change`.

/** @import { ListedSession, Session } from '../session/index.js' */

/**
 * `ending`: ids that are being ended; `notEnded`: whether the last one could not be.
 * @typedef {{ name: 'loading' } | { name: 'failed' }
 *   | { name: 'ready', sessions: ListedSession[], ending: ReadonlySet<string>, notEnded: boolean }} ListState
 */

export class SessionList extends EventTarget {
  #session;
  /** @type {ListState} */
  #state = { name: 'loading' };
  #asked = 0;

  /** @param {Pick<Session, 'sessions' | 'endSession'>} session */
  constructor(session) {
    super();
    this.#session = session;
  }

  get state() {
    return this.#state;
  }

  /** Reads it anew; what was read before stays until then, and when there is no answer. */
  async load() {
    const asked = ++this.#asked;
    if (this.#state.name === 'failed') this.#set({ name: 'loading' });
    try {
      const sessions = await this.#session.sessions();
      if (asked === this.#asked) this.#set({ ...this.#ready(), sessions: inOrder(sessions) });
    } catch {
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
      await this.#session.endSession(id);
      return true;
    } catch {
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

/** This one first, then those used last. @param {ListedSession[]} sessions */
function inOrder(sessions) {
  return [...sessions].sort((a, b) => Number(b.current) - Number(a.current) || b.last_seen_at - a.last_seen_at);
}
