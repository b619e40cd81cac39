// Which language a page speaks: the address, then the choice made here before, then the browser's. And the zh/en switch
// at its foot.

/** @import { Locale } from '../sdk/protocol.js' */

import { asLocale } from '../element/words.js';

const CHOICE = 'scangate.lang';

/**
 * @param {{ search: string, stored: string | null, languages: readonly string[] }} wishes
 * @returns {Locale}
 */
export function chooseLocale({ search, stored, languages }) {
  const asked = new URLSearchParams(search).get('lang');
  for (const tag of [asked, stored, ...languages]) {
    const locale = asLocale(tag);
    if (locale) return locale;
  }
  return 'en';
}

/** Storage may be forbidden; then the choice lasts as long as the page. */
function storedChoice() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

/** @param {Locale} locale */
function storeChoice(locale) {
  try {
    localStorage.setItem(CHOICE, locale);
  } catch { /* private mode */ }
}

export class LanguageSwitch {
  #document;
  /** @type {Locale} */
  locale;

  /**
   * @param {Document} document
   * @param {(locale: Locale) => void} changed
   */
  constructor(document, changed) {
    this.#document = document;
    this.locale = chooseLocale({ search: location.search, stored: storedChoice(), languages: navigator.languages });
    this.#show();
    for (const choice of this.#choices()) {
      choice.addEventListener('click', () => {
        this.locale = asLocale(choice.dataset.lang) ?? this.locale;
        this.#remember();
        this.#show();
        changed(this.locale);
      });
    }
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

  /** What a page says in both languages, its sheet shows in the one of the document. */
  #show() {
    this.#document.documentElement.lang = this.locale;
    for (const choice of this.#choices()) choice.setAttribute('aria-pressed', String(choice.dataset.lang === this.locale));
  }

  /** @returns {HTMLElement[]} */
  #choices() {
    return [...this.#document.querySelectorAll('[data-lang]')].map((each) => /** @type {HTMLElement} */ (each));
  }
}
