// One device alone: the page is left for the one that confirms, and found again.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { deviceOf } from '../src/element/device.js';
import { en } from '../src/element/i18n/en.js';
import { KEPT_FOR_MS, UnfinishedLogin } from '../src/element/unfinished-login.js';
import { Stage } from './fake-page.js';
import { settle } from './fake-time.js';

const HOME = 'https://login.example.com/';

let stage, part, button;

beforeEach(() => {
  stage = new Stage();
  ({ part, button } = stage);
  stage.env = { device: 'wechat', returnTo: HOME, search: '?lang=en' };
});

/** The page as it is loaded after it was left, in the same tab. */
function comeBack(env = {}) {
  const { store, clock } = stage;
  stage = new Stage();
  ({ part, button } = stage);
  Object.assign(stage, { store });
  stage.clock.advance(clock.now() - stage.clock.now());
  stage.env = { device: 'wechat', returnTo: HOME, ...env };
  return stage;
}

test('machines are told apart by what they say of themselves', () => {
  const iPhone = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
  const desk = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';
  const seen = (userAgent, isSmallAndTouched = false) => deviceOf({ userAgent, isSmallAndTouched });
  assert.equal(seen(`${iPhone} MicroMessenger/8.0.53(0x18003531) NetType/WIFI`), 'wechat');
  assert.equal(seen(`${desk} MicroMessenger/7.0.20 WindowsWechat`), 'wechat');
  assert.equal(seen(iPhone), 'phone');
  assert.equal(seen(desk, true), 'phone');
  assert.equal(seen(desk), 'desk');
});

test('inside WeChat there is a button instead of a code, and it leads to the page that asks', async () => {
  await stage.show(stage.pending());
  assert.deepEqual([part('card').dataset.mood, part('code').hidden, button('help')], ['here', true, null]);
  assert.equal(part('detail').textContent, en.hereDetail);
  assert.equal(button('leave').textContent, en.signInHere);
  button('leave').click();
  assert.deepEqual(stage.left, ['/s/scene-1']);
  assert.deepEqual(stage.unfinished.read(), {
    baton: { scene: 'scene-1', secret: 'secret', seq: 1, verifier: 'verifier', flow: 'h5' }, search: '?lang=en',
  });
});

test('inside WeChat start says where this page is found again', async () => {
  assert.deepEqual(await stage.page.wishes(), { locale: 'en', return_to: HOME });
});

test('a page that does not know to be listed sends no way back', async () => {
  stage.env = { device: 'wechat' };
  assert.deepEqual(await stage.page.wishes(), { locale: 'en' });
  await stage.show(stage.pending());
  assert.ok(button('leave'), 'the way back is by hand then');
});

test('on a desk start says nothing of a way back', async () => {
  stage.env.device = 'desk';
  assert.deepEqual(await stage.page.wishes(), { locale: 'en' });
});

test('where nothing can be kept the page is not left: the code is there to press and hold', async () => {
  stage.store.forbidden = true;
  assert.deepEqual(await stage.page.wishes(), { locale: 'en' });
  await stage.show(stage.pending());
  assert.equal(button('leave'), null);
  assert.deepEqual([part('card').dataset.mood, part('sentence').textContent], ['code', en.holdSentence]);
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
  assert.deepEqual([part('sentence').textContent, button('leave')], [en.holdSentence, null]);
});

test('inside WeChat h5 goes before other flows, and there is no switch to them', async () => {
  Object.assign(stage.config, { flows: ['website', 'h5'], default_flow: 'website' });
  assert.deepEqual(await stage.page.wishes(), { locale: 'en', flow: 'h5', return_to: HOME });
  await stage.show(stage.pending());
  assert.equal(button('switch'), null);
});

test('a browser counts as WeChat’s by the address in sandbox mode only', async () => {
  stage.env = { playsWeChat: true };
  await stage.show(stage.pending());
  assert.equal(button('leave'), null);
  stage = new Stage();
  stage.config.sandbox = { phone_url: 'http://127.0.0.1:8090/phone' };
  stage.env = { playsWeChat: true };
  await stage.show(stage.pending());
  assert.ok(stage.button('leave'));
});

test('back again, the login goes on: no new code, the grant is redeemed with the verifier that was kept', async () => {
  await stage.show(stage.pending());
  button('leave').click();
  comeBack();
  void stage.page;
  assert.deepEqual(stage.session.baton, { scene: 'scene-1', secret: 'secret', seq: 1, verifier: 'verifier', flow: 'h5' });
  assert.equal(part('sentence').textContent, en.resumingSentence);
  stage.session.verifier = stage.session.baton.verifier;
  stage.gateway.pending();
  await stage.show(stage.authorized({ name: 'A' }));
  assert.deepEqual(stage.client.redeemed, [['grant', 'verifier']]);
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
    { name: 'rejected', event: { by: 'user' } }, { name: 'expired', event: null }, { name: 'cancelled', event: {} },
    { name: 'failed', error: { code: 1, name: 'x', message: '' } }, { name: 'stopped', why: 'redeemed' }, { name: 'stopped', why: 'taken_over' },
  ];
  for (const end of ends) {
    await stage.show(stage.pending());
    button('leave').click();
    assert.equal(stage.store.size, 1);
    await stage.show({ ...end, ...(end.event && { event: { ...stage.gateway.state(end.name, 2), ...end.event } }) });
    assert.equal(stage.store.size, 0, end.name);
  }
  await stage.show(stage.pending());
  button('leave').click();
  await stage.show(stage.pending());
  assert.equal(stage.store.size, 0, 'another scene');
  button('leave').click();
  stage.session.baton = null;
  await stage.show({ name: 'opening' });
  assert.equal(stage.store.size, 0, 'a scene that is gone');
});

test('a grant that cannot be redeemed ends what was kept too', async () => {
  await stage.show(stage.pending());
  button('leave').click();
  stage.client.answer = async () => { throw new Error('no answer'); };
  stage.session.abandon = (error) => stage.session.to({ name: 'failed', error });
  await stage.show(stage.authorized({ name: 'A' }));
  await settle();
  assert.equal(stage.store.size, 0);
});

test('not kept for longer than ten minutes, nor for another app, nor what is not whole', () => {
  const { store, clock } = stage;
  const of = (app) => new UnfinishedLogin({ store: () => store, clock, ...(app && { app }) });
  const left = { baton: { scene: 's', secret: 'x', seq: 2, verifier: 'v', flow: 'h5' }, search: '' };
  of('shop').keep(left);
  assert.equal(of().read(), null);
  assert.equal(store.size, 0, 'thrown away');
  of().keep(left);
  clock.advance(KEPT_FOR_MS);
  assert.deepEqual(of().read(), left);
  clock.advance(1);
  assert.equal(of().read(), null);
  for (const broken of ['nonsense', 'null', '[]', '{}', JSON.stringify({ ...left.baton, search: '', app: 'default', at: clock.now(), seq: '2' })]) {
    store.setItem('scangate.login', broken);
    assert.equal(of().read(), null, broken);
    assert.equal(store.size, 0, broken);
  }
});

test('forbidden storage is no obstacle', () => {
  stage.store.forbidden = true;
  const unfinished = new UnfinishedLogin({ store: () => stage.store, clock: stage.clock });
  assert.deepEqual([unfinished.works, unfinished.read(), unfinished.scene], [false, null, '']);
  assert.equal(unfinished.keep({ baton: {}, search: '' }), false);
  unfinished.clear();
});

test('a phone outside WeChat keeps the code and says how one phone is enough', async () => {
  stage.env = { device: 'phone', returnTo: HOME };
  const state = stage.pending();
  await stage.show(state);
  assert.deepEqual([part('card').dataset.mood, part('detail').textContent, button('leave')], ['code', en.phoneDetail, null]);
  assert.equal(button('help').textContent, en.helpTitle);
  assert.ok(button('help').classList.contains('plain'));
  button('help').click();
  part('save').click();
  await settle();
  assert.deepEqual(stage.saved, [state.event.qr.svg]);
  part('copy').click();
  await settle();
  assert.deepEqual(stage.copied, [state.event.qr.text]);
});
