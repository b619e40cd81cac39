// A page without a browser, for what stands on the globals of one: the element class itself.

import { Window } from 'happy-dom';

import { FakeGateway } from './fake-gateway.js';
import { FakeLogin, LANGUAGES } from './fake-page.js';
import { FakeStore } from './fake-store.js';
import { FakeClock, settle } from './fake-time.js';

const NAMES = ['HTMLElement', 'CustomEvent', 'CSSStyleSheet', 'customElements', 'document', 'matchMedia', 'navigator', 'location'];
const BEFORE = new Map(NAMES.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
export const CONFIG = { app: { id: 'default', name: 'Shop' }, flows: ['h5', 'website'], default_flow: 'h5', confirm_in_browser: 'auto' };

let pages = 0;

export class FakeDocument {
  clock = new FakeClock();
  gateway = new FakeGateway(this.clock);
  /** Every login begun, the oldest first. @type {FakeLogin[]} */
  logins = [];
  /** Addresses asked for. @type {string[]} */
  asked = [];
  window = new Window({ url: 'https://shop.example.com/' });
  document = this.window.document;

  /** A page with the element's class, not yet defined. */
  static async open() {
    const page = new FakeDocument();
    for (const name of NAMES) Object.defineProperty(globalThis, name, { value: page.window[name], configurable: true, writable: true });
    globalThis.matchMedia = page.window.matchMedia.bind(page.window);
    // The class stands on the document of its page: each page has its own.
    const module = await import(`../src/element/scan-login-element.js?${(pages += 1)}`);
    Object.assign(page, module);
    const store = new FakeStore();
    Object.defineProperty(module.ScanLoginElement, 'env', {
      value: {
        createLogin: (options) => page.logins[page.logins.push(new FakeLogin(page.clock, options)) - 1],
        clock: page.clock, store: () => store, location: page.window.location, words: async (locale) => LANGUAGES[locale], device: () => 'desk',
        fetch: async (url) => {
          page.asked.push(url);
          return { ok: true, status: 200, json: async () => ({ data: CONFIG }) };
        },
      },
    });
    return page;
  }

  /** The globals as Node has them. */
  static close() {
    for (const [name, descriptor] of BEFORE) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor);
      else delete globalThis[name];
    }
  }

  /** The element on the page, with these attributes. */
  async place(attributes = {}, parent = this.document.body) {
    this.define();
    const element = this.document.createElement('scan-login');
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    parent.append(element);
    await settle();
    return element;
  }

  async show(element, state, connection) {
    element.login.to(state, connection);
    await settle();
    await new Promise(setImmediate);
  }

  /** The types and details of the events that reach the document. */
  hear(...types) {
    const heard = [];
    for (const type of types) this.document.addEventListener(type, ({ detail }) => heard.push([type, detail]));
    return heard;
  }
}
