// The signed-in page at `/app`: guards itself, keeps the session, signs out.

import { Api } from './api.js';
import { AppView } from './app-view.js';
import { systemClock as clock } from './clock.js';
import { loadConfig } from './config.js';
import { LanguageSwitch } from './language-switch.js';
import { SessionClient, exclusively } from './session-client.js';
import { AHEAD_MS, SessionKeeper } from './session-keeper.js';
import { UnfinishedLogin } from './unfinished-login.js';

const random = Math.random;
const app = new URLSearchParams(location.search).get('app') || undefined;
const language = new LanguageSwitch(document, () => render());
const api = new Api(fetch.bind(globalThis), clock, () => language.locale);
const client = new SessionClient({ api, clock, random, exclusively, ...(app && { app }) });
const channel = new BroadcastChannel(`scangate-session-${app ?? 'default'}`);
const keeper = new SessionKeeper({ client, clock, random, channel });
const view = new AppView(document, { signOut, retry: () => void keeper.start() });
let leaving = false;
let failed = false;

function render() {
  const { state } = keeper;
  document.title = [language.strings.appTitle, state.name === 'signed_in' && state.me.user.name].filter(Boolean).join(' · ');
  view.show({ state, renewsInMs: keeper.expiresAt - AHEAD_MS - clock.now(), leaving, failed, strings: language.strings });
}

/** @param {boolean} everywhere */
async function signOut(everywhere) {
  leaving = true;
  failed = false;
  render();
  try {
    await keeper.signOut({ everywhere });
  } catch {
    leaving = false;
    failed = true;
    render();
  }
}

keeper.addEventListener('change', () => {
  if (keeper.state.name !== 'signed_out') return render();
  new UnfinishedLogin({ store: () => sessionStorage, clock }).clear();
  location.replace(app ? `/?app=${encodeURIComponent(app)}` : '/');
});
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && keeper.wake());
addEventListener('online', () => keeper.wake());
addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
setInterval(render, 1_000);
render();
void keeper.start();
void loadConfig({ api, clock, random, ...(app && { app }) }).then((config) => view.showSandbox(Boolean(config?.sandbox)));
