// Brings a login, the session it opens and the page together.

/** @import { Clock } from './clock.js' */
/** @import { Config } from './config.js' */
/** @import { LoginSession } from './login-session.js' */
/** @import { ActionId } from './presentation.js' */
/** @import { Authorized, Person } from './protocol.js' */
/** @import { SessionClient } from './session-client.js' */
/** @import { Strings } from './i18n/zh-cn.js' */
/** @import { LoginView } from './view.js' */

import { ApiError } from './api.js';
import { present } from './presentation.js';

/** How long the person sees that it worked. */
export const WELCOME_MS = 600;
/** How long a login waits to learn whose browser this is. */
const WHO_MS = 3_000;

/**
 * @typedef {object} PageEnv
 * @property {LoginSession} session
 * @property {SessionClient} client
 * @property {LoginView} view
 * @property {Promise<Config | null>} config
 * @property {Clock} clock
 * @property {() => Strings} strings
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

  /** @param {PageEnv} env */
  constructor(env) {
    this.#env = env;
  }

  start() {
    this.#env.session.addEventListener('change', () => this.#onChange());
    void this.#env.config.then((config) => {
      this.#config = config;
      this.render();
    });
    this.#env.session.start();
    this.#tick();
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
    }
  }

  render() {
    const { session, view, clock, strings } = this.#env;
    const shown = present({
      state: session.state, connection: session.connection, renewsItself: session.renewsItself,
      gatewayNow: session.now(), now: clock.now(), asking: this.#asking, strings: strings(),
    });
    const phoneUrl = this.#phoneUrl(shown.code?.text);
    view.show({ shown, connection: session.connection, appName: this.#config?.app.name ?? '', strings: strings(), phoneUrl });
  }

  #tick() {
    this.#env.clock.after(1_000, () => this.#tick());
    if (!this.#entering) this.render();
  }

  #onChange() {
    if (this.#entering) return;
    const { state } = this.#env.session;
    if (state.name === 'scanned') void this.#whoIsHere();
    if (state.name === 'stopped' && state.why === 'outdated') this.#reloadOnce();
    if (state.name !== 'authorized') this.#asking = null;
    else if (state.event.grant !== this.#grant) void this.#onAuthorized(state.event);
    this.render();
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
    this.#here ??= Promise.race([
      this.#env.client.whoIsHere(),
      new Promise((resolve) => void this.#env.clock.after(WHO_MS, () => resolve(null))),
    ]);
    return this.#here;
  }

  async #redeem() {
    const { session, client, clock, enter } = this.#env;
    this.#entering = true;
    this.#asking = null;
    this.render();
    try {
      await client.redeem(this.#grant, session.verifier);
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
