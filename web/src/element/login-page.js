// Brings a login, the session it opens and the page together.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { Config } from './config.js' */
/** @import { Device } from './device.js' */
/** @import { LoginSession, Wishes } from '../sdk/login-session.js' */
/** @import { ActionId } from './presentation.js' */
/** @import { Authorized, Flow, Locale, Person } from '../sdk/protocol.js' */
/** @import { SessionClient } from '../session/session-client.js' */
/** @import { Strings } from './i18n/zh-cn.js' */
/** @import { Left, UnfinishedLogin } from './unfinished-login.js' */
/** @import { LoginView } from './view.js' */

import { ApiError } from '../sdk/api.js';
import { chooseFlow, flowAfter } from './flow.js';
import { present } from './presentation.js';

/** How long the person sees that it worked. */
export const WELCOME_MS = 600;
/** How long a login waits to learn whose browser this is. */
const WHO_MS = 3_000;
/** How long the first command waits to learn which flows there are: the gateway waits 5 s for it. */
const CONFIG_MS = 2_000;

/** From these, only a new scene leads on. */
const ENDS = ['rejected', 'expired', 'cancelled', 'failed', 'stopped'];

/**
 * @typedef {object} PageEnv
 * @property {LoginSession} session
 * @property {SessionClient} client
 * @property {LoginView} view
 * @property {Promise<Config | null>} config
 * @property {Clock} clock
 * @property {() => Strings} strings
 * @property {() => Locale} locale
 * @property {string} [app]
 * @property {Device} device
 * @property {boolean} playsWeChat in sandbox mode this browser counts as WeChat's
 * @property {Flow | null} flow asked for by the page's address
 * @property {string} search the page's query, to be found again after it was left
 * @property {UnfinishedLogin} unfinished
 * @property {Left | null} left the login this page goes on with
 * @property {string} [returnTo] where this page is found again; must be among the app's `return_urls`
 * @property {(url: string) => void} leave for another page, in this window
 * @property {() => void} enter goes on to the signed-in page
 * @property {() => void} reload because the person asked
 * @property {() => void} reloadOnce because the gateway speaks a newer version; not over and over
 */

export class LoginPage {
  #env;
  /** @type {Config | null} */
  #config = null;
  /** @type {{ here: Person | null } | null} */
  #asking = null;
  /** @type {Promise<Person | null> | null} */
  #here = null;
  /** The grant in hand; what comes for another is not ours. */
  #grant = '';
  #entering = false;
  #reloading = false;
  /** @type {Flow | null} */
  #flow = null;
  #resuming;

  /** @param {PageEnv} env */
  constructor(env) {
    this.#env = env;
    this.#flow = env.flow;
    this.#resuming = env.left !== null;
  }

  start() {
    this.#env.session.addEventListener('change', () => this.#onChange());
    void this.#env.config.then((config) => {
      this.#config = config;
      this.render();
    });
    this.#env.session.start(this.#env.left?.baton);
    this.#tick();
  }

  /** What `start` says: the gateway's default flow needs no mention. @returns {Promise<Wishes>} */
  async wishes() {
    const { app, locale, returnTo, unfinished } = this.#env;
    const config = await this.#within(CONFIG_MS, this.#env.config);
    const flow = config && chooseFlow(config, this.#flow, this.#device() === 'wechat');
    // As long as the flow is not known, it may be one that leaves this page.
    const leaves = !flow || flow === 'website' || (flow === 'h5' && this.#device() === 'wechat');
    return {
      ...(app && { app }), locale: locale(), ...(flow && flow !== config.default_flow && { flow }),
      ...(leaves && returnTo && unfinished.works && { return_to: returnTo }),
    };
  }

  /** @param {ActionId} id */
  act(id) {
    const { session, view, enter, reload } = this.#env;
    switch (id) {
      case 'renew':
        return session.renew();
      case 'cancel':
        return session.cancel();
      case 'confirm':
        return void this.#redeem();
      case 'help':
        return view.openHelp();
      case 'reload':
        return reload();
      case 'enter':
        return enter();
      case 'leave':
        return this.#leave();
      case 'switch':
        this.#flow = this.#otherFlow();
        return session.startOver();
    }
  }

  render() {
    const { session, view, clock, strings } = this.#env;
    const appName = this.#config?.app.name ?? '';
    const shown = present({
      state: session.state, connection: session.connection, renewsItself: session.renewsItself,
      flow: session.flow, otherFlow: this.#otherFlow(), device: this.#device(), resuming: this.#resuming, mayLeave: this.#mayLeave(),
      gatewayNow: session.now(), now: clock.now(), asking: this.#asking, appName, strings: strings(),
    });
    const phoneUrl = this.#phoneUrl(shown.code?.text);
    const codeIsLink = session.flow === 'h5';
    view.show({ shown, connection: session.connection, appName, strings: strings(), phoneUrl, codeIsLink });
  }

  #tick() {
    this.#env.clock.after(1_000, () => this.#tick());
    if (!this.#entering) this.render();
  }

  #onChange() {
    if (this.#entering) return;
    const { state } = this.#env.session;
    this.#mindUnfinished();
    if (state.name === 'scanned') void this.#whoIsHere();
    if (state.name === 'stopped' && state.why === 'outdated') this.#reloadOnce();
    if (state.name !== 'authorized') this.#asking = null;
    else if (state.event.grant !== this.#grant) void this.#onAuthorized(state.event);
    this.render();
  }

  /** A login is kept for as long as it goes on, and no longer. */
  #mindUnfinished() {
    const { session, unfinished } = this.#env;
    if (session.baton?.scene === unfinished.scene && !ENDS.includes(session.state.name)) return;
    this.#resuming = false;
    if (unfinished.scene) unfinished.clear();
  }

  /** To WeChat's page, or to the one on which this very phone confirms; what comes of it is told to whoever resumes. */
  #leave() {
    const { session, unfinished, search, leave } = this.#env;
    const { state, baton } = session;
    if (state.name !== 'pending' || !baton) return;
    const url = state.event.embed_url ?? `/s/${encodeURIComponent(baton.scene)}`;
    if (unfinished.keep({ baton, search })) leave(url);
  }

  /** WeChat's page leads back only to where it was told to; from the confirm page there is the way back by hand. */
  #mayLeave() {
    const { session, unfinished, returnTo } = this.#env;
    return Boolean(session.flow !== 'website' || returnTo) && unfinished.works;
  }

  #device() {
    const { device, playsWeChat } = this.#env;
    return playsWeChat && this.#config?.sandbox ? 'wechat' : device;
  }

  /** Inside WeChat there is nothing to choose: the other flows need a second screen. */
  #otherFlow() {
    if (!this.#config || this.#device() === 'wechat') return null;
    const { baton, flow } = this.#env.session;
    return flowAfter(this.#config, baton ? flow : chooseFlow(this.#config, this.#flow, false));
  }

  /** @template T @param {number} ms @param {Promise<T>} promise @returns {Promise<T | null>} */
  #within(ms, promise) {
    return Promise.race([promise, new Promise((resolve) => void this.#env.clock.after(ms, () => resolve(null)))]);
  }

  /** A page on its way out hears of changes too. */
  #reloadOnce() {
    if (this.#reloading) return;
    this.#reloading = true;
    this.#env.reloadOnce();
  }

  /** @param {Authorized} event */
  async #onAuthorized(event) {
    this.#grant = event.grant;
    const config = await this.#env.config;
    const policy = config?.confirm_in_browser ?? 'auto';
    const here = policy === 'never' ? null : await this.#whoIsHere();
    if (this.#env.session.state.name !== 'authorized' || this.#grant !== event.grant) return;
    if (policy !== 'always' && !(here && !samePerson(here, event.user))) return void this.#redeem();
    this.#asking = { here };
    this.render();
  }

  /** Asked once, when the phone has scanned: idle pages do not ask. */
  #whoIsHere() {
    this.#here ??= this.#within(WHO_MS, this.#env.client.whoIsHere());
    return this.#here;
  }

  async #redeem() {
    const { session, client, clock, enter, unfinished } = this.#env;
    this.#entering = true;
    this.#asking = null;
    this.render();
    session.hangUp();
    try {
      await client.redeem(this.#grant, session.verifier);
      unfinished.clear();
      clock.after(WELCOME_MS, enter);
    } catch (cause) {
      this.#entering = false;
      const known = cause instanceof ApiError ? cause : null;
      session.abandon(known?.error ?? { code: 0, name: 'no_answer', message: '' }, known?.requestId);
    }
  }

  /** @param {string | undefined} text */
  #phoneUrl(text) {
    const url = this.#config?.sandbox?.phone_url;
    if (!url || !/^https?:\/\//.test(url)) return null;
    return text ? `${url}?scan=${encodeURIComponent(text)}` : url;
  }
}

/** `authorized` need not say the user's id; then name and picture have to do. @param {Person} a @param {Person} b */
function samePerson(a, b) {
  if (a.id && b.id) return a.id === b.id;
  return a.name === b.name && a.avatar === b.avatar;
}
