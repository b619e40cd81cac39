// A browser, and a person at a computer who signs in with it.

import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

import { readScreen } from './camera.mjs';
import { eventually } from './eventually.mjs';
import { defer } from './scope.mjs';
import { WORDS } from './words.mjs';

const CHROMIUM =
  process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
/** How long anything on a page may take; several browsers share one machine. */
export const PATIENCE_MS = 20_000;

/** What a browser writes down itself when `/app` asks who is signed in, and nobody is. */
export const NOBODY_HERE = /status of 401.* @ \S+\/api\/v1\/auth\/refresh/;

/** One browser for a test file. @param {{ after(undo: () => unknown): void }} t */
export async function launchBrowser(t) {
  if (!CHROMIUM) throw new Error('no Chromium here: `apt-get install chromium`, or set CHROMIUM to its path');
  // Its own sandbox needs rights that root and containers lack; the pages in it are only ours.
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  t.after(() => browser.close());
  return browser;
}

/**
 * A browser profile of its own. When the test ends, whatever its pages complained about fails the test.
 * @param {import('node:test').TestContext} t
 * @param {import('playwright-core').Browser} browser
 */
export async function newProfile(t, browser, options) {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const complaints = new Complaints(context);
  defer(t, async () => {
    await context.close();
    complaints.check();
  });
  return { context, complaints };
}

/** Errors in the console, exceptions, and what the content security policy stopped. */
class Complaints {
  #heard = [];
  #expected = [];

  constructor(context) {
    context.on('console', (message) => {
      if (message.type() === 'error') this.#heard.push(`${message.text()} @ ${message.location().url}`);
    });
    context.on('weberror', (error) => this.#heard.push(String(error.error().stack ?? error.error())));
  }

  /** From now on, and before, this is no surprise. @param {RegExp} pattern */
  expect(pattern) {
    this.#expected.push(pattern);
  }

  check() {
    const surprising = this.#heard.filter((text) => !this.#expected.some((pattern) => pattern.test(text)));
    if (surprising.length > 0) throw new Error(`the pages complained:\n${surprising.join('\n')}`);
  }
}

/** Visible words on a page. @param {import('playwright-core').Page} page @param {string | RegExp} words */
export function see(page, words) {
  return page.getByText(words).filter({ visible: true }).first().waitFor();
}

/** A person at a computer. */
export class Desk {
  /** @param {import('playwright-core').Page} page */
  constructor(page, gateway, locale, complaints) {
    this.page = page;
    this.gateway = gateway;
    this.locale = locale;
    this.words = WORDS[locale];
    this.complaints = complaints;
    /** The types of all events that the gateway sent by socket. @type {string[]} */
    this.heard = [];
    page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => this.heard.push(JSON.parse(payload).type)));
  }

  /** Opens the login page, with that query; `prepare` is what was done to the page before. */
  static async open(t, browser, gateway, { locale = 'en', query = '', prepare = async (_page) => {}, ...options } = {}) {
    const { context, complaints } = await newProfile(t, browser, {
      locale,
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    const desk = new Desk(await context.newPage(), gateway, locale, complaints);
    await prepare(desk.page);
    await desk.page.goto(gateway.addresses.page + query);
    return desk;
  }

  /** The text of the code on the screen, read from a screenshot; another one than `than` when given. */
  async code({ than, withinMs = PATIENCE_MS } = {}) {
    await see(this.page, this.words.pending);
    return eventually('a readable code on the screen', async () => {
      const text = await readScreen(this.page);
      return text !== than && text;
    }, withinMs);
  }

  async sees(words) {
    await see(this.page, words);
  }

  async asksForNewCode() {
    await this.page.getByRole('button', { name: this.words.newCode }).first().click();
  }

  /** Has been taken into the product, under this name. */
  async isSignedInAs(name) {
    await this.page.waitForURL(`${this.gateway.origin}/app`);
    await see(this.page, name);
  }

  /** Chooses the language. @param {keyof typeof WORDS} locale */
  async speaks(locale) {
    await this.page.locator(`[data-lang=${locale}]`).click();
    this.locale = locale;
    this.words = WORDS[locale];
  }

  /** Another tab of the same browser, on the signed-in page or another one. */
  async anotherTab(path = '/app') {
    const tab = new Desk(await this.page.context().newPage(), this.gateway, this.locale, this.complaints);
    await tab.page.goto(this.gateway.origin + path);
    return tab;
  }

  /** The part of its time that the code has left, as the ring shows it. */
  async timeLeft() {
    return 1 - await this.page.locator('#frame').evaluate(({ style }) => parseFloat(style.getPropertyValue('--gone')));
  }

  /** Will hear of the end of its session; for the `times`-th time when its socket was lost. */
  async isAttached(times = 1) {
    await eventually('the page is attached to its session', () => this.heard.filter((type) => type === 'attached').length >= times);
  }

  /** Is then back at the login page, which says so. */
  async signsOut(then = this.words.pending) {
    await this.page.getByRole('button', { name: this.words.signOut, exact: true }).click();
    await this.page.waitForURL((url) => url.pathname === '/');
    await see(this.page, then);
  }
}
