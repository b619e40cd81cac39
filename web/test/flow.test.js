// Which flow a login takes, and what each looks like.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { chooseFlow, flowAfter } from '../src/element/offer.js';
import { LANGUAGES, Stage } from './fake-page.js';
import { settle } from './fake-time.js';

const { en } = LANGUAGES;

let stage, part, button;

beforeEach(() => {
  stage = new Stage();
  ({ part, button } = stage);
});

const offers = (...flows) => Object.assign(stage.config, { flows, default_flow: flows[0] });
const frame = () => stage.root.querySelector('iframe');

test('the default where it is offered, else the first; what was asked for only where it is offered', () => {
  const offer = { flows: ['official_account', 'website'], default_flow: 'website' };
  assert.equal(chooseFlow(offer, '', false), 'website');
  assert.equal(chooseFlow({ ...offer, default_flow: 'h5' }, '', false), 'official_account');
  assert.equal(chooseFlow(offer, 'official_account', false), 'official_account');
  assert.equal(chooseFlow(offer, 'h5', false), 'website');
});

test('inside WeChat it is the flow that needs no scan, unless another was asked for', () => {
  const offer = { flows: ['website', 'h5'], default_flow: 'website' };
  assert.equal(chooseFlow(offer, '', true), 'h5');
  assert.equal(chooseFlow(offer, 'website', true), 'website');
  assert.equal(chooseFlow({ flows: ['website'], default_flow: 'website' }, '', true), 'website');
});

test('the switch goes round the flows, and is not there for one', () => {
  const offer = { flows: ['h5', 'website', 'official_account'], default_flow: 'h5' };
  assert.deepEqual(['h5', 'website', 'official_account'].map((flow) => flowAfter(offer, flow)), ['website', 'official_account', 'h5']);
  assert.equal(flowAfter({ flows: ['h5'], default_flow: 'h5' }, 'h5'), null);
  assert.equal(flowAfter({ flows: ['h5', 'telepathy'], default_flow: 'h5' }, 'h5'), null);
});

test('start names a flow only where it is not the default', async () => {
  offers('h5', 'website');
  assert.deepEqual(await stage.wishes(), { locale: 'en' });
  stage = new Stage();
  offers('h5', 'website');
  Object.assign(stage.host, { flow: 'website', returnTo: 'https://shop.example.com/', app: 'shop' });
  assert.deepEqual(await stage.wishes(), { app: 'shop', locale: 'en', flow: 'website', return_to: 'https://shop.example.com/' });
  assert.equal(stage.asked, 'https://login.example.com/api/v1/config?app=shop');
});

test('start waits for nothing where nothing is asked for', async () => {
  stage.config = new Promise(() => {});
  stage.host.returnTo = 'https://shop.example.com/';
  assert.deepEqual(await stage.wishes(), { locale: 'en', return_to: 'https://shop.example.com/' });
});

test('start does not wait for ever to learn whether a flow is offered', async () => {
  stage.config = new Promise(() => {});
  stage.host.flow = 'website';
  const wishes = stage.wishes();
  await settle();
  stage.clock.advance(2_000);
  assert.deepEqual(await wishes, { locale: 'en' });
});

test('website: WeChat’s own page stands where the code would, with no ring and no words of ours', async () => {
  offers('website');
  await stage.show(stage.website());
  assert.equal(part('card').className, 'framed');
  assert.equal(frame().src, 'https://open.weixin.qq.com/connect/qrconnect?appid=wx1');
  assert.deepEqual([frame().width, frame().height, frame().title], ['300', '400', en.pending]);
  assert.deepEqual([frame().getAttribute('allow'), frame().referrerPolicy], ['local-network-access', 'no-referrer']);
  assert.deepEqual(frame().getAttribute('sandbox').split(' ').filter((right) => right.startsWith('allow-top')), []);
  assert.equal(part('qr').hidden, true);
  assert.equal(part('frame').style.getPropertyValue('--gone'), '1turn');
});

test('website: an address that is none is never framed nor gone to', async () => {
  stage.host.returnTo = 'https://shop.example.com/';
  for (const embed_url of ['javascript:alert(1)', '/relative']) {
    await stage.show(stage.website({ embed_url }));
    assert.deepEqual([frame(), button('leave'), part('status').textContent], [null, null, en.failed], embed_url);
  }
});

test('website: the frame stays the same for as long as its address does, and goes with the state', async () => {
  const state = stage.website();
  await stage.show(state);
  const first = frame();
  stage.clock.advance(30_000);
  await stage.speak('zh-CN');
  assert.equal(frame(), first);
  assert.equal(frame().title, LANGUAGES['zh-CN'].pending);
  await stage.show(stage.website({ embed_url: 'https://open.weixin.qq.com/connect/qrconnect?appid=wx2' }));
  assert.notEqual(frame(), first);
  await stage.show({ type: 'expired' });
  assert.equal(frame(), null);
});

test('website: for the last 20 s it may be kept', async () => {
  await stage.show(stage.website());
  assert.equal(button('renew'), null);
  stage.clock.advance(101_000);
  await settle();
  assert.equal(button('renew').textContent, 'Keep this code · 19 s left');
  button('renew').click();
  assert.equal(stage.login.did.at(-1), 'refresh');
});

test('website: in this window only where the page knows the way back', async () => {
  await stage.show(stage.website());
  assert.equal(button('leave'), null);
  stage = new Stage();
  stage.host.returnTo = 'https://shop.example.com/';
  stage.location.search = '?lang=en';
  const state = stage.website();
  await stage.show(state);
  stage.button('leave').click();
  assert.deepEqual(stage.left, [state.embed_url]);
  const kept = stage.unfinished.read();
  assert.deepEqual([kept.search, kept.baton.scene, kept.baton.flow], ['?lang=en', 'scene-1', 'website']);
});

test('with more than one flow there is a quiet switch, which begins again with the other', async () => {
  offers('h5', 'website');
  await stage.show(stage.pending());
  assert.equal(button('switch').textContent, en.website);
  assert.equal(button('switch').getAttribute('part'), 'button quiet');
  const { login } = stage;
  button('switch').click();
  assert.deepEqual(login.did, ['cancel', 'closed']);
  assert.notEqual(stage.login, login);
  assert.equal(part('status').textContent, en.opening);
  assert.deepEqual(await stage.wishes(), { locale: 'en', flow: 'website' });
  await stage.show(stage.website());
  assert.equal(button('switch').textContent, en.h5);
  button('switch').click();
  assert.deepEqual(await stage.wishes(), { locale: 'en' });
});

test('what the page asks for later goes before what the person chose', async () => {
  offers('h5', 'website', 'official_account');
  await stage.show(stage.pending());
  button('switch').click();
  stage.host.flow = 'official_account';
  stage.controller.startOver();
  assert.deepEqual(await stage.wishes(), { locale: 'en', flow: 'official_account' });
});

test('when WeChat fails at the start of one flow, the other is offered; when the gateway is busy it is not', async () => {
  offers('official_account', 'h5');
  await stage.show({ type: 'waiting', error: { code: 50200, name: 'wechat_failed' }, until: stage.clock.now() + 4_000 });
  assert.equal(button('switch').textContent, en.h5);
  await stage.show({ type: 'waiting', error: { code: 42900, name: 'rate_limited' }, until: stage.clock.now() + 4_000 });
  assert.equal(button('switch'), null);
});

test('with one flow there is no switch', async () => {
  await stage.show(stage.pending());
  assert.equal(button('switch'), null);
});

test('official_account: the code as for h5, then the chat is where to confirm', async () => {
  offers('official_account');
  await stage.show(stage.pending({ flow: 'official_account', qr: { text: 'http://weixin.qq.com/q/02abc', svg: '<svg/>' } }));
  assert.equal(part('status').textContent, en.pending);
  await stage.show(stage.scanned());
  assert.equal(part('status').textContent, 'Scanned. Confirm in the chat with Shop');
  await stage.speak('zh-CN');
  assert.equal(part('status').textContent, '已扫描，请点「Shop」回复的链接确认');
});

test('official_account: without the app’s name it is on the phone', async () => {
  stage.config = new Promise(() => {});
  await stage.show(stage.pending({ flow: 'official_account' }));
  await stage.show(stage.scanned());
  assert.equal(part('status').textContent, en.scanned);
});
