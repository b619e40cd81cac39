// <scan-login> as a page meets it: attributes, properties, events, coming and going.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, test } from 'node:test';

import { CSS } from '../src/element/style.js';
import { CONFIG, FakeDocument } from './fake-document.js';
import { LANGUAGES } from './fake-page.js';
import { settle } from './fake-time.js';

const { en } = LANGUAGES;

let page, document, gateway, logins;

beforeEach(async () => {
  page = await FakeDocument.open();
  ({ document, gateway, logins } = page);
});

afterEach(FakeDocument.close);

const part = (element, id) => element.shadowRoot.getElementById(id);
const says = (element) => part(element, 'status').textContent;
const person = { grant: 'grant', user: { name: 'A' } };

test('on the page it begins a login, and shows it', async () => {
  const element = await page.place();
  assert.equal(logins.length, 1);
  await page.show(element, gateway.pending());
  assert.deepEqual([says(element), part(element, 'app').textContent], [en.pending, 'Shop']);
  assert.deepEqual(page.asked, ['/api/v1/config']);
});

test('attributes are told to the login, and are properties too', async () => {
  const element = await page.place({
    'base-url': 'https://login.example.com', app: 'shop', flow: 'website', locale: 'en', 'return-to': 'https://shop.example.com/', 'auto-renew': '2',
  });
  const { baseUrl, autoRenew, locale, wishes } = logins[0].options;
  assert.deepEqual([baseUrl, autoRenew, locale], ['https://login.example.com', 2, 'en']);
  assert.deepEqual(await wishes(), { app: 'shop', flow: 'website', locale: 'en', return_to: 'https://shop.example.com/' });
  assert.deepEqual(page.asked, ['https://login.example.com/api/v1/config?app=shop']);
  const { app, flow, returnTo } = element;
  assert.deepEqual([element.baseUrl, app, flow, returnTo, element.autoRenew], ['https://login.example.com', 'shop', 'website', 'https://shop.example.com/', 2]);
  element.theme = 'dark';
  element.confirm = 'always';
  assert.deepEqual([element.getAttribute('theme'), element.getAttribute('confirm')], ['dark', 'always']);
  element.confirm = null;
  assert.deepEqual([element.hasAttribute('confirm'), element.confirm], [false, '']);
});

test('without attributes there are the defaults', async () => {
  const { theme, redeem, autoRenew, app, device } = await page.place();
  assert.deepEqual([theme, redeem, autoRenew, app, device], ['auto', 'auto', 5, '', '']);
  assert.equal('baseUrl' in logins[0].options, false, 'the page’s origin is for the login to know');
});

test('properties that were set before the element was one are kept', async () => {
  const element = document.createElement('scan-login');
  const session = { redeem() {} };
  Object.assign(element, { app: 'shop', strings: { pending: 'Scan!' }, session });
  document.body.append(element);
  page.define();
  await settle();
  assert.deepEqual([element.getAttribute('app'), element.session], ['shop', session]);
  assert.equal(logins.at(-1).options.session, session);
  assert.equal((await logins.at(-1).options.wishes()).app, 'shop');
  await page.show(element, gateway.pending());
  assert.equal(says(element), 'Scan!');
});

test('to be moved ends no login, to be taken out does, and to be put back begins another', async () => {
  const element = await page.place();
  await page.show(element, gateway.pending());
  document.body.appendChild(document.createElement('div')).append(element);
  await settle();
  assert.deepEqual([logins.length, logins[0].did], [1, []]);
  element.remove();
  await settle();
  assert.deepEqual([logins[0].did, element.login], [['closed'], null]);
  page.clock.advance(10_000);
  assert.equal(page.clock.next, null, 'nothing ticks');
  document.body.append(element);
  await settle();
  assert.deepEqual([logins.length, element.login === logins[1]], [2, true]);
});

test('taken out before it began, it begins nothing', async () => {
  page.define();
  const element = document.body.appendChild(document.createElement('scan-login'));
  element.remove();
  await settle();
  assert.equal(logins.length, 0);
});

test('another gateway, app or session is another login, once for all that change together', async () => {
  const element = await page.place();
  element.app = 'shop';
  element.baseUrl = 'https://login.example.com';
  element.session = { redeem() {} };
  await settle();
  assert.deepEqual([logins.length, logins[0].did], [2, ['closed']]);
  element.app = 'shop';
  element.theme = 'dark';
  await settle();
  assert.equal(logins.length, 2, 'nothing has changed');
});

test('another flow is another scene; another language is other words', async () => {
  const element = await page.place();
  await page.show(element, gateway.pending());
  element.locale = 'zh-CN';
  await settle();
  assert.deepEqual([says(element), part(element, 'card').lang], [LANGUAGES['zh-CN'].pending, 'zh-CN']);
  element.flow = 'website';
  await settle();
  assert.deepEqual([logins.length, logins[0].did], [2, ['cancel', 'closed']]);
  assert.equal((await logins[1].options.wishes()).flow, 'website');
});

test('each state is an event of its name, after a statechange, and leaves the shadow', async () => {
  const heard = page.hear('statechange', 'pending', 'scanned', 'rejected');
  const element = await page.place({}, document.body.appendChild(document.createElement('section')));
  const states = [gateway.pending(), gateway.state('scanned', 2), gateway.state('rejected', 3, { by: 'user' })];
  for (const state of states) await page.show(element, state);
  assert.deepEqual(heard, states.flatMap((state) => [['statechange', state], [state.type, state]]));
});

test('a connection that changes is a statechange and no new state', async () => {
  const element = await page.place();
  const state = gateway.pending();
  await page.show(element, state);
  const heard = page.hear('statechange', 'pending');
  await page.show(element, state, 'lost');
  assert.deepEqual(heard, [['statechange', state]]);
});

test('by hand: the grant and its verifier are told, and nothing is redeemed nor asked', async () => {
  const heard = page.hear('authorized');
  const element = await page.place({ redeem: 'manual', confirm: 'always' });
  await page.show(element, gateway.pending());
  await page.show(element, gateway.state('authorized', 2, person));
  assert.deepEqual([heard[0][1].grant, heard[0][1].verifier, logins[0].did], ['grant', 'verifier', []]);
  assert.equal(says(element), en.authorized);
});

test('otherwise the grant is redeemed, its verifier stays in, and the session is told', async () => {
  const heard = page.hear('authorized', 'signed_in');
  const element = await page.place();
  await page.show(element, gateway.state('authorized', 2, person));
  assert.deepEqual(heard.map(([type, detail]) => [type, 'verifier' in detail]), [['authorized', false], ['signed_in', false]]);
  assert.equal(heard[1][1].session_id, 's');
});

test('an error is for logs: it says what it was, and does not reach window.onerror', async () => {
  const element = await page.place();
  const errors = [];
  element.addEventListener('error', ({ detail }) => errors.push(detail.name));
  const above = page.hear('error');
  const failed = gateway.state('failed', 2, { error: { code: 50200, name: 'wechat_failed', message: '' } });
  for (const state of [failed, { type: 'stopped', reason: 'outdated' }, { type: 'stopped', reason: 'taken_over' }]) await page.show(element, state);
  assert.deepEqual([errors, above], [['wechat_failed', 'outdated'], []]);
});

test('what the gateway says of the app is told, and kept', async () => {
  const heard = page.hear('configured');
  const element = await page.place();
  assert.deepEqual([heard, element.config], [[['configured', CONFIG]], CONFIG]);
});

test('brand, help and welcome of the page’s own stand in the slots', async () => {
  page.define();
  const element = document.createElement('scan-login');
  for (const slot of ['brand', 'help', 'signed-in']) element.appendChild(document.createElement('p')).slot = slot;
  document.body.append(element);
  await settle();
  assert.deepEqual([...element.shadowRoot.querySelectorAll('slot')].map(({ name }) => name), ['brand', 'signed-in', 'help']);
  assert.equal(part(element, 'signed-in').hidden, true);
  await page.show(element, { type: 'signed_in', user: { id: 'u' }, session_id: 's' });
  assert.deepEqual(['signed-in', 'frame', 'words'].map((id) => part(element, id).hidden), [false, true, true]);
});

test('without a welcome of the page’s own the person is seen', async () => {
  const element = await page.place();
  await page.show(element, { type: 'signed_in', user: { id: 'u', name: '李小龙' }, session_id: 's' });
  assert.deepEqual([part(element, 'signed-in').hidden, part(element, 'name').textContent], [true, '李小龙']);
});

test('a language of one’s own is a plain object', async () => {
  const arabic = { pending: 'امسح الرمز باستخدام WeChat لتسجيل الدخول', renewsIn: 'يتجدد خلال {seconds} ث', keep: 'الاحتفاظ بهذا الرمز', help: 'على هاتفك؟' };
  const element = await page.place({ locale: 'ar', dir: 'rtl' });
  element.strings = arabic;
  await page.show(element, gateway.pending());
  assert.deepEqual([says(element), part(element, 'card').lang], [arabic.pending, 'ar']);
  page.clock.advance(105_000);
  await settle();
  assert.equal(part(element, 'hint').textContent, 'يتجدد خلال 15 ث');
  assert.equal((await logins[0].options.wishes()).locale, 'en', 'the gateway’s messages come in the nearest language it has');
});

test('nothing of its look depends on the direction of the script', () => {
  assert.doesNotMatch(CSS, /[{;](left|right|float|(margin|padding|border)-(left|right)|text-align:(left|right))\b/);
});

test('every part and every variable that is documented is there, and no other variable', async () => {
  const element = await page.place();
  await page.show(element, gateway.pending());
  const source = readFileSync(new URL('../src/element/scan-login-element.js', import.meta.url), 'utf8');
  const documented = (pattern) => [...source.matchAll(pattern)].map(([, name]) => name).sort();
  const parts = [...element.shadowRoot.querySelectorAll('[part]')].flatMap((each) => each.getAttribute('part').split(' '));
  for (const name of documented(/@csspart ([\w-]+)/g)) assert.ok(parts.includes(name), name);
  const variables = new Set([...CSS.matchAll(/var\((--scan-[\w-]+)/g)].map(([, name]) => name));
  assert.deepEqual([...variables].sort(), documented(/@cssprop \[(--scan-[\w-]+)/g));
});

test('where there is no document the module loads, and its class is there', async () => {
  FakeDocument.close();
  const { ScanLoginElement } = await import('../src/element/scan-login-element.js?server');
  assert.equal(typeof ScanLoginElement, 'function');
});

test('to import it defines nothing, to define it twice does no harm', () => {
  assert.equal(page.window.customElements.get('scan-login'), undefined);
  page.define();
  page.define();
  assert.equal(page.window.customElements.get('scan-login'), page.ScanLoginElement);
});
