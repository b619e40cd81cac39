// For who comes over from WeChat's own script.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { FakeDocument } from './fake-document.js';
import { settle } from './fake-time.js';

const ASKED = { id: 'login', appid: 'wx123', scope: 'snsapi_login', redirect_uri: encodeURIComponent('https://shop.example.com/callback?from=wx'), state: 'x1' };

let page, WxLogin, went;

beforeEach(async () => {
  page = await FakeDocument.open();
  page.document.body.appendChild(page.document.createElement('div')).id = 'login';
  went = [];
  globalThis.location = { href: page.window.location.href, assign: (url) => went.push(url) };
  mock.timers.enable({ apis: ['setTimeout'] });
  ({ WxLogin } = await import('../src/element/wx-login.js'));
  // Both stand on the same class, whichever module was first to define it.
  page.define();
});

afterEach(() => {
  mock.restoreAll();
  mock.timers.reset();
  FakeDocument.close();
});

async function opens(options) {
  const { element } = new WxLogin({ ...ASKED, ...options });
  await settle();
  return element;
}

/** Somebody signs in; answers where the window has gone. */
async function signsIn(element) {
  await page.show(element, { type: 'signed_in', user: { id: 'u' }, session_id: 's' });
  mock.timers.tick(600);
  return went;
}

test('it stands in the place of what was there', async () => {
  page.document.getElementById('login').textContent = 'Loading';
  const element = await opens({ baseUrl: 'https://login.example.com', app: 'shop' });
  assert.deepEqual([...page.document.getElementById('login').childNodes], [element]);
  assert.deepEqual([element.baseUrl, element.app, element.locale], ['https://login.example.com', 'shop', 'zh-CN']);
  assert.throws(() => new WxLogin({ id: 'nowhere' }), /no element with the id "nowhere"/);
});

test('the colour of the text is a theme, and the language a locale', async () => {
  for (const [style, theme] of [['black', 'light'], ['white', 'dark'], [undefined, 'auto']]) {
    assert.equal((await opens({ style })).theme, theme, style);
  }
  assert.equal((await opens({ lang: 'en' })).locale, 'en');
});

test('it is ready when there is a code', async () => {
  const ready = [];
  const element = await opens({ onReady: (isReady) => ready.push(isReady) });
  assert.deepEqual(ready, []);
  await page.show(element, page.gateway.pending());
  await page.show(element, page.gateway.pending());
  assert.deepEqual(ready, [true]);
});

test('once somebody is signed in the window goes on, with the state and no code', async () => {
  assert.deepEqual(await signsIn(await opens()), ['https://shop.example.com/callback?from=wx&state=x1']);
});

test('an address that is not encoded is one too', async () => {
  assert.deepEqual(await signsIn(await opens({ redirect_uri: 'https://shop.example.com/a%20b', state: undefined })), ['https://shop.example.com/a%20b']);
});

test('the window goes to no other kind of address, and stays where it is asked to', async () => {
  assert.deepEqual(await signsIn(await opens({ redirect_uri: 'javascript:alert(1)' })), []);
  assert.deepEqual(await signsIn(await opens({ self_redirect: true })), []);
});

test('what it cannot do it says', async () => {
  const warn = mock.method(console, 'warn', () => {});
  await opens({ href: 'https://shop.example.com/a.css', fast_login: 0 });
  assert.deepEqual(warn.mock.calls.map(({ arguments: [text] }) => /"(\w+)"/.exec(text)[1]), ['href', 'fast_login']);
  await opens();
  assert.equal(warn.mock.callCount(), 2);
});
