// A session as a page has it: who is signed in, tokens for its calls, and word at once when it is over, from the
// gateway and from the other tabs. Knows no page: it is told when that is seen, left and found again.

/** @import { Api } from '../sdk/api.js' */
/** @import { Clock } from '../sdk/clock.js' */
/** @import { TypedTarget } from '../sdk/events.d.ts' */
/** @import { SessionRevoked } from '../sdk/protocol.js' */
/** @import { FetchEnv, Tokens } from './authorized-fetch.js' */
/** @import { User } from '../sdk/redeem.js' */
/** @import { Credentials, ListedSession, Me, SessionClient } from './session-client.js' */
/** @import { SessionHint } from './session-hint.js' */
/** @import { Reason, SessionEvents, SessionState } from './session-state.js' */
/** @import { SessionWatch, WatchHandlers } from './session-watch.js' */

import { ApiError, isUnauthenticated } from '../sdk/api.js';
import { Backoff } from '../sdk/backoff.js';
import { authorizedFetch, withToken } from './authorized-fetch.js';
import { Forgotten } from './session-client.js';
import { SignedOutError } from './session-state.js';

/** Between two tries to get a token, and before the one after `replaced`. */
export const PAUSE_MS = 1_000;
/** How long a page that was refused a token without a reason listens for one: the socket may bring it. */
export const LAST_WORD_MS = 2_000;
/** How long anybody waits to learn whose browser this is. */
export const WHO_MS = 3_000;

/**
 * What the tabs of one app tell each other. Never a token: a message is no proof of who sent it.
 * @typedef {{ signed_out: string, reason: Reason } | { signed_in: string }} Told
 */
/** @typedef {Pick<BroadcastChannel, 'postMessage' | 'close'> & { onmessage: ((message: MessageEvent) => void) | null }} Channel */
/**
 * @typedef {Pick<FetchEnv, 'fetch' | 'isOurs'> & {
 *   api: Api, client: SessionClient, hint: SessionHint, clock: Clock, random: () => number, channel: Channel,
 *   visible: () => boolean, end: AbortController,
 *   makeWatch: (handlers: WatchHandlers) => Pick<SessionWatch, 'start' | 'stop' | 'wake'>,
 * }} SessionEnv
 */

const Target = /** @type {new () => TypedTarget<SessionEvents>} */ (EventTarget);

export class Session extends Target {
  #env;
  #backoff;
  #watch;
  /** @type {SessionState} */
  #state = { type: 'opening' };
  /** The session that is signed in, or that was. */
  #session = '';
  #leaving = false;
  /** What was told of the end while this tab signs out. @type {Reason | ''} */
  #word = '';
  /** Another token is wanted, whatever the clock says: when the page is seen, or somebody asks for one. */
  #isDue = false;
  #cancelTimer = () => {};
  /** @type {Tokens} */
  #tokens = { get: () => this.getAccessToken(), another: (refused) => this.#another(refused) };

  /** @param {SessionEnv} env */
  constructor(env) {
    super();
    this.#env = env;
    this.#backoff = new Backoff(env.random);
    this.#watch = env.makeWatch({
      token: () => this.getAccessToken().catch(() => ''),
      refused: () => this.renew(),
      revoked: (event) => this.#onRevoked(event),
    });
    /**
     * As the browser's `fetch`, with `Authorization: Bearer …` on calls to allowed origins; those to any other, and those
     * that bring an `Authorization` of their own, go out as they are. Needs no `this`: hand it to any client.
     *
     * Answered 401, it gets a new token and asks once more; what comes then is the answer. A body that is a
     * `ReadableStream` cannot be sent twice: then the 401 is the answer. Rejects as `fetch` does, and as
     * `getAccessToken` before anything is sent.
     *
     * A redirect to another origin: browsers take the token off, those from before 2023 do not all. Where an allowed
     * origin may send calls elsewhere, say `redirect: 'error'`. With `mode: 'no-cors'` there is no token, in any browser.
     * @readonly
     */
    this.fetch = authorizedFetch({ ...env, tokens: this.#tokens });
    env.channel.onmessage = ({ data }) => void this.#onTold(data ?? {});
    env.end.signal.addEventListener('abort', () => this.#onEnd());
  }

  /** What is known; each change comes with `statechange`. */
  get state() {
    return this.#state;
  }

  /** When the next token is due, in epoch milliseconds by this machine's clock; 0 without one. */
  get renewsAt() {
    return this.#env.client.renewsAt;
  }

  /**
   * The state, as soon as it is known; asks the gateway if nobody has, and anew when it was `unreachable`. Never
   * rejects.
   * @returns {Promise<SessionState>}
   */
  async ready() {
    if (!this.#isOver() && !this.#isHere()) await this.renew();
    return this.#state;
  }

  /**
   * A token that is good for now, to be used at once and kept nowhere: in memory there is one already. Whoever asks while
   * it is being renewed waits for the same answer. Needs no `this`.
   *
   * Rejects with {@link SignedOutError} when nobody is signed in; with `NoAnswer` or `ApiError` when the gateway
   * cannot be asked and the last token is over; with the signal's reason when closed.
   * @returns {Promise<string>}
   */
  getAccessToken = async () => {
    const { client, clock, end } = this.#env;
    end.signal.throwIfAborted();
    if (this.#needsToken()) {
      const cause = await this.renew();
      end.signal.throwIfAborted();
      if (cause && !this.#isOver() && client.expiresAt <= clock.now()) throw cause;
    }
    this.#expectSomebody();
    return client.accessToken;
  };

  /**
   * Opens the session of a scan login: what `createScanLogin({ session })` calls. An answer that is lost is asked for
   * again for 50 s. Rejects with `ApiError` (40002 `bad_grant` for a grant that is no good any more) or `NoAnswer`.
   * @param {string} grant of the event `authorized`
   * @param {string} verifier of the challenge the login was started with
   */
  redeem(grant, verifier) {
    return this.#open(this.#env.client.redeem(grant, verifier));
  }

  /**
   * A new user with a user name and a password, where the gateway has such accounts. Rejects with `ApiError`, whose
   * `message` is fit for the person (`name_taken`, `weak_password` …), or `NoAnswer`: then sign in, it may have worked.
   * @param {Credentials} credentials
   */
  register(credentials) {
    return this.#open(this.#env.client.register(credentials));
  }

  /**
   * Signs in by user name and password. Rejects with `ApiError` (40104 `bad_credentials`) or `NoAnswer`.
   * @param {Credentials} credentials
   */
  login(credentials) {
    return this.#open(this.#env.client.login(credentials));
  }

  /**
   * Whose browser this is already, for asking before another session takes the place; `null` where nobody has been, and
   * after 3 s without an answer. Never rejects.
   * @returns {Promise<User | null>}
   */
  async whoIsHere() {
    const { hint, clock } = this.#env;
    if (!this.#isHere() && hint.mayBeHere) {
      await new Promise((resolve) => {
        const cancel = clock.after(WHO_MS, () => resolve(undefined));
        void this.renew().then(resolve).then(cancel);
      });
    }
    return this.#state.type === 'signed_in' ? this.#state.user : null;
  }

  /**
   * Ends the session, in all tabs; `everywhere`, all sessions of the user. One that is over already is as good. Rejects
   * with `ApiError` or `NoAnswer`: then the person is still signed in.
   * @param {{ everywhere?: boolean }} [reach]
   */
  async signOut({ everywhere = false } = {}) {
    this.#leaving = true;
    this.#word = '';
    try {
      await this.#env.client.logout({ everywhere });
      const reason = everywhere ? 'signed_out_everywhere' : 'signed_out';
      if (this.#end(reason)) this.#tell({ signed_out: this.#session, reason });
    } catch (cause) {
      if (this.#word) this.#end(this.#word);
      if (!this.#isOver()) throw cause;
    } finally {
      this.#leaving = false;
    }
  }

  /** All live sessions of the user, in all apps. Rejects as `getAccessToken`. @returns {Promise<ListedSession[]>} */
  async sessions() {
    return /** @type {ListedSession[]} */ (await this.#asOwner((call) => this.#env.api.get('/sessions', call)));
  }

  /** Ends one session of the user; one that is over already is as good. Rejects as `getAccessToken`. @param {string} id */
  async endSession(id) {
    const path = `/sessions/${encodeURIComponent(id)}`;
    try {
      await this.#asOwner((call) => this.#env.api.delete(path, call));
    } catch (cause) {
      if (!(cause instanceof ApiError && cause.error.code === 40400)) throw cause;
    }
  }

  /** Frees everything: timers, socket, channel, listeners. Signs nobody out; nothing more is said or heard. */
  close() {
    this.#env.end.abort();
  }

  /** The page can be seen again, or the network is back: timers may have slept. */
  wake() {
    const isLate = this.#isHere() && this.#needsToken();
    if (this.#isDue || isLate || this.#state.type === 'unreachable') void this.renew();
    if (this.#isHere()) this.#watch.wake();
  }

  /** The page is left, and may be kept for the way back: browsers keep none that has a socket. */
  suspend() {
    this.#watch.stop();
  }

  /** It is found again. What the other tabs told meanwhile, it has not heard. */
  unsuspend() {
    this.#isDue = this.#state.type !== 'opening';
    if (this.#isHere()) this.#watch.start();
    this.wake();
  }

  /**
   * Asks for a token by the cookie, if there may be one.
   * @returns {Promise<unknown>} what went wrong, if anything did
   */
  async renew() {
    const { client, end } = this.#env;
    if (end.signal.aborted || (this.#isOver() && !this.#isDue)) return;
    this.#cancelTimer();
    try {
      this.#onToken(await client.refresh());
    } catch (cause) {
      this.#onNoToken(cause);
      return cause;
    }
  }

  #isHere() {
    return this.#state.type === 'signed_in';
  }

  #isOver() {
    return this.#state.type === 'signed_out';
  }

  #expectSomebody() {
    if (this.#state.type === 'signed_out') throw new SignedOutError(this.#state.reason);
  }

  #needsToken() {
    return this.#isDue || this.#env.client.renewsAt <= this.#env.clock.now();
  }

  /** Many calls are refused at once, and one renewal is for all of them. @param {string} refused */
  async #another(refused) {
    const { client } = this.#env;
    if (client.accessToken === refused) await this.renew();
    return client.accessToken === refused ? '' : client.accessToken;
  }

  /** @param {(call: { authorization: string, signal: AbortSignal }) => Promise<unknown>} call */
  async #asOwner(call) {
    const { signal } = this.#env.end;
    const outcome = await withToken(
      this.#tokens,
      (token) => call({ authorization: `Bearer ${token}`, signal }).catch((cause) => cause),
      isUnauthenticated,
    );
    if (isUnauthenticated(outcome)) this.#expectSomebody();
    if (outcome instanceof Error) throw outcome;
    return outcome;
  }

  /** @param {Promise<Me>} opening */
  async #open(opening) {
    const me = await opening;
    this.#onToken(me);
    this.#tell({ signed_in: me.session_id });
    return me;
  }

  /** @param {Me} me */
  #onToken(me) {
    if (this.#env.end.signal.aborted) return;
    const isNew = !this.#isHere() || this.#session !== me.session_id;
    this.#isDue = false;
    this.#backoff.reset();
    this.#schedule(this.#env.client.renewsAt - this.#env.clock.now());
    this.#session = me.session_id;
    if (isNew) {
      // Somebody may have signed in again in another tab: the cookie is then of another session.
      this.#watch.stop();
      this.#watch.start();
    }
    this.#set({ type: 'signed_in', ...me }, isNew);
  }

  /** @param {unknown} cause */
  #onNoToken(cause) {
    if (cause instanceof Forgotten || this.#env.end.signal.aborted) return;
    if (isUnauthenticated(cause)) return this.#onRefused(cause.error.reason);
    const known = cause instanceof ApiError ? cause.error : null;
    if (!known || known.retryable) this.#schedule(Math.max(this.#backoff.next(), known?.retry_after_ms ?? 0));
    if (!this.#isHere() && !this.#isOver()) this.#set({ type: 'unreachable', message: known?.message ?? '' });
  }

  /** @param {Reason} [reason] */
  #onRefused(reason) {
    this.#isDue = false;
    if (this.#isOver()) return;
    if (!this.#isHere()) this.#end('nobody');
    else if (this.#end(reason ?? 'unknown') && reason) this.#tell({ signed_out: this.#session, reason });
  }

  /** @param {SessionRevoked} event */
  #onRevoked({ session_id, reason = 'unknown' }) {
    if (session_id === this.#session && this.#onWord(reason)) this.#tell({ signed_out: session_id, reason });
  }

  /** @param {Partial<{ signed_out: string, reason: Reason, signed_in: string }>} told */
  async #onTold({ signed_out, reason = 'unknown', signed_in }) {
    if (signed_out && signed_out === this.#session) this.#onWord(reason);
    if (!signed_in) return;
    // One that was asked for before is an answer about before.
    await this.#env.client.refreshing?.catch(() => {});
    if (this.#isHere() && signed_in === this.#session) return;
    this.#onDue();
  }

  /** What the gateway or another tab says of the end. @param {Reason} reason @returns {boolean} whether it counts */
  #onWord(reason) {
    if (this.#leaving) {
      // The answer to the sign-out takes the cookie away: a page that hears of it before would be left before.
      this.#word = reason;
      return true;
    }
    if (reason !== 'replaced' || !this.#isHere()) return this.#end(reason);
    // The cookie of the session that takes the place is set by the answer to its login, which may come after this.
    this.#schedule(0);
    return true;
  }

  /** @param {Told} told */
  #tell(told) {
    if (!this.#env.end.signal.aborted) this.#env.channel.postMessage(told);
  }

  /** Of two reasons the first one counts, unless it was none. @param {Reason} reason @returns {boolean} whether it counts */
  #end(reason) {
    if (this.#state.type === 'signed_out' && (this.#state.reason !== 'unknown' || reason === 'unknown')) return false;
    const isNew = !this.#isOver();
    this.#isDue = false;
    this.#cancelTimer();
    this.#env.client.forget();
    if (reason === 'unknown') this.#cancelTimer = this.#env.clock.after(LAST_WORD_MS, () => this.#watch.stop());
    else this.#watch.stop();
    this.#set({ type: 'signed_out', reason: this.#leaving ? 'left' : reason }, isNew);
    return true;
  }

  /** @param {number} wait */
  #schedule(wait) {
    this.#cancelTimer();
    this.#cancelTimer = this.#env.clock.after(Math.max(wait, PAUSE_MS), () => this.#onDue());
  }

  /** Of twenty tabs one is looked at: the others do without until they are, or need a token. */
  #onDue() {
    this.#isDue = true;
    if (this.#env.visible()) void this.renew();
  }

  #onEnd() {
    this.#cancelTimer();
    this.#watch.stop();
    this.#env.channel.close();
  }

  /** Comes last: who hears of it may close the session. @param {SessionState} state @param {boolean} [isNew] whether it begins with this */
  #set(state, isNew = true) {
    if (JSON.stringify(state) === JSON.stringify(this.#state)) return;
    this.#state = Object.freeze(state);
    for (const type of isNew ? [state.type, 'statechange'] : ['statechange']) {
      this.dispatchEvent(new CustomEvent(type, { detail: state }));
    }
  }
}
