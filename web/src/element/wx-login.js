// new WxLogin({ id, … }): for pages that embed WeChat's own page by its script of that name, and come over. The code is
// the gateway's, drawn by <scan-login>, and what comes of it is a session rather than a `code` to exchange.

/** @import { Session } from './controller.js' */
/** @import { ScanLoginElement } from './scan-login-element.js' */

import { define } from './scan-login-element.js';

/** How long the person sees that it worked. */
const WELCOME_MS = 600;

/** What WeChat's script knows and nothing here stands for, with what there is in its place. */
const IGNORED = {
  href: 'style it by --scan-* variables and ::part()',
  stylelite: 'style it by --scan-* variables and ::part()',
  styletype: 'style it by --scan-* variables and ::part()',
  sizetype: 'set --scan-qr-size',
  bgcolor: 'set --scan-surface',
  rst: 'there is nothing like it',
  fast_login: 'there is nothing like it',
};

/**
 * The first group is WeChat's, the second is not.
 *
 * @typedef {object} WxLoginOptions
 * @property {string} id - Of the element that it is put into, in place of what is there.
 * @property {string} [appid] - Passed over: which WeChat account it is, the gateway knows.
 * @property {string} [scope] - Passed over: it is a login.
 * @property {string} [redirect_uri] - Where the window goes once somebody is signed in, percent-encoded or not. `state` is
 *   added to its query; there is no `code`.
 * @property {string | number} [state] - Given back with `redirect_uri`.
 * @property {boolean} [self_redirect] - `true`: the window stays; listen for `signed_in` on `element`. (WeChat's frame
 *   would go to `redirect_uri` by itself.)
 * @property {'black' | 'white'} [style] - The colour of the text: `black` is the theme `light`, `white` is `dark`.
 * @property {string} [lang] - `en` is English, all else Chinese.
 * @property {(isReady: boolean) => void} [onReady] - Called with `true` when there is a code to scan.
 * @property {string} [href] - Ignored, with a warning, as are `stylelite`, `styletype`, `sizetype`, `bgcolor`, `rst` and
 *   `fast_login`.
 *
 * @property {string} [baseUrl] - The gateway; default: the origin of the page.
 * @property {string} [app] - The app of the gateway.
 * @property {Session} [session] - From `createSession`.
 */

export class WxLogin {
  /** @type {ScanLoginElement} */
  element;

  /** @param {WxLoginOptions} options */
  constructor(options) {
    const place = document.getElementById(options.id);
    if (!place) throw new TypeError(`WxLogin: there is no element with the id "${options.id}"`);
    for (const [name, instead] of Object.entries(IGNORED)) {
      if (name in options) console.warn(`WxLogin: "${name}" is ignored; ${instead}`);
    }
    define();
    const element = (this.element = /** @type {ScanLoginElement} */ (document.createElement('scan-login')));
    const { baseUrl, app, session, style, lang, onReady } = options;
    Object.assign(element, {
      ...(baseUrl && { baseUrl }), ...(app && { app }), ...(session && { session }), locale: lang === 'en' ? 'en' : 'zh-CN',
      ...(style && { theme: style === 'white' ? 'dark' : 'light' }),
    });
    element.addEventListener('pending', () => onReady?.(true), { once: true });
    element.addEventListener('signed_in', () => goOn(options));
    place.replaceChildren(element);
  }
}

/** @param {WxLoginOptions} options */
function goOn({ redirect_uri: uri, state, self_redirect }) {
  if (!uri || self_redirect === true) return;
  const url = new URL(/^https?:\/\//.test(uri) ? uri : decodeURIComponent(uri), location.href);
  if (!/^https?:$/.test(url.protocol)) return;
  if (state !== undefined) url.searchParams.set('state', String(state));
  setTimeout(() => location.assign(url.href), WELCOME_MS);
}
