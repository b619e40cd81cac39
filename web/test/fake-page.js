// The login page in a document without a browser, and what it needs around it.

import { readFileSync } from 'node:fs';
import { Window } from 'happy-dom';

import { en } from '../src/element/i18n/en.js';
import { LoginPage } from '../src/element/login-page.js';
import { UnfinishedLogin } from '../src/element/unfinished-login.js';
import { LoginView } from '../src/element/view.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeStore } from './fake-store.js';
import { FakeClock, settle } from './fake-time.js';

const html = readFileSync(new URL('../index.html', import.meta.url), 'utf8').replace(/<(script|link)[^>]*>(<\/script>)?/g, '');

/** A login whose state the test sets. */
export class FakeSession extends EventTarget {
  state = { name: 'opening' };
  connection = 'live';
  renewsItself = true;
  verifier = 'verifier';
  flow = 'h5';
  baton = null;
  did = [];
  constructor(clock) {
    super();
    this.now = clock.now;
  }
  start(baton) {
    this.did.push('start');
    this.baton = baton ?? null;
  }
  renew() { this.did.push('renew'); }
  cancel() { this.did.push('cancel'); }
  startOver() { this.did.push('startOver'); }
  verify(code) { this.did.push(code); }
  hangUp() { this.did.push('hangUp'); }
  abandon(error) { this.to({ name: 'failed', error }); }
  to(state, connection = 'live') {
    const { event } = state;
    if (event?.type === 'pending') this.flow = event.flow;
    if (event) this.baton = { scene: event.scene, secret: 'secret', seq: event.seq, verifier: this.verifier, flow: this.flow };
    Object.assign(this, { state, connection });
    this.dispatchEvent(new Event('change'));
  }
}

export class Stage {
  clock = new FakeClock();
  gateway = new FakeGateway(this.clock);
  session = new FakeSession(this.clock);
  store = new FakeStore();
  strings = en;
  entered = 0;
  reloads = 0;
  left = [];
  copied = [];
  saved = [];
  copy = (text) => this.copied.push(text);
  save = (svg) => this.saved.push(svg);
  config = { app: { id: 'default', name: 'Shop' }, flows: ['h5'], default_flow: 'h5', confirm_in_browser: 'auto' };
  client = {
    here: null, redeemed: [], answer: async () => ({ id: 'u' }),
    whoIsHere: async () => this.client.here,
    redeem: (...all) => {
      this.client.redeemed.push(all);
      return this.client.answer();
    },
  };
  /** More of what the page is given. */
  env = {};
  #page = null;

  constructor() {
    const window = new Window({ url: 'https://login.example.com/' });
    window.document.write(html);
    this.document = window.document;
  }

  /** The page, made on first use with what the test has set by then. */
  get page() {
    const { session, client, clock } = this;
    if (this.#page?.of === session) return this.#page;
    const view = new LoginView(this.document, {
      act: (id) => this.#page.act(id), verify: (code) => session.verify(code),
      copy: async (text) => this.copy(text), save: async (svg) => this.save(svg),
    });
    this.unfinished = new UnfinishedLogin({ store: () => this.store, clock });
    this.#page = new LoginPage({
      session, client, view, clock, config: Promise.resolve(this.config),
      strings: () => this.strings, locale: () => 'en', device: 'desk', playsWeChat: false, flow: null, search: '',
      unfinished: this.unfinished, left: this.unfinished.read(), leave: (url) => this.left.push(url),
      enter: () => { this.entered += 1; }, reload() {}, reloadOnce: () => { this.reloads += 1; },
      ...this.env,
    });
    this.#page.of = session;
    this.#page.start();
    return this.#page;
  }

  async show(state, connection) {
    void this.page;
    this.session.to(state, connection);
    await settle();
  }

  part = (name) => this.document.querySelector(`[data-part="${name}"]`);
  button = (id) => this.document.querySelector(`[data-action="${id}"]`);
  pending = (more) => ({ name: 'pending', event: this.gateway.pending(more) });
  website = (more) => this.pending({ flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/connect/qrconnect?appid=wx1', ...more });
  authorized = (user) => ({ name: 'authorized', event: this.gateway.state('authorized', 3, { grant: 'grant', user }) });
}
