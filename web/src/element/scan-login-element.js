// <scan-login>: attributes and properties in, events out.

/** @import { Env, Session } from './controller.js' */
/** @import { Config } from './offer.js' */
/** @import { Words } from './i18n/en.js' */

import { systemClock } from '../sdk/clock.js';
import { createScanLogin } from '../sdk/index.js';
import { Controller } from './controller.js';
import { deviceHere } from './offer.js';
import { LoginView } from './view.js';
import { loadWords } from './words.js';

/**
 * The attributes as properties.
 * @typedef {object} Attributes
 * @property {string} baseUrl
 * @property {string} app
 * @property {string} flow
 * @property {string} locale
 * @property {string} theme
 * @property {string} returnTo
 * @property {number} autoRenew
 * @property {string} confirm
 * @property {string} redeem
 * @property {string} device
 */

/** The attributes, and what their properties are without them. @type {Record<string, string | number>} */
const ATTRIBUTES = { 'base-url': '', app: '', flow: '', locale: '', theme: 'auto', 'return-to': '', 'auto-renew': 5, confirm: '', redeem: 'auto', device: '' };

/** Where there is no document (a server that renders pages), the class is there and does nothing. */
const Base = /** @type {{ new (): import('./events.d.ts').TypedElement & Attributes }} */ (globalThis.HTMLElement ?? class {});

/** A new one of these needs a new login. */
const ANEW = /^(base-url|app|auto-renew)$/;

/**
 * Signs a person in by WeChat: shows the code, follows the phone, redeems the grant.
 *
 * ```html
 * <script type="module" src="https://login.example.com/assets/element/define.js"></script>
 * <scan-login base-url="https://login.example.com" app="shop"></scan-login>
 * ```
 *
 * Events that begin with a state have the state as `detail`; see `createScanLogin` for what it may be. All bubble and
 * are composed, except `error`.
 *
 * @tagname scan-login
 *
 * @attr {string} base-url - The gateway; default: the origin of the page.
 * @attr {string} app - The app of the gateway; default: its default one.
 * @attr {'h5' | 'official_account' | 'website'} flow - Taken where the app offers it; default: what the gateway says.
 * @attr {string} locale - `zh-CN`, `en`, or any other language whose words are given by `strings`; default: the browser's.
 * @attr {'auto' | 'light' | 'dark'} theme - Default: `auto`, as the person's system has it.
 * @attr {string} return-to - The address of this page, as it stands among the app's `return_urls`: lets it be left for
 *   WeChat's own page and be found again.
 * @attr {number} auto-renew - Codes that are renewed without anybody asking; default: 5.
 * @attr {'auto' | 'always' | 'never'} confirm - Whether the person is asked, before the grant is redeemed, if it is
 *   really them; default: what the gateway says. `auto` asks where `session` knows somebody else to be signed in.
 * @attr {'auto' | 'manual'} redeem - `manual`: the element redeems nothing and asks nothing; `authorized` has the grant
 *   and its `verifier`.
 * @attr {'desk' | 'phone' | 'wechat'} device - What the page is on, where it knows better than the element, which looks by
 *   itself; `wechat` is WeChat's own browser.
 *
 * @fires statechange - The state, or the connection, has changed.
 * @fires opening - There is no code yet.
 * @fires pending - There is a code to scan.
 * @fires scanned - A phone has scanned it.
 * @fires verifying - The person is to type digits.
 * @fires authorized - The person has confirmed. With `redeem="manual"` the detail has a `verifier` too.
 * @fires signed_in - The grant is redeemed: `user`, `session_id`, and without a `session` the `access_token`.
 * @fires rejected - The person, or a rule, has said no.
 * @fires expired - The code has expired, and is not renewed by itself.
 * @fires cancelled - The login was ended here.
 * @fires failed - It cannot go on. The person may try again.
 * @fires waiting - The gateway asked to wait; it goes on by itself.
 * @fires stopped - It goes on elsewhere, or cannot go on at all; `reason` says why.
 * @fires error - `failed`, or stopped for what the person cannot mend (`outdated`, `insecure`). For logs: the
 *   detail is `{ code, name, message }`, and it does not bubble.
 * @fires configured - The gateway has told about the app: `{ app: { id, name }, flows, … }`.
 * @fires status - The sentence on the card has changed; the detail is that sentence. For a title.
 * @fires enter - The login was completed in another window, and the person wants to go on. Unless it is prevented, the
 *   page is loaded anew.
 *
 * @slot brand - Above the code; the name of the app by default.
 * @slot signed-in - In place of the code once somebody is signed in.
 * @slot help - Below the card.
 *
 * @csspart card - The card.
 * @csspart brand - The name above the code.
 * @csspart bar - What is said while the connection is lost.
 * @csspart frame - The ring of the time that is left, around the plate.
 * @csspart plate - What the code lies on.
 * @csspart qr - The code.
 * @csspart glyph - The sign on the plate.
 * @csspart face - The picture of the person.
 * @csspart name - The name of the person.
 * @csspart digits - Where digits are typed.
 * @csspart embed - Where WeChat's own page stands.
 * @csspart status - The sentence.
 * @csspart detail - What stands below it.
 * @csspart note - What the support asks for, in small type.
 * @csspart polling - That live updates are limited.
 * @csspart button - Each button; also `solid`, `plain` or `quiet`.
 * @csspart dialog - The help.
 *
 * @cssprop [--scan-accent=#07c160] - Ring, marks and buttons.
 * @cssprop [--scan-on-accent=#fff] - What stands on a button of that colour.
 * @cssprop [--scan-surface=#fff] - The card.
 * @cssprop [--scan-text=#16181b]
 * @cssprop [--scan-muted=#5c636b] - Text of less weight.
 * @cssprop [--scan-radius=12px]
 * @cssprop [--scan-qr-size=240px] - The side of the code; the card is 136px wider.
 */
export class ScanLoginElement extends Base {
  static observedAttributes = Object.keys(ATTRIBUTES);

  /** What it stands on; tests have their own. @returns {Env} */
  static get env() {
    return { createLogin: createScanLogin, clock: systemClock, words: loadWords, device: deviceHere, store: () => sessionStorage, location };
  }

  #view;
  #abort = new AbortController();
  /** @type {Controller | null} */
  #controller = null;
  #isDue = false;
  /** @type {Session | null} */
  #session = null;
  /** @type {Partial<Words>} */
  #strings = {};

  constructor() {
    super();
    this.#view = new LoginView(this.attachShadow({ mode: 'open' }), {
      act: (id) => this.#controller?.act(id), verify: (code) => this.login?.verify(code),
    });
  }

  connectedCallback() {
    for (const name of Object.keys(this)) {
      // Set before the element was one.
      const value = Reflect.get(this, name);
      Reflect.deleteProperty(this, name);
      Reflect.set(this, name, value);
    }
    if (!this.#controller) this.#begin();
  }

  /** To be moved is to be taken out and put back at once: that ends no login. */
  disconnectedCallback() {
    queueMicrotask(() => this.isConnected || this.#end());
  }

  /** @param {string} name @param {string | null} before @param {string | null} now */
  attributeChangedCallback(name, before, now) {
    if (before === now || !this.#controller) return;
    if (ANEW.test(name)) this.#begin();
    else if (name === 'flow') this.#controller.startOver();
    else this.#controller.render();
  }

  /** Once for all that is set in one go. */
  #begin() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.#end();
      if (!this.isConnected) return;
      this.#abort = new AbortController();
      this.#controller = new Controller(this, this.#view, this.#abort.signal, /** @type {typeof ScanLoginElement} */ (this.constructor).env);
    });
  }

  #end() {
    this.#abort.abort();
    this.#controller = null;
  }

  /** The running login, to refresh or cancel it; `null` while the element is not on the page. */
  get login() {
    return this.#controller?.login ?? null;
  }

  /** What the gateway says of the app, once it is known. @returns {Config | null} */
  get config() {
    return this.#controller?.config ?? null;
  }

  /** What redeems the grant and keeps the tokens: from `createSession`. Without one the state `signed_in` has the token. */
  get session() {
    return this.#session;
  }

  set session(session) {
    this.#session = session;
    if (this.#controller) this.#begin();
  }

  /** Words of your own, or of another language: those given go before the built-in ones. */
  get strings() {
    return this.#strings;
  }

  set strings(strings) {
    this.#strings = strings;
    this.#controller?.render();
  }
}

for (const [attribute, without] of Object.entries(ATTRIBUTES)) {
  Object.defineProperty(ScanLoginElement.prototype, attribute.replace(/-(.)/, (_, letter) => letter.toUpperCase()), {
    /** @this {HTMLElement} */
    get() {
      const text = this.getAttribute(attribute) ?? without;
      return attribute === 'auto-renew' ? Number(text) : text;
    },
    /** Frameworks take a property back by `null` or `undefined`. @this {HTMLElement} */
    set(value) {
      if (value == null) this.removeAttribute(attribute);
      else this.setAttribute(attribute, value);
    },
  });
}

/** Makes `<scan-login>` known to the page; once, and nowhere but on a page. */
export function define() {
  const known = globalThis.customElements;
  if (known && !known.get('scan-login')) known.define('scan-login', ScanLoginElement);
}
