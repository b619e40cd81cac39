// A sign-in in one tab, and what the others make of it.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { SignedOutError } from '../src/session/session-state.js';
import { PAUSE_MS } from '../src/session/session.js';
import { record } from './fake-browser.js';
import { held, lost, no, ok } from './fake-fetch.js';
import { settle } from './fake-time.js';
import { SessionStage, here, theirs, token, user } from './session-stage.js';

let browser, clock, gateway, http, session, signedIn;

beforeEach(() => {
  ({ browser, clock, gateway, http, session, signedIn } = new SessionStage());
});

for (const [how, path, open] of [
  ['a grant', '/auth/token', (each) => each.redeem('grant', 'verifier')],
  ['a password', '/auth/login', (each) => each.login({ username: 'lixl', password: 'correct horse' })],
  ['a new account', '/auth/register', (each) => each.register({ username: 'lixl', password: 'correct horse' })],
]) {
  test(`${how} signs in this tab, and the others ask who it is`, async () => {
    http.answers.push(no(40100, 'unauthenticated'), ok(token), ok({ ...token, access_token: 'other' }));
    const other = browser.tab();
    await other.ready();
    const events = record(other);
    assert.deepEqual(await open(session), { user, session_id: 's1' });
    await settle();
    assert.deepEqual(session.state, here);
    assert.deepEqual(other.state, here);
    assert.deepEqual(events, [['signed_in', 's1'], ['statechange', 's1']]);
    assert.deepEqual([session.client.accessToken, other.client.accessToken], ['jwt', 'other'], 'no token is told');
    assert.deepEqual(http.lines.slice(1), [`POST ${path}`, 'POST /auth/refresh']);
    assert.equal(gateway.sockets.length, 2);
  });
}

test('a sign-in that a hidden tab hears of is asked about when it is seen, or somebody wants a token', async () => {
  http.answers.push(no(40100, 'unauthenticated'), no(40100, 'unauthenticated'), ok(token));
  const tabs = [browser.tab({ isSeen: false }), browser.tab({ isSeen: false })];
  for (const each of tabs) await each.ready();
  await session.redeem('grant', 'verifier');
  await settle();
  assert.equal(http.calls.length, 3);
  http.answers.push(ok(token), ok({ ...token, access_token: 'asked' }));
  await tabs[0].see();
  assert.deepEqual(tabs[0].state, here);
  const asked = [tabs[1].getAccessToken(), tabs[1].getAccessToken(), tabs[1].whoIsHere()];
  assert.deepEqual(await Promise.all(asked), ['asked', 'asked', user]);
});

test('a sign-in in another tab takes the place of the session here', async () => {
  const other = await signedIn(browser.tab());
  http.answers.push(ok(theirs), ok(theirs));
  await session.redeem('grant', 'verifier');
  await settle();
  assert.equal(other.state.session_id, 's2');
  gateway.say({ type: 'session_revoked', session_id: 's1', reason: 'replaced' }, gateway.sockets[0]);
  assert.equal(other.state.session_id, 's2');
});

test('a refusal that was on its way when another tab signed in is asked about again, where there are no locks', async () => {
  browser.hasLocks = false;
  const refused = held(no(40100, 'unauthenticated'));
  http.answers.push(refused.answer, ok(token), ok(token));
  const other = browser.tab();
  const ready = other.ready();
  await session.redeem('grant', 'verifier');
  refused.release();
  assert.deepEqual(await ready, { type: 'signed_out', reason: 'nobody' });
  await settle();
  assert.deepEqual(other.state, here);
});

test('a sign-in that turns out to be none changes nothing; one that cannot be asked about is tried again', async () => {
  const other = await signedIn(browser.tab());
  http.answers.push(no(40102, 'session_revoked'));
  await other.renew();
  http.answers.push(ok(theirs), lost, lost, no(40102, 'session_revoked', { reason: 'expired' }));
  await session.redeem('grant', 'verifier');
  await settle();
  assert.deepEqual(other.state, { type: 'signed_out', reason: 'unknown' });
  clock.advance(PAUSE_MS);
  await settle();
  assert.equal(http.calls.length, 6);
  assert.deepEqual(other.state, { type: 'signed_out', reason: 'unknown' });
  await assert.rejects(other.getAccessToken(), SignedOutError);
  assert.equal(http.calls.length, 6);
});

test('what a stranger says on the channel is no word of an end', async () => {
  const channel = { postMessage() {}, close() {} };
  const each = browser.tab({ channel });
  const strange = [null, 'x', {}, { signed_out: '' }, { signed_out: 's9', reason: 'reuse' }, { signed_out: undefined }];
  for (const data of strange) channel.onmessage({ data });
  assert.deepEqual(each.state, { type: 'opening' });
  await signedIn(each);
  for (const data of strange) channel.onmessage({ data });
  assert.deepEqual(each.state, here);
});
