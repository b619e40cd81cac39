// The login page at `/`: the first user of <scan-login>.

/** @import { LoginState } from '../sdk/scan-login.js' */
/** @import { Session } from '../session/index.js' */
/** @import { Config } from '../element/offer.js' */
/** @import { ScanLoginElement } from '../element/scan-login-element.js' */

import { systemClock as clock } from '../sdk/clock.js';
import { define } from '../element/scan-login-element.js';
import { UnfinishedLogin } from '../element/unfinished-login.js';
import { destination } from './destination.js';
import { LanguageSwitch } from './language.js';

/** How long the person sees that it worked. */
const WELCOME_MS = 600;

const app = new URLSearchParams(location.search).get('app') ?? '';
const left = new UnfinishedLogin({ store: () => sessionStorage, clock, app }).read();
// The way back names the page alone: its language and the like are put back before anything reads them.
if (left && !location.search) history.replaceState(null, '', location.pathname + left.search);
const asked = new URLSearchParams(location.search);
const isWeChatPlayed = asked.get('wechat') === '1';

const login = /** @type {ScanLoginElement} */ (document.querySelector('scan-login'));
const language = new LanguageSwitch(document, (locale) => { login.locale = locale; });

/** @type {Promise<Session> | null} */
let opening = null;

/** Not needed before a phone has scanned, and loaded after the code: well before, lest the page be deployed anew meanwhile. */
function session() {
  opening ??= import('../session/index.js').then(
    ({ createSession }) => createSession({ locale: () => language.locale, ...(app && { app }) }),
    (cause) => {
      opening = null;
      throw cause;
    },
  );
  return opening;
}

login.session = {
  redeem: async (grant, verifier) => (await session()).redeem(grant, verifier),
  whoIsHere: async () => (await session()).whoIsHere(),
};
login.app = app;
login.flow = asked.get('flow') ?? (isWeChatPlayed ? 'h5' : '');
login.locale = language.locale;
// Of the return addresses, this is the one the gateway lists by itself, for its own app.
if (!app) login.returnTo = `${location.origin}/`;

/** @template Detail @param {string} type @param {(detail: Detail) => void} listener */
function on(type, listener) {
  login.addEventListener(type, (event) => listener(/** @type {CustomEvent<Detail>} */ (event).detail));
}

/** @param {string} query */
function find(query) {
  return /** @type {HTMLElement} */ (document.querySelector(query));
}

on('status', entitle);
on('configured', onConfigured);
on('pending', showPhone);
on('pending', () => session().catch(() => {}));
on('signed_in', () => setTimeout(enter, WELCOME_MS));
on('stopped', ({ reason }) => reason === 'outdated' && reloadOnce());
login.addEventListener('enter', (event) => {
  event.preventDefault();
  enter();
});
define();

/** @param {string} sentence */
function entitle(sentence) {
  document.title = [sentence, login.config?.app.name].filter(Boolean).join(' · ');
}

/** @param {Config} config */
function onConfigured({ app: { name }, sandbox }) {
  find('h1').textContent = name;
  document.title += ` · ${name}`;
  if (!sandbox) return;
  find('.sandbox').hidden = false;
  // In sandbox mode this browser may count as WeChat's.
  if (isWeChatPlayed) login.device = 'wechat';
  showPhone(login.login?.state);
}

/** The way to the simulated phone, which scans the code there is. @param {LoginState} [state] */
function showPhone(state) {
  const url = login.config?.sandbox?.phone_url;
  if (!url || !/^https?:/.test(url)) return;
  const text = state?.type === 'pending' && state.qr?.text;
  find('.sandbox a').setAttribute('href', text ? `${url}?scan=${encodeURIComponent(text)}` : url);
}

function enter() {
  location.replace(destination(location, app ? `/app?app=${encodeURIComponent(app)}` : '/app'));
}

/** The gateway speaks a newer version; not over and over. */
function reloadOnce() {
  const mark = 'scangate.reloaded';
  try {
    if (sessionStorage.getItem(mark)) return sessionStorage.removeItem(mark);
    sessionStorage.setItem(mark, '1');
  } catch {
    return;
  }
  location.reload();
}
