import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { ApiError, NoAnswer } from '../src/sdk/api.js';
import { en } from '../src/element/i18n/en.js';
import { zhCN } from '../src/element/i18n/zh-cn.js';
import { WELCOME_MS } from '../src/element/login-page.js';
import { FakeSession, Stage } from './fake-page.js';
import { settle } from './fake-time.js';

let stage, document, clock, gateway, client, config;

beforeEach(() => {
  stage = new Stage();
  ({ document, clock, gateway, client, config } = stage);
});

const show = (state, connection) => stage.show(state, connection);
const part = (name) => stage.part(name);
const button = (id) => stage.button(id);
const pending = (more) => stage.pending(more);
const authorized = (user) => stage.authorized(user);

test('a code is shown as a picture with words for it', async () => {
  await show(pending());
  assert.equal(part('card').dataset.mood, 'code');
  assert.match(part('code').src, /^data:image\/svg\+xml,%3Csvg/);
  assert.equal(part('code').alt, en.qrAlt);
  assert.equal(part('sentence').textContent, en.pendingSentence);
  assert.equal(document.title, `${en.pendingSentence} · Shop`);
  assert.equal(part('sandbox').hidden, true);
});

test('the ring runs down, and turns amber for the last 20 s with a way to keep the code', async () => {
  await show(pending());
  clock.advance(60_000);
  assert.equal(part('ring').getAttribute('stroke-dashoffset'), '-0.5');
  assert.equal(button('renew'), null);
  clock.advance(40_000);
  assert.equal(part('card').dataset.last, 'true');
  assert.equal(part('detail').textContent, 'Renews by itself in 20 s');
  button('renew').click();
  assert.equal(stage.session.did.at(-1), 'renew');
});

test('the live region is touched by states, never by seconds', async () => {
  await show(pending());
  const observer = new document.defaultView.MutationObserver(() => {});
  observer.observe(part('sentence'), { childList: true, characterData: true, subtree: true });
  clock.advance(110_000);
  assert.deepEqual(observer.takeRecords(), []);
  assert.equal(part('detail').textContent, 'Renews by itself in 10 s');
});

test('a name is text, whatever it looks like', async () => {
  await show({ name: 'scanned', event: gateway.state('scanned', 2, { user: { name: '<img src=x onerror=alert(1)>' } }) });
  assert.equal(part('who').textContent, '<img src=x onerror=alert(1)>');
  assert.equal(part('who').children.length, 0);
  assert.equal(part('code').alt, '');
  button('cancel').click();
  assert.equal(stage.session.did.at(-1), 'cancel');
});

test('a scan by somebody not known shows nobody', async () => {
  await show({ name: 'scanned', event: gateway.state('scanned', 2) });
  assert.equal(part('who').hidden, true);
});

test('authorized: redeemed once, shown for a moment, then on', async () => {
  await show(authorized({ name: '李小龙' }));
  await show(stage.session.state);
  assert.deepEqual(client.redeemed, [['grant', 'verifier']]);
  assert.equal(part('face').textContent, '李');
  assert.equal(stage.entered, 0);
  clock.advance(WELCOME_MS);
  assert.equal(stage.entered, 1);
});

test('the link is given up before the grant: it would only say that it is used', async () => {
  const did = [];
  stage.session.hangUp = () => did.push('hangUp');
  client.answer = async () => { did.push('redeem'); };
  await show(authorized({ name: 'A' }));
  assert.deepEqual(did, ['hangUp', 'redeem']);
});

test('while it goes on, the end of the scene is not shown', async () => {
  await show(authorized({ name: 'A' }));
  await show({ name: 'stopped', why: 'redeemed' });
  assert.equal(part('sentence').textContent, en.authorizedSentence);
});

test('a browser that belongs to somebody else asks first', async () => {
  client.here = { id: 'u2', name: '王小明' };
  await show(authorized({ name: '李小龙' }));
  assert.deepEqual(client.redeemed, []);
  assert.equal(part('detail').textContent, 'This browser is signed in as 王小明');
  button('confirm').click();
  await settle();
  assert.equal(client.redeemed.length, 1);
});

test('the same person again is not asked', async () => {
  client.here = { id: 'u2', name: '王小明' };
  await show(authorized({ id: 'u2', name: '王小明' }));
  assert.equal(client.redeemed.length, 1);
});

test('always asks, never does not, and not me cancels', async () => {
  config.confirm_in_browser = 'always';
  await show(authorized({ name: 'A' }));
  assert.deepEqual(client.redeemed, []);
  button('cancel').click();
  assert.equal(stage.session.did.at(-1), 'cancel');
  stage.session = new FakeSession(clock);
  config.confirm_in_browser = 'never';
  client.here = { id: 'u2' };
  await show(authorized({ name: 'A' }));
  assert.equal(client.redeemed.length, 1);
});

test('a grant that cannot be redeemed is said to have failed', async () => {
  const error = { code: 40002, name: 'bad_grant', message: 'This sign-in ticket is not valid any more.', retryable: false };
  client.answer = async () => { throw new ApiError(error, 'r1'); };
  await show(authorized({ name: 'A' }));
  assert.equal(part('detail').textContent, error.message);
  stage.session = new FakeSession(clock);
  client.answer = async () => { throw new NoAnswer(); };
  await show(authorized({ name: 'A' }));
  assert.equal(part('reference').textContent, 'no_answer');
});

test('every other state has its sentence in both languages', async () => {
  const event = gateway.state('rejected', 2, { by: 'user' });
  const states = [
    [{ name: 'opening' }, 'openingSentence'], [{ name: 'rejected', event }, 'rejectedSentence'],
    [{ name: 'rejected', event: { ...event, by: 'policy' } }, 'rejectedByPolicy'],
    [{ name: 'expired', event: null }, 'expiredSentence'], [{ name: 'cancelled', event }, 'cancelledSentence'],
    [{ name: 'failed', error: { code: 1, name: 'x', message: '' } }, 'failedSentence'],
    [{ name: 'waiting', error: { code: 42900 }, until: clock.now() }, 'limitedSentence'],
    [{ name: 'waiting', error: { code: 50300 }, until: clock.now() }, 'overloadedSentence'],
    [{ name: 'waiting', error: null, until: clock.now() }, 'waitingSentence'],
    ...['takenOver', 'redeemed', 'outdated', 'blocked', 'insecure'].map((why) => [{ name: 'stopped', why: why === 'takenOver' ? 'taken_over' : why }, `${why}Sentence`]),
  ];
  for (const language of [zhCN, en]) {
    stage.strings = language;
    for (const [state, key] of states) {
      await show(state);
      assert.equal(part('sentence').textContent, language[key], key);
    }
  }
});

test('an outdated page reloads itself', async () => {
  await show({ name: 'stopped', why: 'outdated' });
  await show(stage.session.state, 'lost');
  assert.equal(stage.reloads, 1);
});

test('a wait is counted down with its reference', async () => {
  await show({ name: 'waiting', error: { code: 42900, name: 'rate_limited' }, until: clock.now() + 9_000, reference: 'r1' });
  assert.equal(part('detail').textContent, 'Trying again in 9 s');
  assert.equal(part('reference').textContent, '42900 · r1');
  clock.advance(4_000);
  assert.equal(part('detail').textContent, 'Trying again in 5 s');
});

test('a lost link is a thin bar over a code that is still good', async () => {
  await show(pending(), 'lost');
  assert.equal(part('bar').textContent, en.reconnecting);
  assert.equal(part('card').dataset.mood, 'code');
  await show(stage.session.state, 'polling');
  assert.equal(part('bar').textContent, '');
  assert.equal(part('note').textContent, en.polling);
});

test('in the sandbox a link takes the code to the simulated phone', async () => {
  config.sandbox = { phone_url: 'http://127.0.0.1:8090/phone' };
  const state = pending();
  await show(state);
  assert.equal(part('sandbox').hidden, false);
  assert.equal(part('phone').getAttribute('href'), `http://127.0.0.1:8090/phone?scan=${encodeURIComponent(state.event.qr.text)}`);
});

test('focus moves on only when the pressed button is gone because of the press', async () => {
  await show(pending());
  await show({ name: 'expired', event: null });
  assert.equal(document.activeElement, document.body);
  button('renew').focus();
  button('renew').click();
  await show(pending());
  assert.equal(document.activeElement, part('sentence'));
});

test('a button under the finger never changes its meaning', async () => {
  await show(pending());
  const help = button('help');
  await show({ name: 'scanned', event: gateway.state('scanned', 2) });
  assert.equal(help.isConnected, false);
  assert.notEqual(button('cancel'), help);
});

test('the help copies the link of the code', async () => {
  const state = pending();
  await show(state);
  button('help').click();
  assert.ok(part('help').open);
  part('copy').click();
  await settle();
  assert.deepEqual(stage.copied, [state.event.qr.text]);
  assert.equal(part('copied').textContent, en.copied);
});

test('where the clipboard is out of reach, the link is there to copy by hand', async () => {
  stage.copy = () => { throw new Error('denied'); };
  const state = pending();
  await show(state);
  part('copy').click();
  await settle();
  assert.equal(part('copied').textContent, state.event.qr.text);
});
