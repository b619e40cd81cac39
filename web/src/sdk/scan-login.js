// One login, from the first code to the session: what is said to the gateway when, and what state the
// person is in. No DOM; whoever shows it listens for `statechange`.

/** @import { Clock } from './clock.js' */
/** @import { Fall } from './retry.js' */
/** @import { LinkHandlers } from './socket.js' */
/** @import { Transport, TransportName } from './link.js' */
/** @import { Pkce } from './pkce.js' */
/** @import { TokenAnswer } from './redeem.js' */
/** @import { Authorized, Cancelled, Expired, Failed, Flow, Locale, Pending, Rejected, Scanned, ServerEvent, StateEvent, Verifying, WireError } from './protocol.js' */

import { ENDS } from './protocol.js';

/** How often a code is renewed without anybody asking. */
export const RENEWALS = 5;
/** How long after its deadline a scene is waited for to say so itself. */
const DEADLINE_GRACE_MS = 2_000;
/** @type {Opening} */
const OPENING = { type: 'opening' };
const OVER = [...ENDS, 'stopped', 'signed_in'];

/** Nothing is known yet: the code is on its way. @typedef {{ type: 'opening' }} Opening */
/** The gateway asked to wait; `until` is epoch milliseconds of this machine, then it goes on by itself. @typedef {{ type: 'waiting', error: WireError, until: number, trace_id?: string | undefined }} Waiting */
/** Failed on this side of the wire. @typedef {{ type: 'failed', error: Pick<WireError, 'code' | 'name' | 'message'>, trace_id?: string | undefined }} FailedHere */
/**
 * Nothing goes on by itself. `taken_over`: another page resumed the login; `redeemed`: it is complete;
 * `outdated`: this page speaks an old version; `insecure`: WebCrypto needs https; `closed`: by `close()` or
 * the signal.
 * @typedef {{ type: 'stopped', reason: 'taken_over' | 'redeemed' | 'outdated' | 'insecure' | 'closed' }} Stopped
 */
/** `access_token` and `expires_in` (seconds) are there unless a session client keeps them. @typedef {{ type: 'signed_in' } & Pick<TokenAnswer, 'user' | 'session_id'> & Partial<TokenAnswer>} SignedIn */
/** Without `seq`: the deadline passed, or the scene was given up, and the gateway has not said so. @typedef {{ type: 'expired' } | { type: 'cancelled' }} EndedHere */
/**
 * What the person sees. What came from the gateway is the event itself (see PROTOCOL.md).
 * @typedef {Opening | Pending | Scanned | Verifying | Authorized | Rejected | Expired | Cancelled | Failed
 *   | FailedHere | EndedHere | Waiting | Stopped | SignedIn} LoginState
 */
/** What carries the events. @typedef {'connecting' | TransportName | 'lost'} Connection */
/** What another page of this tab needs to go on with the login. @typedef {{ scene: string, secret: string, seq: number, verifier: string, flow: Flow }} Baton */
/** Fields of `start`. @typedef {{ app?: string, flow?: Flow, locale?: Locale, return_to?: string, svg?: boolean }} Wishes */
/** @typedef {{ [Type in LoginState['type']]: CustomEvent<Extract<LoginState, { type: Type }>> } & { statechange: CustomEvent<LoginState> }} LoginEvents */

/**
 * @typedef {object} LoginEnv
 * @property {(handlers: LinkHandlers) => Transport & { transport: TransportName }} makeLink
 * @property {() => Promise<Pkce | null>} newPkce `null` where that needs https
 * @property {(grant: string, verifier: string) => Promise<Omit<SignedIn, 'type'>>} redeem
 * @property {Clock} clock
 * @property {() => boolean} visible whether the person can see the page
 * @property {() => Wishes | Promise<Wishes>} wishes what to put into `start`; the gateway waits 5 s for it
 * @property {number} [renewals] how often a code is renewed without anybody asking
 */

/** The login came to an end that is not a session. */
export class ScanLoginError extends Error {
  /** @param {LoginState} state */
  constructor(state) {
    super(('error' in state && state.error?.message) || state.type);
    this.name = 'ScanLoginError';
    this.state = state;
  }
}

const Target = /** @type {new () => import('./events.d.ts').TypedTarget<LoginEvents>} */ (EventTarget);

export class ScanLogin extends Target {
  #env;
  #link;
  /** How far the gateway's clock is ahead of this machine's: deadlines on the wire are in its time. */
  #ahead = 0;
  /** @type {LoginState} */
  #state = OPENING;
  /** @type {Connection} */
  #connection = 'connecting';
  /** @type {Baton | null} */
  #scene = null;
  #verifier = '';
  /** The digits under way, and the state they answer. @type {{ seq: number, code: string } | null} */
  #digits = null;
  /** @type {Promise<SignedIn> | null} */
  #redeeming = null;
  #greeting = {};
  #renewals;
  #renewalsLeft;
  /** A new code is on its way, or is asked for as soon as the old scene is cancelled. @type {'' | 'refresh' | 'cancel'} */
  #renewing = '';
  /** Whether the scene was never more than a code: only such a one is renewed by itself. */
  #wasPending = false;
  #cancelDeadline = () => {};
  #closing = new AbortController();

  /** @param {LoginEnv} env */
  constructor(env) {
    super();
    this.#env = env;
    this.#renewalsLeft = this.#renewals = env.renewals ?? RENEWALS;
    this.#link = env.makeLink({
      open: () => void this.#sayFirst(),
      event: (event) => this.#onEvent(event),
      down: (fall) => this.#onDown(fall),
    });
  }

  get state() {
    return this.#state;
  }

  get connection() {
    return this.#connection;
  }

  /** Aborted by `close()`. */
  get signal() {
    return this.#closing.signal;
  }

  /** What it takes to go on with this login elsewhere; `null` without a scene. Never leaves this tab. @returns {Baton | null} */
  get baton() {
    return this.#scene && { ...this.#scene };
  }

  /** Whether the code will be renewed by itself when its time is up. */
  get renewsItself() {
    return this.#renewalsLeft > 0;
  }

  /** The gateway's time in epoch milliseconds, to count deadlines by. */
  now() {
    return this.#env.clock.now() + this.#ahead;
  }

  /** @param {Baton | null} [baton] of a login to go on with */
  start(baton) {
    if (baton) {
      this.#scene = { ...baton };
      this.#verifier = baton.verifier;
    }
    this.#link.connect();
  }

  /** A new code, whatever the state; a scan or a grant in hand is cancelled. Automatic renewals begin again. */
  refresh() {
    this.#renewalsLeft = this.#renewals;
    if (!this.#isUp() || this.#wasPending || this.#isOver()) return this.#renew();
    this.#renewing = 'cancel';
    this.#link.send({ type: 'cancel' });
  }

  /** Ends the scene: the code is good for nothing, a grant is burnt. */
  cancel() {
    if (this.#isOver()) return;
    if (this.#isUp()) this.#link.send({ type: 'cancel' });
    else this.#leave({ type: 'cancelled' });
  }

  /** @param {string} code the digits on the phone */
  verify(code) {
    if (this.#state.type !== 'verifying') return;
    this.#digits = { seq: this.#state.seq, code };
    this.#link.send({ type: 'verify', code });
  }

  /**
   * Turns the grant in hand into a session. A lost answer is asked for again.
   * @returns {Promise<SignedIn>}
   * @throws {ScanLoginError} without a grant, or when it is refused
   */
  redeem() {
    return (this.#redeeming ??= this.#redeem());
  }

  /**
   * Waits for the person, redeems the grant, and answers the session.
   * @returns {Promise<SignedIn>}
   * @throws {ScanLoginError} when the login ends otherwise: rejected, cancelled, expired, failed, stopped
   */
  async result() {
    for await (const state of this) {
      if (state.type === 'authorized') return this.redeem();
      if (state.type === 'signed_in') return state;
      if (OVER.includes(state.type)) break;
    }
    throw new ScanLoginError(this.#state);
  }

  /** The state now, and the latest one each time it has changed, until the person is signed in or nothing goes on. */
  async *[Symbol.asyncIterator]() {
    /** @type {LoginState | undefined} */
    let last;
    while (last?.type !== 'signed_in' && last?.type !== 'stopped') {
      if (last === this.#state) await new Promise((resolve) => this.addEventListener('statechange', resolve, { once: true }));
      else yield (last = this.#state);
    }
  }

  /** Nothing more is said or heard. The scene lives on until its time is over. */
  close() {
    this.#closing.abort();
    if (this.#state.type !== 'signed_in') this.#leave({ type: 'stopped', reason: 'closed' });
  }

  /** The page is visible or online again. */
  wake() {
    if (this.#state.type === 'expired' && this.#mayRenew()) this.#renewItself();
    else if (this.#scene || ['opening', 'waiting'].includes(this.#state.type)) this.#link.wake();
  }

  /** The page is put away (and may come back from the back/forward cache). */
  suspend() {
    if (this.#isOver()) this.#forget();
    this.#link.close();
    this.#set(this.#state, 'lost');
  }

  /** Back from `suspend`. */
  unsuspend() {
    if (!this.#isOver()) this.#link.connect();
  }

  /** @returns {Promise<SignedIn>} */
  async #redeem() {
    const state = this.#state;
    if (state.type !== 'authorized') throw new ScanLoginError(state);
    // Whatever comes of it, the link has nothing more to say.
    this.#link.close();
    this.#cancelDeadline();
    try {
      const answer = await this.#env.redeem(state.grant, this.#verifier);
      /** @type {SignedIn} */
      const signedIn = { ...answer, type: 'signed_in' };
      this.#leave(signedIn);
      return signedIn;
    } catch (cause) {
      const { error = { code: 0, name: 'no_answer', message: '' }, requestId } = /** @type {Partial<import('./api.js').ApiError>} */ (cause);
      this.#leave({ type: 'failed', error, trace_id: requestId });
      throw new ScanLoginError(this.#state);
    }
  }

  async #sayFirst() {
    if (this.#scene) {
      const { scene, secret, seq } = this.#scene;
      return this.#link.send({ type: 'resume', scene, secret, seq });
    }
    this.#set(OPENING);
    const greeting = (this.#greeting = {});
    const [pkce, wishes] = await Promise.all([this.#env.newPkce(), this.#env.wishes()]);
    // A link that came up meanwhile has a greeting of its own.
    if (greeting !== this.#greeting) return;
    if (!pkce) return this.#leave({ type: 'stopped', reason: 'insecure' });
    this.#verifier = pkce.verifier;
    this.#link.send({ type: 'start', challenge: pkce.challenge, ...wishes });
  }

  /** @param {ServerEvent} event */
  #onEvent(event) {
    if ('seq' in event) return this.#onState(event);
    if ('now' in event) this.#ahead = event.now - this.#env.clock.now();
    if (event.type !== 'error') return;
    if (event.ref === 'verify') this.#digits = null;
    if (event.ref === 'refresh') this.#renewing = '';
    // It was too late to cancel: what came in its stead has been shown.
    if (event.ref === 'cancel' && this.#renewing) {
      this.#renewing = '';
      if (this.#isOver()) this.#renew();
    }
  }

  /** @param {StateEvent} event */
  #onState(event) {
    const { type, seq } = event;
    if (event.type === 'pending') this.#adopt(event);
    else if (event.scene !== this.#scene?.scene || seq < this.#scene.seq) return;
    if (this.#scene) this.#scene.seq = seq;
    this.#redeeming = null;
    this.#connection = this.#link.transport;
    this.#wasPending = type === 'pending' || (type === 'expired' && this.#wasPending);
    this.#watchDeadline(event);
    if (this.#renewing === 'cancel' && type === 'cancelled') return this.#renew();
    if (type === 'expired') {
      if (this.#renewing === 'refresh') return;
      if (this.#mayRenew()) return this.#renewItself();
    }
    if (this.#renewing !== 'cancel' || ENDS.includes(type)) this.#renewing = '';
    this.#set(event);
    // The link fell with the digits under way, and the scene still waits for them.
    if (this.#digits?.seq === seq) this.#link.send({ type: 'verify', code: this.#digits.code });
    else this.#digits = null;
  }

  /** @param {Pending} event */
  #adopt({ scene, secret, seq, flow, at, replay }) {
    this.#scene = { scene, secret, seq, flow, verifier: this.#verifier };
    // Over HTTP there is no `hello`, and this machine's clock may have been set: a code just drawn tells the time.
    if (!replay) this.#ahead = at - this.#env.clock.now();
  }

  /** @param {Fall} fall */
  #onDown(fall) {
    this.#renewing = '';
    if (this.#isOver()) {
      this.#forget();
      return this.#link.close();
    }
    if (fall.meaning === 'scene_gone') this.#forget();
    const next = this.#afterFall(fall);
    if (fall.retryInMs === null) this.#forget();
    this.#set(next, fall.retryInMs === null ? this.#connection : 'lost');
  }

  /** @param {Fall} fall @returns {LoginState} */
  #afterFall({ meaning, error, retryInMs, trace_id }) {
    if (retryInMs !== null) { // A code that was good stays good while the link is away.
      if (this.#scene) return this.#state;
      return error?.retryable ? { type: 'waiting', error, until: this.#env.clock.now() + retryInMs, trace_id } : OPENING;
    }
    switch (meaning) {
      case 'taken_over':
      case 'redeemed':
      case 'outdated':
        return { type: 'stopped', reason: meaning };
      case 'finished':
        return this.#state.type === 'authorized' ? this.#state : { type: 'expired' };
      default:
        return { type: 'failed', error: error ?? { code: 0, name: meaning, message: '' }, trace_id };
    }
  }

  #mayRenew() {
    return this.#wasPending && this.renewsItself && this.#env.visible();
  }

  #renewItself() {
    this.#renewalsLeft -= 1;
    this.#renew();
  }

  #renew() {
    if (!this.#isUp()) return this.#startAgain();
    if (this.#isOver()) this.#set(OPENING);
    this.#renewing = 'refresh';
    this.#cancelDeadline();
    this.#link.send({ type: 'refresh' });
  }

  #startAgain() {
    this.#link.close();
    this.#forget();
    this.#set(OPENING, 'connecting');
    this.#link.connect();
  }

  /** This login is over, for a reason of this side. @param {LoginState} state */
  #leave(state) {
    this.#forget();
    this.#link.close();
    this.#set(state);
  }

  #forget() {
    this.#scene = this.#digits = null;
    this.#renewing = '';
    this.#greeting = {};
    this.#cancelDeadline();
  }

  /** Whether there is a scene, and a link to speak of it. */
  #isUp() {
    return this.#scene && this.#connection !== 'lost';
  }

  /** Whether nothing more is to come by itself. A deadline that only passed here is not the gateway's word. */
  #isOver() {
    const state = this.#state;
    return OVER.includes(state.type) && (state.type !== 'expired' || 'seq' in state);
  }

  /** A deadline is shown as past even when the link that would say so is gone. @param {StateEvent} event */
  #watchDeadline(event) {
    this.#cancelDeadline();
    if (!('expires_at' in event)) return;
    this.#cancelDeadline = this.#env.clock.after(event.expires_at - this.now() + DEADLINE_GRACE_MS, () => {
      if (this.#connection !== 'lost' && this.#mayRenew()) this.#renewItself();
      else this.#set({ type: 'expired' });
    });
  }

  /**
   * @param {LoginState} state
   * @param {Connection} [connection]
   */
  #set(state, connection = this.#connection) {
    const names = state === this.#state ? ['statechange'] : [state.type, 'statechange'];
    this.#state = state;
    this.#connection = connection;
    for (const name of names) this.dispatchEvent(new CustomEvent(name, { detail: state }));
  }
}
