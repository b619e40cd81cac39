// The words of the signed-in page.

/** @import { Locale } from '../../sdk/protocol.js' */
/** @import { Strings } from './zh-cn.js' */

import { en } from './en.js';
import { zhCN } from './zh-cn.js';

/** @param {Locale} locale @returns {Strings} */
export function stringsFor(locale) {
  return locale === 'zh-CN' ? zhCN : en;
}

/** Fills in what never changes but with the language. @param {Document} document @param {Strings} strings */
export function speak(document, strings) {
  for (const element of document.querySelectorAll('[data-say]')) {
    const key = /** @type {keyof Strings} */ (/** @type {HTMLElement} */ (element).dataset.say);
    element.textContent = strings[key];
  }
}
