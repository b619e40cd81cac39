// Brings a login, the session it opens and what the person sees together.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { ScanLoginOptions } from '../sdk/index.js' */
/** @import { Baton, LoginState, ScanLogin, Wishes } from '../sdk/scan-login.js' */
/** @import { Authorized, Locale, Person } from '../sdk/protocol.js' */
/** @import { Config, Device } from './offer.js' */
/** @import { ActionId } from './presentation.js' */
/** @import { Store } from './unfinished-login.js' */
/** @import { LoginView } from './view.js' */
/** @import { loadWords } from './words.js' */
/** @import { Words } from './i18n/en.js' */

import { chooseFlow, flowAfter, loadConfig } from './offer.js';
import { present } from './presentation.js';
import { UnfinishedLogin } from './unfinished-login.js';
import { asLocale } from './words.js';

/** How long a login waits to learn whose browser this is. */
const WHO_MS = 3_000;
/** How long the first command waits to learn which flows there are: the gateway waits 5 s for it. */
const CONFIG_MS = 2_000;

/** What the person cannot mend. */
const BROKEN = /outdated|insecure/;
/** An `error` that bubbled would reach `window.onerror`. */
const QUIETLY = { bubbles: false, composed: false };
/** Nothing is to be kept of a login that has ended. */
const GOES_ON = /opening|pending|scanned|verifying|authorized|waiting/;

/** From `createSession`, or of that shape. @typedef {NonNullable<ScanLoginOptions['session']> & { whoIsHere?: () => Promise<Person | null> }} Session */

/**
 * What the page around it wants, which may change at any time; it is told by events. The element itself.
 * @typedef {object} Wants
 * @property {string} baseUrl
 * @property {string} app '' for the default one
 * @property {string} flow
 * @property {string} locale
 * @property {string} returnTo where this page is found again; must be among the app's `return_urls`
 * @property {number} autoRenew
 * @property {string} confirm
 * @property {string} redeem
 * @property {Session | null} session
 * @property {string} device '' where the page does not know
 * @property {Partial<Words>} strings
 */
/** @typedef {EventTarget & Wants} Host */

/**
 * @typedef {object} Env
 * @property {(options: ScanLoginOptions) => ScanLogin} createLogin
 * @property {Clock} clock
 * @property {() => Store} store may throw: it can be forbidden
 * @property {typeof loadWords} words
 * @property {() => Device} device
 * @property {typeof fetch} [fetch]
 * @property {Pick<Location, 'assign' | 'reload' | 'search' | 'hash'>} location
 */

export class Controller {
  #host;
  #view;
  #env;
  #signal;
  /** Of the login there is now. */
  #life = new AbortController();
  #unfinished;
  #configured;
  #resuming;
  /** By the switch. */
  #chosen = '';
  /** @type {{ here: Person | null } | null} */
  #asking = null;
  /** @type {Promise<Person | null> | null} */
  #here = null;
  /** @type {LoginState | null} */
  #state = null;
  #wrong = false;
  #sentence = '';
  /** @type {Partial<Record<Locale, Words>>} */
  #languages = {};
  /** @type {Config | null} */
  config = null;
  login;

  /**
   * @param {Host} host
   * @param {LoginView} view
   * @param {AbortSignal} signal ends it
   * @param {Env} env
   */
  constructor(host, view, signal, env) {
    this.#host = host;
    this.#view = view;
    this.#env = env;
    this.#signal = signal;
    const { baseUrl, app } = host;
    this.#unfinished = new UnfinishedLogin({ ...env, app });
    const left = this.#unfinished.read();
    this.#resuming = left !== null;
    signal.addEventListener('abort', () => this.#life.abort());
    this.login = this.#open(left?.baton);
    this.#configured = loadConfig({ ...env, baseUrl, app, signal }).then((config) => {
      this.config = config;
      if (config) this.#emit('configured', config);
      this.render();
      return config;
    });
    this.#tick();
  }

  /** @param {Baton} [resume] */
  #open(resume) {
    const { baseUrl, session, autoRenew } = this.#host;
    const { signal } = (this.#life = new AbortController());
    const login = this.#env.createLogin({
      autoRenew, signal, locale: this.#locale, wishes: () => this.#wishes(),
      ...(baseUrl && { baseUrl }), ...(session && { session }), ...(resume && { resume }),
    });
    login.addEventListener('statechange', () => this.#onChange(), { signal });
    return login;
  }

  get #device() {
    return /** @type {Device} */ (this.#host.device || this.#env.device());
  }

  get #lang() {
    return this.#host.locale || (navigator.languages.find(asLocale) ?? 'en');
  }

  /** Of the languages of the gateway's messages, the nearest. */
  get #locale() {
    return asLocale(this.#lang) ?? 'en';
  }

  /** Until they are here there is nothing to say. @returns {Words | undefined} */
  get #words() {
    const locale = this.#locale;
    const own = this.#languages[locale];
    if (own) return { ...own, ...this.#host.strings };
    void this.#env.words(locale).then((words) => {
      this.#languages[locale] = words;
      this.render();
    }, () => {});
  }

  #tick() {
    if (this.#signal.aborted) return;
    this.#env.clock.after(1_000, () => this.#tick());
    this.render();
  }

  /** What `start` says. The gateway's default flow needs no mention, and is not waited for. @returns {Promise<Wishes>} */
  async #wishes() {
    const asked = this.#chosen || this.#host.flow;
    if (asked || this.#device === 'wechat') await this.#within(CONFIG_MS, this.#configured);
    const { app, returnTo: return_to } = this.#host;
    const device = this.#device;
    const flow = this.config && chooseFlow(this.config, asked, device === 'wechat');
    // As long as the flow is not known, it may be one that leaves this page.
    const leaves = !flow || flow === 'website' || (flow === 'h5' && device === 'wechat');
    return {
      locale: this.#locale, ...(app && { app }), ...(flow && flow !== this.config?.default_flow && { flow }),
      ...(leaves && return_to && this.#unfinished.works && { return_to }),
    };
  }

  /** @param {ActionId} id */
  act(id) {
    const { login } = this;
    const { location } = this.#env;
    switch (id) {
      case 'renew':
        return login.refresh();
      case 'confirm':
        return this.#redeem();
      case 'leave':
        return this.#leave();
      case 'switch':
        return this.startOver(this.#otherFlow() ?? '');
      case 'enter':
        if (this.#emit('enter', null, { cancelable: true })) location.reload();
        return;
      case 'reload':
        return location.reload();
    }
  }

  /** Ends this scene and opens another: the page, or the person, asks for another flow. */
  startOver(chosen = '') {
    this.#chosen = chosen;
    this.login.cancel();
    this.#life.abort();
    this.login = this.#open();
    this.#onChange();
  }

  render() {
    const words = this.#words;
    if (!words || this.#signal.aborted) return;
    const { login } = this;
    const device = this.#device;
    const { state, connection, renewsItself } = login;
    const flow = login.baton?.flow;
    const appName = this.config?.app.name ?? '';
    const shown = present({
      state, renewsItself, flow, device, appName, words, otherFlow: this.#otherFlow(), resuming: this.#resuming, mayLeave: Boolean(this.#wayOut()),
      wrong: this.#wrong, asking: this.#asking, gatewayNow: login.now(), now: this.#env.clock.now(),
    });
    this.#view.show({ shown, connection, appName, words, lang: this.#lang, codeIsLink: flow === 'h5' });
    if (shown.sentence === this.#sentence) return;
    this.#sentence = shown.sentence;
    this.#emit('status', shown.sentence);
  }

  #onChange() {
    const { state } = this.login;
    const isNew = state !== this.#state;
    if (isNew) this.#mind(state);
    this.#state = state;
    this.render();
    this.#emit('statechange', state);
    if (isNew) this.#tell(state);
  }

  /** @param {LoginState} state */
  #mind(state) {
    const before = this.#state;
    this.#asking = null;
    // Asked again: what was typed was not what the phone shows.
    this.#wrong = state.type === 'verifying' && before?.type === 'verifying' && (this.#wrong || before.seq < state.seq);
    // A login is kept for as long as it goes on, and no longer.
    if (this.login.baton?.scene !== this.#unfinished.scene || !GOES_ON.test(state.type)) {
      this.#resuming = false;
      if (this.#unfinished.scene) this.#unfinished.clear();
    }
    if (state.type === 'scanned') void this.#whoIsHere();
    if (state.type === 'authorized' && this.#host.redeem !== 'manual') void this.#onAuthorized(state);
  }

  /** @param {LoginState} state */
  #tell(state) {
    const isTheirs = state.type === 'authorized' && this.#host.redeem === 'manual';
    this.#emit(state.type, isTheirs ? { ...state, verifier: this.login.baton?.verifier } : state);
    if (state.type === 'failed') this.#emit('error', state.error, QUIETLY);
    if (state.type === 'stopped' && BROKEN.test(state.reason)) this.#emit('error', { code: 0, name: state.reason, message: this.#sentence }, QUIETLY);
  }

  /** @param {Authorized} state */
  async #onAuthorized(state) {
    const config = await this.#configured;
    const policy = this.#host.confirm || config?.confirm_in_browser;
    const here = policy === 'never' ? null : await this.#whoIsHere();
    if (this.login.state !== state) return;
    if (policy !== 'always' && (!here || isSame(here, state.user))) return this.#redeem();
    this.#asking = { here };
    this.render();
  }

  #redeem() {
    this.#asking = null;
    this.render();
    // What comes of it is a state.
    this.login.redeem().catch(() => {});
  }

  /** Asked once, when the phone has scanned: idle pages do not ask. */
  #whoIsHere() {
    this.#here ??= this.#within(WHO_MS, Promise.resolve(this.#host.session?.whoIsHere?.() ?? null));
    return this.#here;
  }

  /** To WeChat's page, or to the one on which this very phone confirms; what comes of it is told to whoever resumes. */
  #leave() {
    const { baton } = this.login;
    const { location } = this.#env;
    const url = this.#wayOut();
    if (url && baton && this.#unfinished.keep({ baton, search: location.search + location.hash })) location.assign(url);
  }

  /** WeChat's page leads back only to where it was told to; from the confirm page there is the way back by hand. */
  #wayOut() {
    const { state } = this.login;
    if (state.type !== 'pending' || !this.#unfinished.works) return '';
    const url = state.embed_url ? this.#host.returnTo && state.embed_url : state.qr?.text;
    return url && /^https?:/.test(url) ? url : '';
  }

  /** Inside WeChat there is nothing to choose: the other flows need a second screen. */
  #otherFlow() {
    const { login, config } = this;
    if (!config || this.#device === 'wechat') return null;
    return flowAfter(config, login.baton?.flow ?? chooseFlow(config, this.#chosen || this.#host.flow, false));
  }

  /** @param {string} type @param {unknown} detail @param {CustomEventInit} [init] */
  #emit(type, detail, init) {
    return this.#host.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, ...init, detail }));
  }

  /** @template T @param {number} ms @param {Promise<T>} promise @returns {Promise<T | null>} */
  #within(ms, promise) {
    return Promise.race([promise, new Promise((resolve) => void this.#env.clock.after(ms, () => resolve(null)))]);
  }
}

/** `authorized` need not say the user's id; then name and picture have to do. @param {Person} a @param {Person} b */
function isSame(a, b) {
  if (a.id && b.id) return a.id === b.id;
  return a.name === b.name && a.avatar === b.avatar;
}
