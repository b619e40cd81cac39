// Which language the page speaks: the address, then the choice made here before, then the browser's.

/** @import { Locale } from '../../sdk/protocol.js' */
/** @import { Strings } from './zh-cn.js' */

import { en } from './en.js';
import { zhCN } from './zh-cn.js';

const CHOICE = 'scangate.lang';

/** @param {string | null | undefined} tag @returns {Locale | null} */
export function asLocale(tag) {
  const primary = tag?.toLowerCase().split('-')[0];
  if (primary === 'zh') return 'zh-CN';
  return primary === 'en' ? 'en' : null;
}

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

/** @param {Locale} locale @returns {Strings} */
export function stringsFor(locale) {
  return locale === 'zh-CN' ? zhCN : en;
}

/** Puts values where a sentence says `{name}`. @param {string} sentence @param {Record<string, string | number>} values */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/** Storage may be forbidden; then the choice lasts as long as the page. */
export function storedChoice() {
  try {
    return localStorage.getItem(CHOICE);
  } catch {
    return null;
  }
}

/** @param {Locale} locale */
export function storeChoice(locale) {
  try {
    localStorage.setItem(CHOICE, locale);
  } catch { /* private mode */ }
}
