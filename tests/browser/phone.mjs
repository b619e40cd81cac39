// A person with a phone: the sandbox's simulated phone in a browser profile of its own.

import { newProfile, see } from './browser.mjs';
import { WORDS } from './words.mjs';

export class Phone {
  /** @param {import('playwright-core').Page} page */
  constructor(page, gateway, locale, complaints) {
    this.page = page;
    this.gateway = gateway;
    this.words = WORDS[locale];
    this.complaints = complaints;
  }

  /** Unlocks the phone of that user. @param {{ id: string }} user */
  static async of(t, browser, gateway, user, { locale = 'en', ...options } = {}) {
    const { context, complaints } = await newProfile(t, browser, {
      locale,
      viewport: { width: 390, height: 844 },
      isMobile: true,
      hasTouch: true,
      ...options,
    });
    await context.addCookies([{ name: 'sandbox_user', value: user.id, url: gateway.sandbox }]);
    return new Phone(await context.newPage(), gateway, locale, complaints);
  }

  /** Points the camera at a code that reads `text`, the address of a page. */
  async scans(text) {
    await this.#pointsCameraAt(text);
    await this.page.getByRole('link', { name: this.words.openScanned, exact: true }).click();
  }

  /** Points the camera at the code of an official account, which leads to its chat. */
  async scansIntoChat(text) {
    await this.#pointsCameraAt(text);
    await this.page.getByRole('button', { name: this.words.openChat, exact: true }).click();
    await this.page.waitForURL(`${this.gateway.sandbox}/phone?view=chat&*`);
  }

  /** Where the phone is once it has read a picture. */
  async #pointsCameraAt(text) {
    await this.page.goto(`${this.gateway.addresses.phone}?${new URLSearchParams({ scan: text })}`);
  }

  /** Scans by hand, from the first screen on: where there is no picture to read, the text is typed. */
  async scansByTyping(text) {
    await this.page.goto(this.gateway.addresses.phone);
    await this.page.getByRole('link', { name: this.words.scan }).click();
    await this.page.getByRole('textbox').fill(text);
    await this.page.getByRole('button', { name: this.words.next, exact: true }).click();
    await this.page.getByRole('link', { name: this.words.openScanned, exact: true }).click();
  }

  /** Follows the account whose chat is open. */
  async follows() {
    await this.page.getByRole('button', { name: this.words.follow, exact: true }).click();
  }

  async unfollows() {
    await this.page.getByRole('button', { name: this.words.unfollow, exact: true }).click();
  }

  /** Waits until the chat says so. @param {string | RegExp} words */
  async readsInChat(words) {
    await this.page.getByRole('log').getByText(words).last().waitFor();
  }

  /** Taps the link that the account sent last. */
  async tapsTheLink() {
    await this.page.getByRole('log').getByRole('link').last().click();
  }

  /** The digits that the confirmed login asks for. */
  async digits() {
    await this.page.getByRole('heading', { name: this.words.typeDigits }).waitFor();
    return this.page.locator('data.digits').getAttribute('value');
  }

  /** Reads who asks for what. */
  async seesTheRequest() {
    await this.page.getByRole('heading', { name: this.words.confirmTitle }).waitFor();
    await see(this.page, this.words.confirmWarning);
  }

  async confirms() {
    await this.page.waitForURL(`${this.gateway.origin}/s/*`);
    await this.page.getByRole('button', { name: this.words.confirm, exact: true }).click();
  }

  /** Is asked by WeChat whether name and picture may be given away. */
  async isAskedForConsent() {
    await this.page.waitForURL(`${this.gateway.sandbox}/connect/oauth2/authorize?*`);
  }

  /** Lets WeChat do so: asked once, of new users. */
  async consents() {
    await this.isAskedForConsent();
    await this.page.getByRole('button', { name: this.words.allow, exact: true }).click();
  }

  async rejects() {
    await this.page.waitForURL(`${this.gateway.origin}/s/*`);
    await this.page.getByRole('button', { name: this.words.reject, exact: true }).click();
  }

  async sees(words) {
    await see(this.page, words);
  }

  /** The whole way of somebody who has never signed in here. */
  async signsInForTheFirstTime(text) {
    await this.scans(text);
    await this.seesTheRequest();
    await this.confirms();
    await this.consents();
    await this.sees(this.words.done);
  }

  /** The whole way of somebody whom the gateway knows. */
  async signsIn(text) {
    await this.scans(text);
    await this.seesTheRequest();
    await this.confirms();
    await this.sees(this.words.done);
  }
}
