// One login, from the first code to the grant: what is said to the gateway when, and what state the
// person is in. No DOM; whoever shows it listens for `change`.

/** @import { Clock } from './clock.js' */
/** @import { Fall } from './retry.js' */
/** @import { LinkHandlers } from './socket.js' */
/** @import { Transport } from './link.js' */
/** @import { Pkce } from './pkce.js' */
/** @import { Authorized, Cancelled, Expired, Flow, Locale, Pending, Refused, Rejected, Scanned, ServerEvent, StateEvent, Verifying, WireError } from './protocol.js' */

import { GatewayClock } from './clock.js';
import { NotSupported } from './pkce.js';
import { isEnd, isState } from './protocol.js';

/** How often a code is renewed without anybody asking. */
export const RENEWALS = 5;
/** How long after its deadline a scene is waited for to say so itself. */
const DEADLINE_GRACE_MS = 2_000;

/** @typedef {{ name: 'failed', error: Pick<WireError, 'code' | 'name' | 'message'>, reference?: string }} FailedState */
/** @typedef {{ name: 'waiting', error: WireError | null, until: number, reference?: string }} WaitingState */
/** @typedef {{ name: 'stopped', why: 'taken_over' | 'redeemed' | 'outdated' | 'blocked' | 'insecure' }} StoppedState */
/** `wrong`: the digits sent before were not those on the phone. @typedef {{ name: 'verifying', event: Verifying, wrong: boolean }} VerifyingState */
/**
 * @typedef {{ name: 'opening' } | { name: 'pending', event: Pending } | { name: 'scanned', event: Scanned }
 *   | VerifyingState | { name: 'authorized', event: Authorized }
 *   | { name: 'rejected', event: Rejected } | { name: 'expired', event: Expired | null }
 *   | { name: 'cancelled', event: Cancelled } | FailedState | WaitingState | StoppedState} LoginState
 */
/** @typedef {'connecting' | 'live' | 'polling' | 'lost'} Connection */
/** What another page of this tab needs to go on with the login. @typedef {{ scene: string, secret: string, seq: number, verifier: string, flow: Flow }} Baton */
/** @typedef {{ app?: string, flow?: Flow, locale: Locale, return_to?: string }} Wishes */

/**
 * @typedef {object} LoginEnv
 * @property {(handlers: LinkHandlers) => Transport & { polling: boolean }} makeLink
 * @property {() => Promise<Pkce>} newPkce
 * @property {Clock} clock
 * @property {() => boolean} visible whether the person can see the page
 * @property {() => Wishes | Promise<Wishes>} wishes what to put into `start`; the gateway waits 5 s for it
 */

export class LoginSession extends EventTarget {
  #env;
  #link;
  #gatewayClock;
  /** @type {LoginState} */
  #state = { name: 'opening' };
  /** @type {Connection} */
  #connection = 'connecting';
  /** @type {{ id: string, secret: string, seq: number } | null} */
  #scene = null;
  #verifier = '';
  /** @type {Flow} */
  #flow = 'h5';
  /** The digits under way, and the state they answer. @type {{ seq: number, code: string } | null} */
  #digits = null;
  #greetings = 0;
  #renewalsUsed = 0;
  #renewing = false;
  #renewOnceCancelled = false;
  #renewable = false;
  #heardHello = false;
  #cancelDeadline = () => {};

  /** @param {LoginEnv} env */
  constructor(env) {
    super();
    this.#env = env;
    this.#gatewayClock = new GatewayClock(env.clock);
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

  /** What redeems the grant; never leaves this tab. */
  get verifier() {
    return this.#verifier;
  }

  /** How the phone proves who it is: what the gateway said last. */
  get flow() {
    return this.#flow;
  }

  /** What it takes to go on with this login elsewhere; `null` without a scene. @returns {Baton | null} */
  get baton() {
    if (!this.#scene) return null;
    const { id, secret, seq } = this.#scene;
    return { scene: id, secret, seq, verifier: this.#verifier, flow: this.#flow };
  }

  /** Whether the code will be renewed by itself when its time is up. */
  get renewsItself() {
    return this.#renewalsUsed < RENEWALS;
  }

  /** The gateway's time, to count deadlines by. */
  now() {
    return this.#gatewayClock.now();
  }

  /** @param {Baton | null} [baton] of a login to go on with */
  start(baton = null) {
    if (baton) {
      this.#scene = { id: baton.scene, secret: baton.secret, seq: baton.seq };
      this.#verifier = baton.verifier;
      this.#flow = baton.flow;
    }
    this.#link.connect();
  }

  /** Ends this scene and opens another, with other wishes. */
  startOver() {
    if (this.#scene && !this.#isOver()) this.#link.send({ type: 'cancel' });
    this.#renewalsUsed = 0;
    this.#startAgain();
  }

  /** The person asks for a new code: the automatic renewals begin again too. */
  renew() {
    this.#renewalsUsed = 0;
    this.#renew();
  }

  /** "That is not me", or "not this account": ends this scene and opens another. */
  cancel() {
    if (!this.#scene || this.#connection === 'lost') return this.renew();
    this.#renewOnceCancelled = true;
    this.#link.send({ type: 'cancel' });
  }

  /** @param {string} code the digits on the phone */
  verify(code) {
    if (this.#state.name !== 'verifying') return;
    this.#digits = { seq: this.#state.event.seq, code };
    this.#link.send({ type: 'verify', code });
  }

  /** The page can be seen again, or the network is back. */
  wake() {
    if (this.#isUnderWay()) this.#link.wake();
    if (this.#state.name === 'expired' && this.#mayRenew()) this.#renewItself();
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

  /** The grant is about to be redeemed: whatever comes of that, the link has nothing more to say. */
  hangUp() {
    this.#link.close();
  }

  /**
   * The grant could not be redeemed: this login is over.
   * @param {Pick<WireError, 'code' | 'name' | 'message'>} error
   * @param {string} [reference]
   */
  abandon(error, reference) {
    this.#forget();
    this.#link.close();
    this.#set({ name: 'failed', error, ...(reference && { reference }) });
  }

  async #sayFirst() {
    if (this.#scene) {
      const { id, secret, seq } = this.#scene;
      return this.#link.send({ type: 'resume', scene: id, secret, seq });
    }
    this.#set({ name: 'opening' });
    const greeting = ++this.#greetings;
    try {
      const [{ verifier, challenge }, wishes] = await Promise.all([this.#env.newPkce(), this.#env.wishes()]);
      // A link that came up meanwhile has a greeting of its own.
      if (greeting !== this.#greetings) return;
      this.#verifier = verifier;
      this.#link.send({ type: 'start', challenge, ...wishes });
    } catch (cause) {
      this.#link.close();
      if (!(cause instanceof NotSupported)) throw cause;
      this.#set({ name: 'stopped', why: 'insecure' });
    }
  }

  /** @param {ServerEvent} event */
  #onEvent(event) {
    if (isState(event)) return this.#onState(event);
    switch (event.type) {
      case 'hello':
      case 'ping':
        this.#heardHello = true;
        return this.#gatewayClock.set(event.now);
      case 'error':
        return this.#onRefused(event);
      default:
    }
  }

  /** @param {StateEvent} event */
  #onState(event) {
    if (event.type === 'pending') this.#adopt(event);
    else if (event.scene !== this.#scene?.id || event.seq < this.#scene.seq) return;
    if (this.#scene) this.#scene.seq = event.seq;
    this.#connection = this.#link.polling ? 'polling' : 'live';
    const wasPending = this.#renewable;
    this.#renewable = event.type === 'pending' || (event.type === 'expired' && wasPending);
    this.#watchDeadline(event);
    if (event.type === 'cancelled' && this.#renewOnceCancelled) return this.#refresh();
    if (event.type === 'expired' && this.#renewing) return;
    if (event.type === 'expired' && this.#mayRenew()) return this.#renewItself();
    this.#renewing = false;
    this.#renewOnceCancelled &&= !isEnd(event) && event.type !== 'pending';
    this.#set(asState(event, this.#state));
    this.#sayDigitsAgain(event);
  }

  /** The link fell with the digits under way, and the scene still waits for them. @param {StateEvent} event */
  #sayDigitsAgain({ seq }) {
    if (this.#digits?.seq === seq) this.#link.send({ type: 'verify', code: this.#digits.code });
    else this.#digits = null;
  }

  /** @param {Pending} event */
  #adopt(event) {
    this.#scene = { id: event.scene, secret: event.secret, seq: event.seq };
    this.#flow = event.flow;
    // Over HTTP there is no `hello`: a code just drawn is the next best clock.
    if (!this.#heardHello && !event.replay) this.#gatewayClock.set(event.at);
  }

  /** @param {Refused} event */
  #onRefused({ ref }) {
    if (ref === 'refresh') this.#renewing = false;
    if (ref === 'verify') this.#digits = null;
    if (ref === 'cancel' && this.#renewOnceCancelled) {
      this.#renewOnceCancelled = false;
      if (this.#isOver()) this.#refresh();
    }
  }

  /** @param {Fall} fall */
  #onDown(fall) {
    this.#renewing = false;
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
  #afterFall({ meaning, error, retryInMs, requestId }) {
    const reference = requestId ? { reference: requestId } : {};
    switch (meaning) {
      case 'finished':
        return this.#state.name === 'authorized' ? this.#state : { name: 'expired', event: null };
      case 'taken_over':
      case 'redeemed':
      case 'outdated':
      case 'blocked':
        return { name: 'stopped', why: meaning };
      case 'refused':
      case 'token_refused':
        return { name: 'failed', error: error ?? { code: 0, name: meaning, message: '' }, ...reference };
      case 'overloaded':
      case 'limited':
        return { name: 'waiting', error: error ?? null, until: this.#env.clock.now() + (retryInMs ?? 0), ...reference };
      default: // A code that was good stays good while the link is away.
        if (this.#scene) return this.#state;
        if (!error || !retryInMs || meaning !== 'lost') return { name: 'opening' };
        return { name: 'waiting', error, until: this.#env.clock.now() + retryInMs, ...reference };
    }
  }

  #mayRenew() {
    return this.#renewable && this.renewsItself && this.#env.visible();
  }

  #renewItself() {
    this.#renewalsUsed += 1;
    this.#renew();
  }

  #renew() {
    if (!this.#scene || this.#connection === 'lost') return this.#startAgain();
    if (this.#isOver()) this.#set({ name: 'opening' });
    this.#refresh();
  }

  #refresh() {
    this.#renewing = true;
    this.#renewOnceCancelled = false;
    this.#cancelDeadline();
    this.#link.send({ type: 'refresh' });
  }

  #startAgain() {
    this.#link.close();
    this.#forget();
    this.#set({ name: 'opening' }, 'connecting');
    this.#link.connect();
  }

  #forget() {
    this.#scene = this.#digits = null;
    this.#renewing = this.#renewOnceCancelled = false;
    this.#cancelDeadline();
  }

  /** Whether nothing more is to come by itself. A deadline that only passed here is not the gateway's word. */
  #isOver() {
    if (this.#state.name === 'expired') return this.#state.event !== null;
    return ['rejected', 'cancelled', 'failed', 'stopped'].includes(this.#state.name);
  }

  /** Whether the link has something to be up for: a scene, or one about to be opened. */
  #isUnderWay() {
    return this.#scene !== null || ['opening', 'waiting'].includes(this.#state.name);
  }

  /** A deadline is shown as past even when the link that would say so is gone. @param {StateEvent} event */
  #watchDeadline(event) {
    this.#cancelDeadline();
    if (!('expires_at' in event)) return;
    const wait = Math.max(0, event.expires_at - this.now()) + DEADLINE_GRACE_MS;
    this.#cancelDeadline = this.#env.clock.after(wait, () => this.#pastDeadline());
  }

  #pastDeadline() {
    if (this.#connection !== 'lost' && this.#mayRenew()) return this.#renewItself();
    this.#set({ name: 'expired', event: null });
  }

  /**
   * @param {LoginState} state
   * @param {Connection} [connection]
   */
  #set(state, connection = this.#connection) {
    this.#state = state;
    this.#connection = connection;
    this.dispatchEvent(new Event('change'));
  }
}

/** @param {StateEvent} event @param {LoginState} before @returns {LoginState} */
function asState(event, before) {
  switch (event.type) {
    case 'pending':
      if (isShowable(event)) return { name: 'pending', event };
      return { name: 'failed', error: { code: 0, name: 'flow_unknown', message: '' }, reference: event.trace_id };
    case 'scanned':
      return { name: 'scanned', event };
    case 'verifying':
      return { name: 'verifying', event, wrong: before.name === 'verifying' && (before.wrong || before.event.seq < event.seq) };
    case 'authorized':
      return { name: 'authorized', event };
    case 'rejected':
      return { name: 'rejected', event };
    case 'expired':
      return { name: 'expired', event };
    case 'cancelled':
      return { name: 'cancelled', event };
    case 'failed':
      return { name: 'failed', error: event.error, reference: event.trace_id };
  }
}

/** Whether there is something to scan: a code, or an address to frame that is nothing but an address. @param {Pending} event */
function isShowable({ qr, embed_url: url }) {
  return Boolean(qr) || /^https?:\/\//.test(url ?? '');
}
