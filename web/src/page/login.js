// The login page at `/`: hands the browser to the parts.

import { Api, socketUrl } from '../sdk/api.js';
import { systemClock as clock } from '../sdk/clock.js';
import { saveCode } from '../element/code-file.js';
import { loadConfig } from '../element/config.js';
import { destination } from './destination.js';
import { deviceOf } from '../element/device.js';
import { asFlow } from '../element/flow.js';
import { LanguageSwitch } from './language-switch.js';
import { Link } from '../sdk/link.js';
import { LoginPage } from '../element/login-page.js';
import { LoginSession } from '../sdk/login-session.js';
import { LongPoll } from '../sdk/long-poll.js';
import { newPkce } from '../sdk/pkce.js';
import { SessionClient, exclusively } from '../session/session-client.js';
import { SessionHint } from '../session/session-hint.js';
import { ReconnectingSocket } from '../sdk/socket.js';
import { UnfinishedLogin } from '../element/unfinished-login.js';
import { LoginView } from '../element/view.js';

const random = Math.random;
const app = new URLSearchParams(location.search).get('app') || undefined;
const unfinished = new UnfinishedLogin({ store: () => sessionStorage, clock, ...(app && { app }) });
const left = unfinished.read();
// The way back names the page alone: its language and the like are put back before anything reads them.
if (left && !location.search) history.replaceState(null, '', location.pathname + left.search);
const asked = new URLSearchParams(location.search);
const visible = () => document.visibilityState === 'visible';

const language = new LanguageSwitch(document, () => page.render());
const api = new Api(fetch.bind(globalThis), clock, () => language.locale);
const socketEnv = { WebSocket, clock, random, online: () => navigator.onLine };

const session = new LoginSession({
  makeLink: (handlers) => new Link(
    (forSocket) => new ReconnectingSocket(socketUrl(location), forSocket, socketEnv),
    (forPoll) => new LongPoll(forPoll, { api, clock, random }),
    handlers,
  ),
  newPkce: () => newPkce(crypto),
  clock,
  visible,
  wishes: () => page.wishes(),
});
const hint = new SessionHint({ store: () => localStorage, ...(app && { app }) });
const client = new SessionClient({ api, clock, random, exclusively, hint, ...(app && { app }) });
const view = new LoginView(document, {
  act: (id) => page.act(id),
  verify: (code) => session.verify(code),
  copy: (text) => navigator.clipboard.writeText(text),
  save: (svg) => saveCode(document, svg),
});
const page = new LoginPage({
  session, client, view, clock,
  config: loadConfig({ api, clock, random, ...(app && { app }) }),
  strings: () => language.strings,
  locale: () => language.locale,
  device: deviceOf({ userAgent: navigator.userAgent, isSmallAndTouched: matchMedia('(pointer: coarse) and (max-width: 600px)').matches }),
  playsWeChat: asked.get('wechat') === '1',
  flow: asFlow(asked.get('flow')),
  search: location.search + location.hash,
  unfinished, left,
  leave: (url) => location.assign(url),
  // Of the return addresses, this is the one the gateway lists by itself, for its own app.
  ...(app ? { app } : { returnTo: `${location.origin}/` }),
  enter: () => location.replace(destination(location, app ? `/app?app=${encodeURIComponent(app)}` : '/app')),
  reload: () => location.reload(),
  reloadOnce,
});

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

document.addEventListener('visibilitychange', () => visible() && session.wake());
addEventListener('online', () => session.wake());
addEventListener('pagehide', () => session.suspend());
addEventListener('pageshow', ({ persisted }) => persisted && session.unsuspend());

page.start();
