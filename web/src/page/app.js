// The signed-in page at `/app`: guards itself, shows where else its user is signed in, signs out.

import { AppView, sentenceOf } from './app-view.js';
import { systemClock as clock } from '../sdk/clock.js';
import { loadConfig } from '../element/offer.js';
import { speak, stringsFor } from './i18n/strings.js';
import { LanguageSwitch } from './language.js';
import { SessionList } from './session-list.js';
import { createSession } from '../session/index.js';
import { UnfinishedLogin } from '../element/unfinished-login.js';

const app = new URLSearchParams(location.search).get('app') || undefined;
const signInUrl = app ? `/?app=${encodeURIComponent(app)}` : '/';
const language = new LanguageSwitch(document, () => render());
const locale = () => language.locale;
const session = createSession({ locale, ...(app && { app }) });
const list = new SessionList(session);
const view = new AppView(document, {
  signOut: (everywhere) => void signOut(everywhere), retry: () => void session.ready(),
  reload: () => void list.load(), end: (id) => list.end(id),
});
let leaving = false;
let failed = false;

function render() {
  const { state, renewsAt } = session;
  const { locale } = language;
  const strings = stringsFor(locale);
  speak(document, strings);
  const title = state.type === 'signed_in' ? state.user.name : state.type === 'signed_out' && sentenceOf(state, false, strings);
  document.title = [strings.appTitle, title].filter(Boolean).join(' · ');
  const now = clock.now();
  view.show({
    state, list: list.state, app: app ?? 'default', renewsInMs: renewsAt - now, leaving, failed, signInUrl, now, locale, strings,
  });
}

/** @param {boolean} everywhere */
async function signOut(everywhere) {
  leaving = true;
  failed = false;
  render();
  try {
    await language.outlives(() => session.signOut({ everywhere }));
  } catch {
    leaving = false;
    failed = true;
    render();
  }
}

function onChange() {
  const { state } = session;
  if (state.type === 'signed_out') {
    new UnfinishedLogin({ store: () => sessionStorage, clock, app: '' }).clear();
    if (state.reason === 'nobody' || state.reason === 'left') return location.replace(signInUrl);
  }
  render();
}

function reloadList() {
  if (document.visibilityState === 'visible' && session.state.type === 'signed_in') void list.load();
}

session.addEventListener('statechange', onChange);
session.addEventListener('signed_in', () => void list.load());
list.addEventListener('change', render);
document.addEventListener('visibilitychange', reloadList);
addEventListener('online', reloadList);
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
setInterval(render, 1_000);
render();
void session.ready();
void loadConfig({ clock, ...(app && { app }) }).then((config) => view.showSandbox(Boolean(config?.sandbox)));
