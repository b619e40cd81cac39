// The signed-in page at `/app`: guards itself, keeps the session, shows where else its user is signed in, signs out.

import { Api, socketUrl } from '../sdk/api.js';
import { AppView, sentenceOf } from './app-view.js';
import { systemClock as clock } from '../sdk/clock.js';
import { loadConfig } from '../element/offer.js';
import { speak, stringsFor } from './i18n/strings.js';
import { LanguageSwitch } from './language.js';
import { SessionClient, exclusively } from '../session/session-client.js';
import { SessionHint } from '../session/session-hint.js';
import { SessionKeeper } from '../session/session-keeper.js';
import { SessionList } from '../session/session-list.js';
import { SessionWatch } from '../session/session-watch.js';
import { ReconnectingSocket } from '../sdk/socket.js';
import { UnfinishedLogin } from '../element/unfinished-login.js';

const random = Math.random;
const app = new URLSearchParams(location.search).get('app') || undefined;
const signInUrl = app ? `/?app=${encodeURIComponent(app)}` : '/';
const language = new LanguageSwitch(document, render);
const api = new Api(fetch.bind(globalThis), clock, () => language.locale);
const hint = new SessionHint({ store: () => localStorage, ...(app && { app }) });
const client = new SessionClient({ api, clock, random, exclusively, hint, ...(app && { app }) });
const socketEnv = { WebSocket, clock, random, online: () => navigator.onLine };
const keeper = new SessionKeeper({
  client, clock, random,
  channel: new BroadcastChannel(`scangate-session-${app ?? 'default'}`),
  makeWatch: (handlers) => new SessionWatch({
    makeSocket: (forSocket) => new ReconnectingSocket(socketUrl(location), forSocket, socketEnv), clock, random,
  }, handlers),
});
const list = new SessionList({ client, doubted: () => void keeper.renew() });
const view = new AppView(document, {
  signOut: (everywhere) => void signOut(everywhere), retry: () => void keeper.renew(),
  reload: () => void list.load(), end: (id) => list.end(id),
});
let session = '';
let leaving = false;
let failed = false;

function render() {
  const { state } = keeper;
  const { locale } = language;
  const strings = stringsFor(locale);
  speak(document, strings);
  const title = state.name === 'signed_in' ? state.me.user.name : state.name === 'signed_out' && sentenceOf(state, false, strings);
  document.title = [strings.appTitle, title].filter(Boolean).join(' · ');
  const now = clock.now();
  view.show({
    state, list: list.state, app: app ?? 'default', renewsInMs: client.renewsAt - now, leaving, failed, signInUrl, now, locale, strings,
  });
}

/** @param {boolean} everywhere */
async function signOut(everywhere) {
  leaving = true;
  failed = false;
  render();
  try {
    await language.outlives(() => keeper.signOut({ everywhere }));
  } catch {
    leaving = false;
    failed = true;
    render();
  }
}

function onChange() {
  const { state } = keeper;
  if (state.name === 'signed_out') new UnfinishedLogin({ store: () => sessionStorage, clock }).clear();
  if (state.name === 'signed_out' && (state.reason === 'nobody' || state.reason === 'left')) return location.replace(signInUrl);
  if (state.name === 'signed_in' && state.me.session_id !== session) {
    session = state.me.session_id;
    void list.load();
  }
  render();
}

function wake() {
  keeper.wake();
  if (keeper.state.name === 'signed_in') void list.load();
}

keeper.addEventListener('change', onChange);
list.addEventListener('change', render);
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && wake());
addEventListener('online', wake);
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
setInterval(render, 1_000);
render();
void keeper.renew();
void loadConfig({ clock, ...(app && { app }) }).then((config) => view.showSandbox(Boolean(config?.sandbox)));
