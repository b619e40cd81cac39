// The element's insides in a document without a browser, and what they need around them.

import { Window } from 'happy-dom';

import { Controller } from '../src/element/controller.js';
// Loaded here, so that a test need not wait for it.
import '../src/element/after-scan.js';
import '../src/element/help-dialog.js';
import { words as en } from '../src/element/i18n/en.js';
import { words as zhCN } from '../src/element/i18n/zh-cn.js';
import { UnfinishedLogin } from '../src/element/unfinished-login.js';
import { LoginView } from '../src/element/view.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeStore } from './fake-store.js';
import { FakeClock, settle } from './fake-time.js';

export const LANGUAGES = { en, 'zh-CN': zhCN };

/** A login whose state the test sets. */
export class FakeLogin extends EventTarget {
  state = { type: 'opening' };
  connection = 'websocket';
  renewsItself = true;
  baton = null;
  did = [];
  /** What becomes of a grant that is redeemed. */
  answer = async () => ({ user: { id: 'u' }, session_id: 's' });
  constructor(clock, options) {
    super();
    this.now = clock.now;
    this.options = options;
    this.baton = options.resume ?? null;
    options.signal.addEventListener('abort', () => this.did.push('closed'));
  }
  refresh() { this.did.push('refresh'); }
  cancel() { this.did.push('cancel'); }
  verify(code) { this.did.push(code); }
  async redeem() {
    this.did.push('redeem');
    try {
      this.to({ ...(await this.answer()), type: 'signed_in' });
    } catch (error) {
      this.to({ type: 'failed', error: { code: 0, name: 'no_answer', message: '', ...error } });
      throw error;
    }
  }
  to(state, connection = 'websocket') {
    const { flow = this.baton?.flow ?? 'h5', scene, seq } = state;
    if (seq) this.baton = { scene, secret: 'secret', seq, verifier: 'verifier', flow };
    if (['stopped', 'signed_in'].includes(state.type)) this.baton = null;
    Object.assign(this, { state, connection });
    this.dispatchEvent(new Event('statechange'));
  }
}

/** What the page around it wants, and hears. */
class FakeHost extends EventTarget {
  baseUrl = 'https://login.example.com';
  app = '';
  flow = '';
  locale = 'en';
  returnTo = '';
  autoRenew = 5;
  confirm = '';
  redeem = 'auto';
  device = '';
  strings = {};
  session = { here: null, whoIsHere: async () => this.session.here, redeem() {} };
  heard = [];
  dispatchEvent(event) {
    this.heard.push(event);
    return super.dispatchEvent(event);
  }
}

export class Stage {
  clock = new FakeClock();
  gateway = new FakeGateway(this.clock);
  store = new FakeStore();
  host = new FakeHost();
  reloads = 0;
  left = [];
  copied = [];
  saved = [];
  copy = (text) => this.copied.push(text);
  save = (svg) => this.saved.push(svg);
  /** What the gateway says of the app; a promise that stays open when it says nothing. */
  config = { app: { id: 'default', name: 'Shop' }, flows: ['h5'], default_flow: 'h5', confirm_in_browser: 'auto' };
  location = { search: '', hash: '', assign: (url) => this.left.push(url), reload: () => { this.reloads += 1; } };
  #abort = new AbortController();
  #controller = null;

  constructor() {
    this.window = new Window({ url: 'https://shop.example.com/' });
    this.document = globalThis.document = this.window.document;
    this.element = this.document.body.appendChild(this.document.createElement('div'));
    this.root = this.element.attachShadow({ mode: 'open' });
    this.unfinished = new UnfinishedLogin({ store: () => this.store, clock: this.clock, app: '' });
  }

  /** The controller, made on first use with what the test has set by then. */
  get controller() {
    if (this.#controller) return this.#controller;
    const view = new LoginView(this.root, {
      act: (id) => this.#controller.act(id), verify: (code) => this.login.verify(code),
      copy: async (text) => this.copy(text), save: async (svg) => this.save(svg),
    });
    this.#controller = new Controller(this.host, view, this.#abort.signal, {
      createLogin: (options) => new FakeLogin(this.clock, options), clock: this.clock, store: () => this.store, location: this.location,
      words: async (locale) => LANGUAGES[locale], device: () => 'desk',
      fetch: async (url) => {
        this.asked = url;
        return { ok: true, status: 200, json: async () => ({ code: 0, data: await this.config }) };
      },
    });
    return this.#controller;
  }

  get login() {
    return this.controller.login;
  }

  /** What `start` would say. */
  wishes() {
    return this.login.options.wishes();
  }

  end() {
    this.#abort.abort();
  }

  async show(state, connection) {
    void this.controller;
    await settle();
    this.login.to(state, connection);
    await settle();
    // What comes after the first code is there by the next turn.
    await new Promise(setImmediate);
  }

  async speak(locale) {
    this.host.locale = locale;
    this.controller.render();
    await settle();
  }

  /** The details of all events of that type that the page has heard. */
  heard = (type) => this.host.heard.filter((event) => event.type === type).map(({ detail }) => detail);
  part = (id) => this.root.getElementById(id);
  button = (id) => this.root.querySelector(`[data-action="${id}"]`);
  pending = (more) => this.gateway.pending(more);
  website = (more) => this.pending({ flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/connect/qrconnect?appid=wx1', ...more });
  scanned = (more) => this.gateway.state('scanned', 2, more);
  authorized = (user) => this.gateway.state('authorized', 3, { grant: 'grant', user });
}
