// One device alone: the page is left for the one that confirms, and found again.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { deviceHere } from '../src/element/offer.js';
import { KEPT_FOR_MS, UnfinishedLogin } from '../src/element/unfinished-login.js';
import { LANGUAGES, Stage } from './fake-page.js';
import { settle } from './fake-time.js';

const { en } = LANGUAGES;

const HOME = 'https://shop.example.com/';

let stage, part, button;

beforeEach(() => {
  stage = new Stage();
  ({ part, button } = stage);
  Object.assign(stage.host, { device: 'wechat', returnTo: HOME });
  stage.location.search = '?lang=en';
});

/** The page as it is loaded after it was left, in the same tab. */
function comeBack() {
  const { store, clock } = stage;
  stage = new Stage();
  ({ part, button } = stage);
  Object.assign(stage, { store });
  stage.clock.advance(clock.now() - stage.clock.now());
  Object.assign(stage.host, { device: 'wechat', returnTo: HOME });
}

test('machines are told apart by what they say of themselves', (t) => {
  const iPhone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
  const desk = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  const seen = (userAgent, matches = false) => {
    Object.defineProperty(globalThis, 'navigator', { value: { userAgent }, configurable: true });
    globalThis.matchMedia = () => ({ matches });
    return deviceHere();
  };
  t.after(() => (before ? Object.defineProperty(globalThis, 'navigator', before) : delete globalThis.navigator));
  assert.equal(seen(`${iPhone} MicroMessenger/8.0.53(0x18003531) NetType/WIFI`), 'wechat');
  assert.equal(seen(`${desk} MicroMessenger/7.0.20 WindowsWechat`), 'wechat');
  assert.equal(seen(iPhone), 'phone');
  assert.equal(seen(desk, true), 'phone');
  assert.equal(seen(desk), 'desk');
});

test('inside WeChat there is a button instead of a code, and it leads to the page that asks', async () => {
  await stage.show(stage.pending());
  assert.deepEqual([part('card').className, part('qr').hidden, button('help')], ['here', true, null]);
  assert.equal(part('hint').textContent, en.hereDetail);
  assert.equal(button('leave').textContent, en.signInHere);
  button('leave').click();
  assert.deepEqual(stage.left, ['https://login.example.com/s/scene-1']);
  assert.deepEqual(stage.unfinished.read(), {
    baton: { scene: 'scene-1', secret: 'secret', seq: 1, verifier: 'verifier', flow: 'h5' }, search: '?lang=en',
  });
});

test('inside WeChat start says where this page is found again', async () => {
  assert.deepEqual(await stage.wishes(), { locale: 'en', return_to: HOME });
});

test('a page that does not know to be listed sends no way back', async () => {
  stage.host.returnTo = '';
  assert.deepEqual(await stage.wishes(), { locale: 'en' });
  await stage.show(stage.pending());
  assert.ok(button('leave'), 'the way back is by hand then');
});

test('on a desk start says nothing of a way back', async () => {
  stage.host.device = 'desk';
  void stage.controller;
  await settle();
  assert.deepEqual(await stage.wishes(), { locale: 'en' });
});

test('where nothing can be kept the page is not left: the code is there to press and hold', async () => {
  stage.store.forbidden = true;
  assert.deepEqual(await stage.wishes(), { locale: 'en' });
  await stage.show(stage.pending());
  assert.equal(button('leave'), null);
  assert.deepEqual([part('card').className, part('status').textContent], ['code', en.hold]);
});

test('a store that fills up keeps nobody from the code', async () => {
  await stage.show(stage.pending());
  stage.store.forbidden = true;
  button('leave').click();
  assert.deepEqual(stage.left, []);
});

test('the code of an official account is pressed and held: its page before the scan leads nowhere', async () => {
  Object.assign(stage.config, { flows: ['official_account'], default_flow: 'official_account' });
  await stage.show(stage.pending({ flow: 'official_account' }));
  assert.deepEqual([part('status').textContent, button('leave')], [en.hold, null]);
});

test('inside WeChat h5 goes before other flows, and there is no switch to them', async () => {
  Object.assign(stage.config, { flows: ['website', 'h5'], default_flow: 'website' });
  assert.deepEqual(await stage.wishes(), { locale: 'en', flow: 'h5', return_to: HOME });
  await stage.show(stage.pending());
  assert.equal(button('switch'), null);
});

test('back again, the login goes on: no new code, the grant is redeemed with the verifier that was kept', async () => {
  await stage.show(stage.pending());
  button('leave').click();
  comeBack();
  assert.deepEqual(stage.login.options.resume, { scene: 'scene-1', secret: 'secret', seq: 1, verifier: 'verifier', flow: 'h5' });
  await settle();
  assert.equal(part('status').textContent, en.resuming);
  stage.gateway.pending();
  await stage.show(stage.authorized({ name: 'A' }));
  assert.equal(stage.login.state.type, 'signed_in');
  assert.equal(stage.store.size, 0);
});

test('back without having confirmed, the button is there again', async () => {
  await stage.show(stage.pending());
  button('leave').click();
  comeBack();
  await stage.show(stage.pending({ replay: true }));
  assert.ok(button('leave'));
  assert.equal(stage.store.size, 1);
});

test('what was kept goes with every end, with another scene, and with a scene that is gone', async () => {
  const ends = [
    { type: 'rejected', by: 'user' }, { type: 'expired' }, { type: 'cancelled' },
    { type: 'failed', error: { code: 1, name: 'x', message: '' } }, { type: 'stopped', reason: 'redeemed' }, { type: 'stopped', reason: 'taken_over' },
  ];
  for (const end of ends) {
    await stage.show(stage.pending());
    button('leave').click();
    assert.equal(stage.store.size, 1);
    await stage.show(end);
    assert.equal(stage.store.size, 0, end.type);
  }
  await stage.show(stage.pending());
  button('leave').click();
  await stage.show(stage.pending());
  assert.equal(stage.store.size, 0, 'another scene');
  button('leave').click();
  stage.login.baton = null;
  await stage.show({ type: 'opening' });
  assert.equal(stage.store.size, 0, 'a scene that is gone');
});

test('a grant that cannot be redeemed ends what was kept too', async () => {
  await stage.show(stage.pending());
  button('leave').click();
  stage.login.answer = async () => { throw {}; };
  await stage.show(stage.authorized({ name: 'A' }));
  assert.equal(stage.store.size, 0);
});

test('not kept for longer than ten minutes, nor for another app, nor what is not whole', () => {
  const { store, clock } = stage;
  const of = (app = '') => new UnfinishedLogin({ store: () => store, clock, app });
  const left = { baton: { scene: 's', secret: 'x', seq: 2, verifier: 'v', flow: 'h5' }, search: '' };
  of('shop').keep(left);
  assert.equal(of().read(), null);
  assert.equal(store.size, 0, 'thrown away');
  of().keep(left);
  clock.advance(KEPT_FOR_MS);
  assert.deepEqual(of().read(), left);
  clock.advance(1);
  assert.equal(of().read(), null);
  for (const broken of ['nonsense', 'null', '[]', '{}', JSON.stringify({ ...left.baton, search: '', app: '', at: clock.now(), seq: '2' })]) {
    store.setItem('scangate.login', broken);
    assert.equal(of().read(), null, broken);
    assert.equal(store.size, 0, broken);
  }
});

test('forbidden storage is no obstacle', () => {
  stage.store.forbidden = true;
  const unfinished = new UnfinishedLogin({ store: () => stage.store, clock: stage.clock, app: '' });
  assert.deepEqual([unfinished.works, unfinished.read(), unfinished.scene], [false, null, '']);
  assert.equal(unfinished.keep({ baton: {}, search: '' }), false);
  unfinished.clear();
});
