// The zh/en switch at the foot of each page, and everything on the page that only depends on it.

/** @import { Locale } from '../sdk/protocol.js' */
/** @import { Strings } from '../element/i18n/zh-cn.js' */

import { asLocale, chooseLocale, storeChoice, storedChoice, stringsFor } from '../element/i18n/language.js';

export class LanguageSwitch {
  #document;
  /** @type {Locale} */
  locale;

  /**
   * @param {Document} document
   * @param {() => void} changed
   */
  constructor(document, changed) {
    this.#document = document;
    this.locale = chooseLocale({ search: location.search, stored: storedChoice(), languages: navigator.languages });
    this.#speak();
    for (const choice of this.#choices()) {
      choice.addEventListener('click', () => {
        this.locale = asLocale(choice.dataset.lang) ?? this.locale;
        this.#remember();
        this.#speak();
        changed();
      });
    }
  }

  /** @returns {Strings} */
  get strings() {
    return stringsFor(this.locale);
  }

  /**
   * Over https the answer to a sign-out clears what this origin has stored (`Clear-Site-Data`). The language says
   * nothing of who was here: it is put back.
   * @param {() => Promise<void>} signOut
   */
  async outlives(signOut) {
    const choice = asLocale(storedChoice());
    await signOut();
    if (choice) storeChoice(choice);
  }

  /** The address goes before the choice, so it has to agree with it. */
  #remember() {
    storeChoice(this.locale);
    const here = new URL(location.href);
    if (!here.searchParams.has('lang')) return;
    here.searchParams.set('lang', this.locale);
    history.replaceState(null, '', here);
  }

  #speak() {
    this.#document.documentElement.lang = this.locale;
    for (const element of this.#document.querySelectorAll('[data-say]')) {
      const key = /** @type {keyof Strings} */ (/** @type {HTMLElement} */ (element).dataset.say);
      element.textContent = this.strings[key];
    }
    this.#document.querySelector('.languages')?.setAttribute('aria-label', this.strings.language);
    for (const choice of this.#choices()) {
      choice.setAttribute('aria-pressed', String(choice.dataset.lang === this.locale));
    }
  }

  /** @returns {HTMLElement[]} */
  #choices() {
    return [...this.#document.querySelectorAll('[data-lang]')].map((each) => /** @type {HTMLElement} */ (each));
  }
}
