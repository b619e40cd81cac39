// What kind of machine the page is on, as far as a page can know. Imports nothing.

/** `wechat`: inside WeChat's browser, on whatever machine. @typedef {'wechat' | 'phone' | 'desk'} Device */

/**
 * @param {{ userAgent: string, isSmallAndTouched: boolean }} seen
 * @returns {Device}
 */
export function deviceOf({ userAgent, isSmallAndTouched }) {
  if (userAgent.includes('MicroMessenger')) return 'wechat';
  return isSmallAndTouched || /\bMobile\b/.test(userAgent) ? 'phone' : 'desk';
}
