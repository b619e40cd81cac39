// The words of the element: which language, and what is put into them.

/** @import { Locale } from '../sdk/protocol.js' */
/** @import { Words } from './i18n/en.js' */

/** The gateway's name of a language, where it knows it. @param {string | null | undefined} tag @returns {Locale | null} */
export function asLocale(tag) {
  const primary = tag?.toLowerCase().split('-')[0];
  return primary === 'zh' ? 'zh-CN' : primary === 'en' ? 'en' : null;
}

/** A page speaks one language: the others are not loaded. @param {Locale} locale @returns {Promise<Words>} */
export async function loadWords(locale) {
  return (await (locale === 'en' ? import('./i18n/en.js') : import('./i18n/zh-cn.js'))).words;
}

/** Puts values where a sentence says `{name}`. @param {string} sentence @param {Record<string, string | number>} values */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}
