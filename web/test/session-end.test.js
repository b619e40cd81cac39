// How a session ends, who says so, and who hears of it.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { BLOCKED_MS, REFUSALS } from '../src/session/session-watch.js';
import { LAST_WORD_MS } from '../src/session/session.js';
import { held, lost, no, ok } from './fake-fetch.js';
import { settle } from './fake-time.js';
import { SessionStage, theirs, token, user } from './session-stage.js';

let attached, browser, clock, gateway, http, next, revoked, session, signedIn;

beforeEach(() => {
  ({ attached, browser, clock, gateway, http, next, revoked, session, signedIn } = new SessionStage());
});

test('a refusal that says why ends the session for that reason, in all tabs', async () => {
  const other = await signedIn(browser.tab());
  await signedIn();
  await attached();
  http.answers.push(no(40102, 'session_revoked', { reason: 'reuse' }));
  await session.renew();
  for (const each of [session, other]) assert.deepEqual(each.state, { type: 'signed_out', reason: 'reuse' });
  assert.equal(gateway.last.closedWith, 1000, 'nothing is waited for');
  assert.equal(clock.next, null);
});

test('why a token was refused may come after the refusal, and counts in all tabs', async () => {
  const other = await signedIn(browser.tab());
  await signedIn();
  await attached();
  http.answers.push(no(40102, 'session_revoked'));
  await session.renew();
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'unknown' });
  assert.equal(session.client.accessToken, '');
  revoked('reuse');
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'reuse' });
  assert.deepEqual(other.state, { type: 'signed_out', reason: 'reuse' });
  assert.equal(gateway.last.closedWith, 1000);
});

test('where no reason comes, the channel is closed in the end', async () => {
  await signedIn();
  http.answers.push(no(40102, 'session_revoked'));
  await session.renew();
  await attached();
  assert.deepEqual(gateway.commands, []);
  clock.advance(LAST_WORD_MS);
  assert.equal(gateway.last.closedWith, 1000);
  session.wake();
  await session.renew();
  assert.equal(http.calls.length, 2);
});

test('it attaches with its token, and to nothing while nobody is signed in', async () => {
  assert.equal(gateway.sockets.length, 0);
  await signedIn();
  await attached();
  assert.deepEqual(gateway.commands, [{ type: 'attach', access_token: 'jwt' }]);
});

test('the gateway’s word ends the session at once, in this tab and in all others', async () => {
  const others = [await signedIn(browser.tab()), await signedIn(browser.tab())];
  await signedIn();
  await attached();
  revoked('reuse');
  for (const each of [session, ...others]) {
    assert.deepEqual(each.state, { type: 'signed_out', reason: 'reuse' });
    assert.equal(each.client.accessToken, '');
  }
  assert.ok(gateway.sockets.every(({ closedWith }) => closedWith === 1000));
  assert.equal(clock.next, null);
});

test('a session that another login replaced gives way to it in every tab', async () => {
  const other = await signedIn(browser.tab());
  await signedIn();
  await attached();
  http.answers.push(ok(theirs), ok(theirs));
  revoked('replaced');
  gateway.close(1000);
  for (const each of [session, other]) assert.equal(each.state.type, 'signed_in');
  assert.equal(http.calls.length, 2, 'its cookie may be on its way');
  await next();
  for (const each of [session, other]) {
    assert.deepEqual(each.state, { type: 'signed_in', user: { id: 'u2' }, session_id: 's2' });
  }
  await attached('s2');
  assert.equal(gateway.commands.at(-1).type, 'attach');
});

test('a session that was replaced by one that is not there any more is over', async () => {
  const other = await signedIn(browser.tab());
  await signedIn();
  await attached();
  http.answers.push(...[1, 2].map(() => no(40102, 'session_revoked', { reason: 'replaced' })));
  revoked('replaced');
  await next();
  for (const each of [session, other]) assert.deepEqual(each.state, { type: 'signed_out', reason: 'replaced' });
  assert.equal(clock.next, null);
});

test('the end of another session is not this one’s', async () => {
  await signedIn();
  await attached();
  revoked('signed_out', 's2');
  assert.equal(session.state.type, 'signed_in');
  revoked();
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'unknown' });
});

test('signing out is told to the other tabs; this one knows that it did so itself', async () => {
  const other = await signedIn(browser.tab());
  await signedIn();
  http.answers.push(ok({}));
  await session.signOut({ everywhere: true });
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'left' });
  assert.deepEqual(other.state, { type: 'signed_out', reason: 'signed_out_everywhere' });
});

test('the gateway’s word may be faster than its answer', async () => {
  await signedIn();
  await attached();
  http.answers.push(() => {
    revoked('signed_out');
    lost();
  });
  await session.signOut({ everywhere: false });
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'left' });
});

test('a page is not left before the answer that takes its cookie away', async () => {
  await signedIn();
  await attached();
  const logout = held(ok({}));
  http.answers.push(logout.answer);
  const left = session.signOut();
  await settle();
  revoked('signed_out');
  assert.equal(session.state.type, 'signed_in');
  logout.release();
  await left;
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'left' });
});

test('signing out that gets no answer leaves everything as it was', async () => {
  await signedIn();
  await attached();
  http.answers.push(lost);
  await assert.rejects(session.signOut({ everywhere: false }));
  assert.equal(session.state.type, 'signed_in');
  revoked('signed_out_elsewhere');
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'signed_out_elsewhere' });
});

test('a token that is on its way when another tab signs out is not kept, where there are no locks', async () => {
  browser.hasLocks = false;
  const other = await signedIn(browser.tab());
  await signedIn();
  const refresh = held(ok(token));
  http.answers.push(refresh.answer, ok({}));
  const renewed = session.renew();
  await other.signOut({ everywhere: false });
  refresh.release();
  await renewed;
  assert.equal(session.state.type, 'signed_out');
  assert.equal(session.client.accessToken, '');
  assert.equal(clock.next, null);
});

test('a refused token is renewed, and attached again after a pause', async () => {
  await signedIn();
  gateway.welcome();
  await settle();
  http.answers.push(ok({ ...token, access_token: 'second' }));
  gateway.refuse(40101, 'token_expired', { ref: 'attach' });
  gateway.close(4401);
  await settle();
  assert.equal(gateway.sockets.length, 1);
  await next();
  await attached();
  assert.deepEqual(gateway.commands, [{ type: 'attach', access_token: 'second' }]);
});

test('a token refused over and over is not renewed for ever; the page stays signed in', async () => {
  await signedIn();
  http.answers.push(...Array.from({ length: REFUSALS }, () => ok(token)));
  for (let refusal = 0; refusal < REFUSALS; refusal += 1) {
    gateway.welcome();
    gateway.close(4401);
    await settle();
    await next();
  }
  gateway.close(4401);
  await settle();
  assert.equal(gateway.sockets.length, REFUSALS + 1);
  assert.equal(http.calls.length, REFUSALS + 1);
  assert.equal(session.state.type, 'signed_in');
});

test('a token refused because the session is over ends it', async () => {
  await signedIn();
  gateway.welcome();
  http.answers.push(no(40102, 'session_revoked'));
  gateway.close(4401);
  await settle();
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'unknown' });
});

test('a lost channel comes back by itself, one that is refused does not', async () => {
  await signedIn();
  for (const code of [1001, 1006, 1011, 1012, 1013]) {
    const before = gateway.sockets.length;
    await attached();
    gateway.close(code);
    await settle();
    await next();
    assert.equal(gateway.sockets.length, before + 1, String(code));
  }
  await attached();
  const before = gateway.sockets.length;
  gateway.close(4403);
  await settle();
  session.wake();
  assert.equal(gateway.sockets.length, before);
  assert.equal(session.state.type, 'signed_in');
});

test('a network without sockets is left alone for a while', async () => {
  await signedIn();
  for (let strike = 1; strike < 3; strike += 1) {
    gateway.close(1006);
    clock.advance(clock.next);
  }
  gateway.close(1006);
  assert.equal(gateway.sockets.length, 3);
  clock.advance(BLOCKED_MS - 1);
  assert.equal(gateway.sockets.length, 3);
  clock.advance(1);
  assert.equal(gateway.sockets.length, 4);
  assert.equal(session.state.type, 'signed_in');
});

test('a channel that comes up late asks with a token that is still good', async () => {
  await signedIn();
  http.answers.push(ok({ ...token, access_token: 'second' }));
  clock.slept(590_000);
  await attached();
  assert.deepEqual(gateway.commands, [{ type: 'attach', access_token: 'second' }]);
});

test('a cookie that is of another session by now is followed', async () => {
  await signedIn();
  await attached();
  http.answers.push(ok({ ...token, session_id: 's2', user: { id: 'u2' } }));
  await session.renew();
  assert.deepEqual(session.state, { type: 'signed_in', user: { id: 'u2' }, session_id: 's2' });
  await attached('s2');
  assert.equal(gateway.sockets.length, 2);
  revoked('signed_out', 's1');
  assert.equal(session.state.type, 'signed_in');
});
