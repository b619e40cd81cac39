import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { ApiError, NoAnswer } from '../src/sdk/api.js';
import { AHEAD_MS } from '../src/session/session-client.js';
import { SignedOutError } from '../src/session/session-state.js';
import { LAST_WORD_MS, WHO_MS } from '../src/session/session.js';
import { record } from './fake-browser.js';
import { held, lost, no, ok } from './fake-fetch.js';
import { settle } from './fake-time.js';
import { SessionStage, here, theirs, token, user } from './session-stage.js';

let attached, browser, clock, gateway, http, next, session, signedIn;

beforeEach(() => {
  ({ attached, browser, clock, gateway, http, next, session, signedIn } = new SessionStage());
});

test('a signed-in page renews its token ahead of the end', async () => {
  await signedIn();
  assert.deepEqual(session.state, here);
  assert.deepEqual(http.lines, ['POST /auth/refresh']);
  http.answers.push(ok(token));
  await attached();
  gateway.close(4403);
  clock.advance(600_000 - AHEAD_MS);
  await settle();
  assert.equal(http.calls.length, 2);
  assert.equal(session.client.renewsAt - clock.now(), 600_000 - AHEAD_MS);
});

test('a renewal that gets no answer is tried again; one that is refused ends the session', async () => {
  await signedIn();
  gateway.close(4403);
  http.answers.push(lost, lost, no(40102, 'session_revoked'));
  await next();
  assert.equal(session.state.type, 'signed_in');
  await next();
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'unknown' });
  clock.advance(LAST_WORD_MS);
  assert.equal(clock.next, null);
});

test('not signed in, and not reachable, are different things', async () => {
  http.answers.push(no(40100, 'unauthenticated'));
  await session.renew();
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'nobody' });
  http.answers.push(no(40102, 'session_revoked', { reason: 'signed_out' }));
  const late = browser.tab();
  await late.renew();
  assert.deepEqual(late.state, { type: 'signed_out', reason: 'nobody' }, 'over long before');
  http.answers.push(lost, lost);
  const other = browser.tab();
  await other.renew();
  assert.deepEqual(other.state, { type: 'unreachable', message: '' });
  http.answers.push(ok(token));
  other.wake();
  await settle();
  assert.equal(other.state.type, 'signed_in');
});

test('waking renews a token that came due in sleep, and no other', async () => {
  await signedIn();
  await attached();
  session.wake();
  await settle();
  assert.equal(http.calls.length, 1);
  http.answers.push(ok(token));
  clock.slept(580_000);
  session.wake();
  await settle();
  assert.equal(http.calls.length, 2);
});

test('nothing is asked until somebody wants to know; then whoever asks gets the same answer', async () => {
  session.wake();
  session.unsuspend();
  await settle();
  assert.deepEqual(session.state, { type: 'opening' });
  assert.deepEqual([http.calls.length, gateway.sockets.length, clock.next], [0, 0, null]);
  http.answers.push(ok(token));
  assert.deepEqual(await Promise.all([session.ready(), session.getAccessToken(), session.ready()]), [here, 'jwt', here]);
  assert.deepEqual(await session.ready(), here);
  assert.equal(http.calls.length, 1);
});

test('a change is told once, with the state, and a beginning and an end by its name too', async () => {
  const events = record(session);
  await signedIn();
  await signedIn();
  assert.deepEqual(events.splice(0), [['signed_in', 's1'], ['statechange', 's1']]);
  http.answers.push(ok({ ...token, user: { ...user, name: '李龙' } }));
  await session.renew();
  assert.deepEqual(events.splice(0), [['statechange', 's1']], 'another name is no sign-in');
  assert.equal(session.state.user.name, '李龙');
  http.answers.push(ok(theirs), no(40102, 'session_revoked'));
  await session.renew();
  assert.deepEqual(events.splice(0), [['signed_in', 's2'], ['statechange', 's2']], 'another session is');
  await session.renew();
  gateway.say({ type: 'session_revoked', session_id: 's2', reason: 'reuse' });
  assert.deepEqual(events, [['signed_out', 'unknown'], ['statechange', 'unknown'], ['statechange', 'reuse']]);
  assert.throws(() => { session.state.reason = 'left'; }, TypeError);
});

test('there is no token for who is signed out, and none is asked for again', async () => {
  http.answers.push(no(40100, 'unauthenticated'));
  const isOver = (reason) => (cause) => cause instanceof SignedOutError && cause.reason === reason;
  await assert.rejects(session.getAccessToken(), isOver('nobody'));
  await assert.rejects(session.getAccessToken(), isOver('nobody'));
  await assert.rejects(session.sessions(), isOver('nobody'));
  assert.equal(http.calls.length, 1);
});

test('who asks for a token while somebody signs out is told so', async () => {
  await signedIn();
  clock.slept(600_000);
  const refresh = held(ok({}));
  http.answers.push(refresh.answer);
  const left = session.signOut();
  const asked = session.getAccessToken();
  refresh.release();
  await left;
  await assert.rejects(asked, (cause) => cause instanceof SignedOutError && cause.reason === 'left');
  assert.deepEqual(http.lines, ['POST /auth/refresh', 'POST /auth/logout']);
});

test('a token that is due is good until its end where the gateway cannot be asked', async () => {
  await signedIn();
  clock.slept(600_000 - AHEAD_MS);
  http.answers.push(no(50300, 'overloaded'), lost, lost, no(50300, 'overloaded'));
  assert.equal(await session.getAccessToken(), 'jwt');
  clock.slept(AHEAD_MS);
  await assert.rejects(session.getAccessToken(), NoAnswer);
  await assert.rejects(session.getAccessToken(), ApiError);
  assert.deepEqual(session.state, here, 'nobody has said that it is over');
});

test('an unreachable gateway is asked again by itself, and by whoever cannot wait', async () => {
  http.answers.push(no(50300, 'overloaded', { retry_after_ms: 7_000 }), lost, lost, ok(token));
  assert.deepEqual(await session.ready(), { type: 'unreachable', message: 'overloaded.' });
  assert.equal(clock.next, 7_000);
  await next();
  assert.deepEqual(session.state, { type: 'unreachable', message: '' });
  assert.deepEqual(await session.ready(), here);
});

test('a gateway that will not have this page is not asked over and over', async () => {
  http.answers.push(no(40300, 'origin_refused'));
  assert.deepEqual(await session.ready(), { type: 'unreachable', message: 'origin_refused.' });
  assert.equal(clock.next, null);
});

test('a hidden page renews nothing until it is seen, or asked', async () => {
  await signedIn();
  await attached();
  gateway.close(4403);
  session.page.isSeen = false;
  clock.advance(3_600_000);
  await settle();
  assert.equal(http.calls.length, 1);
  http.answers.push(ok({ ...token, access_token: 'second' }), ok({ ...token, access_token: 'third' }));
  assert.equal(await session.getAccessToken(), 'second');
  clock.advance(3_600_000);
  await settle();
  assert.equal(http.calls.length, 2);
  await session.see();
  assert.equal(session.client.accessToken, 'third');
});

test('a hidden page whose token is due asks for none when it is signed out meanwhile', async () => {
  const hidden = await signedIn(browser.tab({ isSeen: false }));
  clock.advance(600_000);
  await settle();
  await signedIn();
  http.answers.push(ok({}));
  await session.signOut();
  await assert.rejects(hidden.getAccessToken(), SignedOutError);
  await hidden.see();
  assert.deepEqual(http.lines.at(-1), 'POST /auth/logout');
});

test('a hidden page with a clock that was set back asks for a new token all the same', async () => {
  await signedIn();
  session.page.isSeen = false;
  clock.slept(-600_000);
  clock.advance(600_000);
  http.answers.push(ok({ ...token, access_token: 'second' }));
  assert.equal(await session.getAccessToken(), 'second');
});

test('whose browser it is, is known where somebody is signed in, asked where somebody has been, and never waited for long', async () => {
  assert.equal(await session.whoIsHere(), null);
  assert.equal(http.calls.length, 0);
  await signedIn();
  assert.deepEqual(await session.whoIsHere(), user);
  assert.equal(http.calls.length, 1);
  const refresh = held(ok(token));
  http.answers.push(refresh.answer);
  const late = browser.tab();
  const asked = late.whoIsHere();
  clock.advance(WHO_MS);
  assert.equal(await asked, null);
  refresh.release();
  await settle();
  assert.deepEqual(await late.whoIsHere(), user);
  http.answers.push(lost, lost);
  assert.equal(await browser.tab().whoIsHere(), null);
});

test('the list is asked for with the token, and a session is ended by its id', async () => {
  http.answers.push(ok(token), ok([{ id: 's1' }]), ok({}));
  assert.deepEqual(await session.sessions(), [{ id: 's1' }]);
  await session.endSession('s/2');
  assert.deepEqual(http.lines.slice(1), ['GET /sessions', 'DELETE /sessions/s%2F2']);
  assert.ok(http.calls.slice(1).every(({ headers }) => headers.Authorization === 'Bearer jwt'));
  assert.deepEqual([http.calls[2].json, http.calls[2].headers['Content-Type']], [{}, 'application/json']);
});

test('a session that is over already is as good as ended', async () => {
  http.answers.push(ok(token), no(40400, 'not_found'), no(50300, 'overloaded'));
  await session.endSession('s2');
  await assert.rejects(session.endSession('s3'), ApiError);
});

test('a token that has ended, or that the gateway takes no longer, is renewed for the call', async () => {
  await signedIn();
  clock.slept(600_000);
  http.answers.push(ok({ ...token, access_token: 'second' }), ok([]));
  await session.sessions();
  assert.equal(http.calls.at(-1).headers.Authorization, 'Bearer second');
  http.answers.push(no(40101, 'token_expired'), ok({ ...token, access_token: 'third' }), ok([]));
  await session.sessions();
  assert.equal(http.calls.at(-1).headers.Authorization, 'Bearer third');
});

test('a call that is refused late, with a token that is another by now, costs no renewal', async () => {
  const refused = held(no(40101, 'token_expired'));
  http.answers.push(ok(token), refused.answer, ok({ ...token, access_token: 'second' }), ok([]));
  await session.ready();
  const listed = session.sessions();
  await settle();
  await session.renew();
  refused.release();
  await listed;
  assert.deepEqual(http.lines, ['POST /auth/refresh', 'GET /sessions', 'POST /auth/refresh', 'GET /sessions']);
  assert.equal(http.calls.at(-1).headers.Authorization, 'Bearer second');
});

test('a call that is refused because the session is over ends it', async () => {
  await signedIn();
  http.answers.push(...[1, 2].map(() => no(40102, 'session_revoked', { reason: 'erased' })));
  await assert.rejects(session.sessions(), (cause) => cause instanceof SignedOutError && cause.reason === 'erased');
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'erased' });
});

test('a call that is refused after the session was forgotten asks for no token', async () => {
  const list = held(no(40102, 'session_revoked'));
  http.answers.push(ok(token), list.answer, ok({}));
  await session.ready();
  const listed = session.sessions();
  await session.signOut();
  list.release();
  await assert.rejects(listed, SignedOutError);
  assert.equal(http.calls.length, 3);
});

test('a page that is left holds no socket; found again, it asks what it has missed', async () => {
  await signedIn();
  await attached();
  session.suspend();
  assert.equal(gateway.last.closedWith, 1000);
  http.answers.push(ok({ ...token, access_token: 'second' }));
  session.unsuspend();
  await settle();
  await attached();
  assert.deepEqual(gateway.commands, [{ type: 'attach', access_token: 'second' }]);
  session.suspend();
  http.answers.push(no(40102, 'session_revoked', { reason: 'signed_out' }), ok(theirs));
  session.unsuspend();
  await settle();
  assert.deepEqual(session.state, { type: 'signed_out', reason: 'signed_out' });
  session.suspend();
  session.unsuspend();
  await settle();
  assert.equal(session.state.session_id, 's2');
});

test('closed, it has freed everything, says nothing and hears nothing', async () => {
  const other = await signedIn(browser.tab());
  await signedIn();
  await attached();
  const events = record(session);
  session.close();
  session.close();
  assert.equal(browser.listening, 1);
  assert.equal(gateway.last.closedWith, 1000);
  await assert.rejects(session.getAccessToken(), { name: 'AbortError' });
  await assert.rejects(session.redeem('grant', 'verifier'), { name: 'AbortError' });
  session.wake();
  await settle();
  assert.deepEqual(events, []);
  assert.equal(http.calls.length, 2);
  assert.deepEqual(other.state, here, 'nobody is signed out by it');
  other.close();
  assert.equal(clock.next, null);
});

for (const [what, answer] of [['an answer', () => ok(token)], ['none', lost]]) {
  test(`closed while it asks, it has no use for ${what}, and no timer`, async () => {
    const arrives = held();
    http.answers.push(async () => {
      await arrives.answer();
      return answer();
    });
    const asked = session.getAccessToken();
    const who = session.whoIsHere();
    await settle();
    session.close();
    arrives.release();
    await assert.rejects(asked, { name: 'AbortError' });
    assert.equal(await who, null);
    assert.deepEqual(session.state, { type: 'opening' });
    assert.equal(gateway.sockets.length, 0);
    assert.equal(clock.next, null);
  });
}

for (const [type, answers] of [
  ['signed_in', [ok(token)]],
  ['unreachable', [no(50300, 'overloaded')]],
  ['signed_out', [no(40100, 'unauthenticated')]],
]) {
  test(`who hears ${type} may close the session at once`, async () => {
    http.answers.push(...answers);
    session.addEventListener(type, () => session.close());
    await session.ready();
    assert.equal(session.state.type, type);
    assert.equal(clock.next, null);
    assert.ok(gateway.sockets.every(({ closedWith }) => closedWith === 1000));
  });
}
