import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { ApiError, NoAnswer } from '../src/sdk/api.js';
import { AHEAD_MS } from '../src/session/session-client.js';
import { LAST_WORD_MS, PAUSE_MS, WHO_MS } from '../src/session/session.js';
import { SignedOutError } from '../src/session/signed-out.js';
import { BLOCKED_MS, REFUSALS } from '../src/session/session-watch.js';
import { FakeBrowser, record } from './fake-browser.js';
import { FakeFetch, held, lost, no, ok } from './fake-fetch.js';
import { FakeClock, settle } from './fake-time.js';

let clock, http, browser, gateway, session;
const user = { id: 'u1', name: '李小龙' };
const token = { access_token: 'jwt', token_type: 'Bearer', expires_in: 600, session_id: 's1', user };
const here = { type: 'signed_in', user, session_id: 's1' };
const theirs = { ...token, access_token: 'theirs', session_id: 's2', user: { id: 'u2' } };

beforeEach(() => {
  clock = new FakeClock();
  http = new FakeFetch();
  browser = new FakeBrowser({ clock, fetch: http.fetch });
  ({ gateway } = browser);
  session = browser.tab();
});

async function signedIn(each = session) {
  http.answers.push(ok(token));
  await each.renew();
  return each;
}

async function attached(session_id = 's1') {
  gateway.welcome();
  await settle();
  gateway.say({ type: 'attached', session_id });
}

async function next() {
  clock.advance(clock.next);
  await settle();
}

const revoked = (reason, session_id = 's1') => gateway.say({ type: 'session_revoked', session_id, ...(reason && { reason }) });

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

test('a hidden page with a clock that was set back asks for a new token all the same', async () => {
  await signedIn();
  session.page.isSeen = false;
  clock.slept(-600_000);
  clock.advance(600_000);
  http.answers.push(ok({ ...token, access_token: 'second' }));
  assert.equal(await session.getAccessToken(), 'second');
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
  http.answers.push(no(40100, 'unauthenticated'), ok(token), lost, lost, no(40102, 'session_revoked', { reason: 'expired' }));
  const other = browser.tab();
  await other.ready();
  await session.redeem('grant', 'verifier');
  await settle();
  assert.deepEqual(other.state, { type: 'signed_out', reason: 'nobody' });
  clock.advance(PAUSE_MS);
  await settle();
  assert.equal(http.calls.length, 5);
  assert.deepEqual(other.state, { type: 'signed_out', reason: 'nobody' });
});

test('what a stranger says on the channel is no word of an end', async () => {
  await signedIn();
  const other = browser.tab();
  const channel = { postMessage() {}, close() {} };
  browser.tab({ channel });
  for (const data of [null, 'x', {}, { signed_out: '' }, { signed_out: 's9', reason: 'reuse' }, { signed_out: undefined }]) channel.onmessage({ data });
  assert.deepEqual([session.state, other.state], [here, { type: 'opening' }]);
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

test('closed while it asks, it keeps no answer and no timer', async () => {
  const answer = held(ok(token));
  http.answers.push(answer.answer);
  const asked = session.getAccessToken();
  const who = session.whoIsHere();
  await settle();
  session.close();
  answer.release();
  await assert.rejects(asked, { name: 'AbortError' });
  assert.equal(await who, null);
  assert.deepEqual(session.state, { type: 'opening' });
  assert.equal(gateway.sockets.length, 0);
  assert.equal(clock.next, null);
});
