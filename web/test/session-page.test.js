// `createSession` in a page: what it takes of the browser, and that it gives all of it back.

import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { beforeEach, mock, test } from 'node:test';

import { createSession } from '../src/session/index.js';
import { FakeFetch, no, ok } from './fake-fetch.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeStore } from './fake-store.js';
import { settle } from './fake-time.js';

const token = { access_token: 'jwt', token_type: 'Bearer', expires_in: 600, session_id: 's1', user: { id: 'u1' } };
const PAGE = ['visibilitychange', 'online', 'pagehide', 'pageshow'];
let http, gateway, page, document, channels, locks, carried;

class Channel {
  constructor(name) {
    channels.push(Object.assign(this, { name, isOpen: true }));
  }
  postMessage() {}
  close() {
    this.isOpen = false;
  }
}

/** The calls to the gateway, and what others were sent: the token, or nothing. */
function fakeFetch(input, init) {
  if (!(input instanceof Request) && String(input).includes('/api/v1/')) return http.fetch(input, init);
  const request = new Request(input, init);
  carried.push([request.url, request.headers.get('Authorization')]);
  return Promise.resolve(new Response());
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'] });
  http = new FakeFetch();
  gateway = new FakeGateway({ now: () => Date.now() });
  channels = [];
  locks = [];
  carried = [];
  page = new EventTarget();
  document = Object.assign(new EventTarget(), { hidden: false, baseURI: 'https://shop.example.com/app/' });
  const request = (name, { signal }, run) => {
    locks.push([name, signal]);
    return run();
  };
  put({
    document, fetch: fakeFetch, WebSocket: gateway.WebSocket, BroadcastChannel: Channel, localStorage: new FakeStore(),
    location: new URL('https://shop.example.com/app/'), navigator: { language: 'en-GB', onLine: true, locks: { request } },
    addEventListener: page.addEventListener.bind(page),
  });
});

function put(globals) {
  for (const [name, value] of Object.entries(globals)) Object.defineProperty(globalThis, name, { value, configurable: true });
}

const listeners = () => PAGE.flatMap((type) => [...getEventListeners(page, type), ...getEventListeners(document, type)]).length;
const happens = async (target, type, more) => {
  target.dispatchEvent(Object.assign(new Event(type), more));
  await settle();
};

test('without options it is of the page’s own gateway, and of the default app', async () => {
  http.answers.push(ok(token));
  const session = createSession();
  assert.equal((await session.ready()).type, 'signed_in');
  const [{ path, headers, json }] = http.calls;
  assert.deepEqual([path, headers['Accept-Language'], json], ['https://shop.example.com/auth/refresh', 'en', {}]);
  assert.deepEqual([locks[0][0], channels[0].name], ['scangate-refresh-default', 'scangate-session-default']);
  assert.equal(gateway.last.url, 'wss://shop.example.com/api/v1/ws');
  assert.ok(localStorage.has('scangate.session.default'));
  session.close();
});

test('a gateway of another origin is asked there, with the cookie, and its socket is there', async () => {
  http.answers.push(ok(token), ok(token));
  const session = createSession({ baseUrl: 'https://login.example.com/', app: 'shop', locale: 'zh-CN' });
  await session.ready();
  const [{ path, headers, json, credentials }] = http.calls;
  assert.deepEqual([path, headers['Accept-Language'], json, credentials], ['https://login.example.com/auth/refresh', 'zh-CN', { app: 'shop' }, 'include']);
  assert.deepEqual([locks[0][0], channels[0].name], ['scangate-refresh-shop', 'scangate-session-shop']);
  assert.equal(gateway.last.url, 'wss://login.example.com/api/v1/ws');
  session.close();
});

test('the language may change', async () => {
  let locale = 'en';
  http.answers.push(no(50300, 'overloaded'), no(50300, 'overloaded'), no(50300, 'overloaded'));
  const session = createSession({ locale: () => locale });
  await session.ready();
  locale = 'zh-CN';
  await session.ready();
  put({ navigator: { language: 'zh-TW', onLine: true } });
  const other = createSession();
  await other.ready();
  assert.deepEqual(http.calls.map(({ headers }) => headers['Accept-Language']), ['en', 'zh-CN', 'zh-CN']);
  session.close();
  other.close();
});

test('the token goes to the page’s origin and the gateway’s, and to no other', async () => {
  http.answers.push(ok(token));
  const session = createSession({ baseUrl: 'https://login.example.com' });
  const { fetch } = session;
  const addresses = ['https://shop.example.com/x', 'https://login.example.com/x', 'https://cdn.example.com/x', 'http://shop.example.com/x', 'data:,x'];
  for (const each of addresses) await fetch(new URL(each));
  assert.deepEqual(carried.map(([, shown]) => shown), ['Bearer jwt', 'Bearer jwt', null, null, null]);
  session.close();
});

test('`origins` says where else, and where not', async () => {
  http.answers.push(ok(token));
  const session = createSession({ origins: ['https://api.example.com/v2/'] });
  for (const each of ['https://api.example.com/x', 'https://shop.example.com/x']) await session.fetch(each);
  assert.deepEqual(carried.map(([, shown]) => shown), ['Bearer jwt', null]);
  assert.throws(() => createSession({ origins: ['api.example.com'] }), TypeError);
  session.close();
});

test('a page without an origin sends no token to others without one', async () => {
  put({ location: new URL('file:///home/demo.html') });
  const session = createSession({ baseUrl: 'https://login.example.com' });
  await session.fetch('data:,x');
  assert.deepEqual(carried, [['data:,x', null]]);
  session.close();
});

test('it wakes when the page is seen, online, or found again; a hidden one is left alone', async () => {
  http.answers.push(...Array.from({ length: 5 }, () => ok(token)));
  const session = createSession();
  await session.ready();
  const grows = async (...event) => {
    mock.timers.setTime(Date.now() + 3_600_000);
    const before = http.calls.length;
    await happens(...event);
    return http.calls.length - before;
  };
  document.hidden = true;
  assert.equal(await grows(document, 'visibilitychange'), 0);
  document.hidden = false;
  assert.equal(await grows(document, 'visibilitychange'), 1);
  assert.equal(await grows(page, 'online'), 1);
  await happens(page, 'pagehide', { persisted: true });
  assert.equal(gateway.last.closedWith, 1000);
  assert.equal(await grows(page, 'pageshow', { persisted: true }), 1);
  assert.equal(gateway.last.closedWith, undefined);
  await happens(page, 'pageshow', { persisted: false });
  assert.equal(http.calls.length, 4);
  session.close();
});

test('its socket has more time than that of a login', async () => {
  http.answers.push(ok(token));
  const session = createSession();
  await session.ready();
  const [socket] = gateway.sockets;
  mock.timers.tick(9_000);
  assert.equal(socket.readyState, 0);
  mock.timers.tick(2_000);
  assert.equal(socket.readyState, 3);
  session.close();
});

test('it works where there are no locks', async () => {
  put({ navigator: { language: 'en', onLine: true } });
  http.answers.push(ok(token));
  const session = createSession();
  assert.equal(await session.getAccessToken(), 'jwt');
  session.close();
});

for (const [how, closes] of [['close', ({ session }) => session.close()], ['the signal', ({ off }) => off.abort()]]) {
  test(`${how} gives everything back`, async () => {
    const off = new AbortController();
    http.answers.push(ok(token));
    const session = createSession({ signal: off.signal });
    await session.ready();
    assert.equal(listeners(), PAGE.length);
    closes({ session, off });
    assert.equal(listeners(), 0);
    assert.deepEqual(getEventListeners(off.signal, 'abort'), []);
    assert.deepEqual([channels[0].isOpen, gateway.last.closedWith, locks[0][1].aborted], [false, 1000, true]);
    mock.timers.tick(24 * 3_600_000);
    await happens(page, 'online');
    assert.equal(http.calls.length, 1);
    await assert.rejects(session.getAccessToken(), { name: 'AbortError' });
  });
}

test('a signal that has gone off before leaves nothing behind', async () => {
  const session = createSession({ signal: AbortSignal.abort() });
  assert.equal(listeners(), 0);
  assert.equal(channels[0].isOpen, false);
  assert.deepEqual(await session.ready(), { type: 'opening' });
  assert.equal(http.calls.length, 0);
});
