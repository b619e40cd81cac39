// Which flow a login takes, and what each looks like.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { asFlow, chooseFlow, flowAfter } from '../src/element/flow.js';
import { en } from '../src/element/i18n/en.js';
import { zhCN } from '../src/element/i18n/zh-cn.js';
import { Stage } from './fake-page.js';
import { settle } from './fake-time.js';

let stage, part, button;

beforeEach(() => {
  stage = new Stage();
  ({ part, button } = stage);
});

const offers = (...flows) => Object.assign(stage.config, { flows, default_flow: flows[0] });
const frame = () => stage.document.querySelector('iframe');

test('the default where it is offered, else the first; what was asked for only where it is offered', () => {
  const offer = { flows: ['official_account', 'website'], default_flow: 'website' };
  assert.equal(chooseFlow(offer, null, false), 'website');
  assert.equal(chooseFlow({ ...offer, default_flow: 'h5' }, null, false), 'official_account');
  assert.equal(chooseFlow(offer, 'official_account', false), 'official_account');
  assert.equal(chooseFlow(offer, 'h5', false), 'website');
});

test('inside WeChat it is the flow that needs no scan, unless another was asked for', () => {
  const offer = { flows: ['website', 'h5'], default_flow: 'website' };
  assert.equal(chooseFlow(offer, null, true), 'h5');
  assert.equal(chooseFlow(offer, 'website', true), 'website');
  assert.equal(chooseFlow({ flows: ['website'], default_flow: 'website' }, null, true), 'website');
});

test('the switch goes round the flows, and is not there for one', () => {
  const offer = { flows: ['h5', 'website', 'official_account'], default_flow: 'h5' };
  assert.deepEqual(['h5', 'website', 'official_account'].map((flow) => flowAfter(offer, flow)), ['website', 'official_account', 'h5']);
  assert.equal(flowAfter({ flows: ['h5'], default_flow: 'h5' }, 'h5'), null);
  assert.equal(flowAfter({ flows: ['h5', 'telepathy'], default_flow: 'h5' }, 'h5'), null);
});

test('only a flow is a flow', () => {
  assert.deepEqual(['website', 'h5', 'Website', '', null].map(asFlow), ['website', 'h5', null, null, null]);
});

test('start names a flow only where it is not the default', async () => {
  offers('h5', 'website');
  assert.deepEqual(await stage.page.wishes(), { locale: 'en' });
  stage = new Stage();
  offers('h5', 'website');
  stage.env = { flow: 'website', returnTo: 'https://login.example.com/', app: 'shop' };
  assert.deepEqual(await stage.page.wishes(), { app: 'shop', locale: 'en', flow: 'website', return_to: 'https://login.example.com/' });
});

test('start does not wait for ever to learn which flows there are', async () => {
  stage.env = { config: new Promise(() => {}), flow: 'website' };
  const wishes = stage.page.wishes();
  stage.clock.advance(2_000);
  assert.deepEqual(await wishes, { locale: 'en' });
});

test('website: WeChat’s own page stands where the code would, with no ring and no words of ours', async () => {
  offers('website');
  await stage.show(stage.website());
  assert.equal(part('card').dataset.mood, 'framed');
  assert.equal(frame().src, 'https://open.weixin.qq.com/connect/qrconnect?appid=wx1');
  assert.deepEqual([frame().width, frame().height, frame().title], ['300', '400', en.frameTitle]);
  assert.deepEqual([frame().getAttribute('allow'), frame().referrerPolicy], ['local-network-access', 'no-referrer']);
  assert.deepEqual(frame().getAttribute('sandbox').split(' ').filter((right) => right.startsWith('allow-top')), []);
  assert.equal(part('code').hidden, true);
  assert.ok(part('ring').hasAttribute('data-off'));
});

test('website: the frame stays the same for as long as its address does, and goes with the state', async () => {
  const state = stage.website();
  await stage.show(state);
  const first = frame();
  stage.clock.advance(30_000);
  stage.strings = zhCN;
  await stage.show(state);
  assert.equal(frame(), first);
  assert.equal(frame().title, zhCN.frameTitle);
  await stage.show(stage.website({ embed_url: 'https://open.weixin.qq.com/connect/qrconnect?appid=wx2' }));
  assert.notEqual(frame(), first);
  await stage.show({ name: 'expired', event: null });
  assert.deepEqual([frame(), part('framed').hidden], [null, true]);
});

test('website: for the last 20 s it may be kept', async () => {
  await stage.show(stage.website());
  assert.equal(button('renew'), null);
  stage.clock.advance(101_000);
  assert.equal(button('renew').textContent, 'Keep this code · 19 s');
  button('renew').click();
  assert.equal(stage.session.did.at(-1), 'renew');
});

test('website: in this window only where the page knows the way back', async () => {
  await stage.show(stage.website());
  assert.equal(button('leave'), null);
  stage = new Stage();
  stage.env = { returnTo: 'https://login.example.com/', search: '?lang=en' };
  const state = stage.website();
  await stage.show(state);
  stage.button('leave').click();
  assert.deepEqual(stage.left, [state.event.embed_url]);
  const kept = stage.unfinished.read();
  assert.deepEqual([kept.search, kept.baton.scene, kept.baton.flow], ['?lang=en', 'scene-1', 'website']);
});

test('with more than one flow there is a quiet switch, which begins again with the other', async () => {
  offers('h5', 'website');
  await stage.show(stage.pending());
  assert.equal(button('switch').textContent, en.useWebsite);
  assert.ok(button('switch').classList.contains('quiet'));
  button('switch').click();
  assert.equal(stage.session.did.at(-1), 'startOver');
  assert.deepEqual(await stage.page.wishes(), { locale: 'en', flow: 'website' });
  await stage.show(stage.website());
  assert.equal(button('switch').textContent, en.useH5);
  button('switch').click();
  assert.deepEqual(await stage.page.wishes(), { locale: 'en' });
});

test('when WeChat fails at the start of one flow, the other is offered; when the gateway is busy it is not', async () => {
  offers('official_account', 'h5');
  await stage.show({ name: 'waiting', error: { code: 50200, name: 'wechat_failed' }, until: stage.clock.now() + 4_000 });
  assert.equal(button('switch').textContent, en.useH5);
  await stage.show({ name: 'waiting', error: { code: 42900, name: 'rate_limited' }, until: stage.clock.now() + 4_000 });
  assert.equal(button('switch'), null);
});

test('with one flow there is no switch', async () => {
  await stage.show(stage.pending());
  assert.equal(button('switch'), null);
});

test('official_account: the code as for h5, then the chat is where to confirm', async () => {
  offers('official_account');
  await stage.show(stage.pending({ flow: 'official_account', qr: { text: 'http://weixin.qq.com/q/02abc', svg: '<svg/>' } }));
  assert.equal(part('sentence').textContent, en.pendingSentence);
  await stage.show({ name: 'scanned', event: stage.gateway.state('scanned', 2) });
  assert.equal(part('sentence').textContent, 'Scanned. Confirm in the chat with Shop');
  stage.strings = zhCN;
  await stage.show(stage.session.state);
  assert.equal(part('sentence').textContent, '已扫描，请点「Shop」回复的链接确认');
});

test('official_account: without the app’s name it is the official account', async () => {
  stage.env = { config: new Promise(() => {}) };
  await stage.show(stage.pending({ flow: 'official_account' }));
  await stage.show({ name: 'scanned', event: stage.gateway.state('scanned', 2) });
  assert.equal(part('sentence').textContent, 'Scanned. Confirm in the chat with the official account');
});

test('official_account: its code is of no use as a link, and the help does not say so', async () => {
  for (const [flow, hidden] of [['official_account', true], ['h5', false]]) {
    await stage.show(stage.pending({ flow }));
    assert.deepEqual([part('copy').hidden, part('help-copy').hidden, part('save').hidden], [hidden, hidden, false], flow);
  }
});

test('the help saves the code as a picture; where that fails the link is there', async () => {
  const state = stage.pending();
  await stage.show(state);
  button('help').click();
  part('save').click();
  await settle();
  assert.deepEqual([stage.saved, part('copied').textContent], [[state.event.qr.svg], en.saved]);
  stage.save = () => { throw new Error('no canvas'); };
  part('save').click();
  await settle();
  assert.equal(part('copied').textContent, state.event.qr.text);
});

test('the help closes when there is no code any more', async () => {
  await stage.show(stage.pending());
  button('help').click();
  await stage.show({ name: 'scanned', event: stage.gateway.state('scanned', 2) });
  assert.equal(part('help').open, false);
});
