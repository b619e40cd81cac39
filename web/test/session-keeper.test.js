import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Api } from '../src/sdk/api.js';
import { AHEAD_MS, SessionClient } from '../src/session/session-client.js';
import { SessionHint } from '../src/session/session-hint.js';
import { LAST_WORD_MS, SessionKeeper } from '../src/session/session-keeper.js';
import { BLOCKED_MS, REFUSALS, SessionWatch } from '../src/session/session-watch.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { FakeFetch, held, lost, no, ok } from './fake-fetch.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeStore } from './fake-page.js';
import { FakeClock, settle } from './fake-time.js';

let clock, http, gateway, tabs, keeper;
const user = { id: 'u1', name: '李小龙' };
const token = { access_token: 'jwt', token_type: 'Bearer', expires_in: 600, session_id: 's1', user };

/** A tab of one browser: what it tells, the others hear. */
function tab() {
  const client = new SessionClient({
    api: new Api(http.fetch, clock, () => 'en'), clock, random: () => 1,
    exclusively: (_, run) => run(), hint: new SessionHint({ store: () => new FakeStore() }),
  });
  const channel = {
    onmessage: null,
    postMessage: (data) => tabs.filter((each) => each !== channel).forEach((each) => each.onmessage({ data })),
  };
  tabs.push(channel);
  const env = { WebSocket: gateway.WebSocket, clock, random: () => 1, online: () => true };
  const makeSocket = (handlers) => new ReconnectingSocket('ws://gateway/api/v1/ws', handlers, env);
  const makeWatch = (handlers) => new SessionWatch({ makeSocket, clock, random: () => 1 }, handlers);
  return Object.assign(new SessionKeeper({ client, clock, random: () => 1, channel, makeWatch }), { client });
}

beforeEach(() => {
  clock = new FakeClock();
  http = new FakeFetch();
  gateway = new FakeGateway(clock);
  tabs = [];
  keeper = tab();
});

async function signedIn(each = keeper) {
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
  assert.deepEqual(keeper.state, { name: 'signed_in', me: { user, session_id: 's1' } });
  assert.deepEqual(http.lines, ['POST /auth/refresh']);
  http.answers.push(ok(token));
  await attached();
  gateway.close(4403);
  clock.advance(600_000 - AHEAD_MS);
  await settle();
  assert.equal(http.calls.length, 2);
  assert.equal(keeper.client.renewsAt - clock.now(), 600_000 - AHEAD_MS);
});

test('a renewal that gets no answer is tried again; one that is refused ends the session', async () => {
  await signedIn();
  gateway.close(4403);
  http.answers.push(lost, lost, no(40102, 'session_revoked'));
  await next();
  assert.equal(keeper.state.name, 'signed_in');
  await next();
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'unknown' });
  clock.advance(LAST_WORD_MS);
  assert.equal(clock.next, null);
});

test('a refusal that says why ends the session for that reason, in all tabs', async () => {
  const other = await signedIn(tab());
  await signedIn();
  await attached();
  http.answers.push(no(40102, 'session_revoked', { reason: 'reuse' }));
  await keeper.renew();
  for (const each of [keeper, other]) assert.deepEqual(each.state, { name: 'signed_out', reason: 'reuse' });
  assert.equal(gateway.last.closedWith, 1000, 'nothing is waited for');
  assert.equal(clock.next, null);
});

test('why a token was refused may come after the refusal, and counts in all tabs', async () => {
  const other = await signedIn(tab());
  await signedIn();
  await attached();
  http.answers.push(no(40102, 'session_revoked'));
  await keeper.renew();
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'unknown' });
  assert.equal(keeper.client.accessToken, '');
  revoked('reuse');
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'reuse' });
  assert.deepEqual(other.state, { name: 'signed_out', reason: 'reuse' });
  assert.equal(gateway.last.closedWith, 1000);
});

test('where no reason comes, the channel is closed in the end', async () => {
  await signedIn();
  http.answers.push(no(40102, 'session_revoked'));
  await keeper.renew();
  await attached();
  assert.deepEqual(gateway.commands, []);
  clock.advance(LAST_WORD_MS);
  assert.equal(gateway.last.closedWith, 1000);
  keeper.wake();
  await keeper.renew();
  assert.equal(http.calls.length, 2);
});

test('not signed in, and not reachable, are different things', async () => {
  http.answers.push(no(40100, 'unauthenticated'));
  await keeper.renew();
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'nobody' });
  http.answers.push(no(40102, 'session_revoked', { reason: 'signed_out' }));
  const late = tab();
  await late.renew();
  assert.deepEqual(late.state, { name: 'signed_out', reason: 'nobody' }, 'over long before');
  http.answers.push(lost, lost);
  const other = tab();
  await other.renew();
  assert.deepEqual(other.state, { name: 'unreachable', message: '' });
  http.answers.push(ok(token));
  other.wake();
  await settle();
  assert.equal(other.state.name, 'signed_in');
});

test('waking renews a token that came due in sleep, and no other', async () => {
  await signedIn();
  await attached();
  keeper.wake();
  await settle();
  assert.equal(http.calls.length, 1);
  http.answers.push(ok(token));
  clock.now = ((now) => () => now() + 580_000)(clock.now);
  keeper.wake();
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
  const others = [await signedIn(tab()), await signedIn(tab())];
  await signedIn();
  await attached();
  revoked('reuse');
  for (const each of [keeper, ...others]) {
    assert.deepEqual(each.state, { name: 'signed_out', reason: 'reuse' });
    assert.equal(each.client.accessToken, '');
  }
  assert.ok(gateway.sockets.every(({ closedWith }) => closedWith === 1000));
  assert.equal(clock.next, null);
});

test('a session that another login replaced gives way to it in every tab', async () => {
  const other = await signedIn(tab());
  await signedIn();
  await attached();
  const theirs = { ...token, session_id: 's2', user: { id: 'u2' } };
  http.answers.push(ok(theirs), ok(theirs));
  revoked('replaced');
  gateway.close(1000);
  for (const each of [keeper, other]) assert.equal(each.state.name, 'signed_in');
  assert.equal(http.calls.length, 2, 'its cookie may be on its way');
  await next();
  for (const each of [keeper, other]) {
    assert.deepEqual(each.state, { name: 'signed_in', me: { user: { id: 'u2' }, session_id: 's2' } });
  }
  await attached('s2');
  assert.equal(gateway.commands.at(-1).type, 'attach');
});

test('a session that was replaced by one that is not there any more is over', async () => {
  const other = await signedIn(tab());
  await signedIn();
  await attached();
  http.answers.push(...[1, 2].map(() => no(40102, 'session_revoked', { reason: 'replaced' })));
  revoked('replaced');
  await next();
  for (const each of [keeper, other]) assert.deepEqual(each.state, { name: 'signed_out', reason: 'replaced' });
  assert.equal(clock.next, null);
});

test('the end of another session is not this one’s', async () => {
  await signedIn();
  await attached();
  revoked('signed_out', 's2');
  assert.equal(keeper.state.name, 'signed_in');
  revoked();
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'unknown' });
});

test('signing out is told to the other tabs; this one knows that it did so itself', async () => {
  const other = await signedIn(tab());
  await signedIn();
  http.answers.push(ok({}));
  await keeper.signOut({ everywhere: true });
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'left' });
  assert.deepEqual(other.state, { name: 'signed_out', reason: 'signed_out_everywhere' });
});

test('the gateway’s word may be faster than its answer', async () => {
  await signedIn();
  await attached();
  http.answers.push(() => {
    revoked('signed_out');
    lost();
  });
  await keeper.signOut({ everywhere: false });
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'left' });
});

test('signing out that gets no answer leaves everything as it was', async () => {
  await signedIn();
  await attached();
  http.answers.push(lost);
  await assert.rejects(keeper.signOut({ everywhere: false }));
  assert.equal(keeper.state.name, 'signed_in');
  revoked('signed_out_elsewhere');
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'signed_out_elsewhere' });
});

test('a token that is on its way when another tab signs out is not kept', async () => {
  const other = await signedIn(tab());
  await signedIn();
  const refresh = held(ok(token));
  http.answers.push(refresh.answer, ok({}));
  const renewed = keeper.renew();
  await other.signOut({ everywhere: false });
  refresh.release();
  await renewed;
  assert.equal(keeper.state.name, 'signed_out');
  assert.equal(keeper.client.accessToken, '');
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
  assert.equal(keeper.state.name, 'signed_in');
});

test('a token refused because the session is over ends it', async () => {
  await signedIn();
  gateway.welcome();
  http.answers.push(no(40102, 'session_revoked'));
  gateway.close(4401);
  await settle();
  assert.deepEqual(keeper.state, { name: 'signed_out', reason: 'unknown' });
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
  keeper.wake();
  assert.equal(gateway.sockets.length, before);
  assert.equal(keeper.state.name, 'signed_in');
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
  assert.equal(keeper.state.name, 'signed_in');
});

test('a channel that comes up late asks with a token that is still good', async () => {
  await signedIn();
  http.answers.push(ok({ ...token, access_token: 'second' }));
  clock.now = ((now) => () => now() + 590_000)(clock.now);
  await attached();
  assert.deepEqual(gateway.commands, [{ type: 'attach', access_token: 'second' }]);
});

test('a cookie that is of another session by now is followed', async () => {
  await signedIn();
  await attached();
  http.answers.push(ok({ ...token, session_id: 's2', user: { id: 'u2' } }));
  await keeper.renew();
  assert.deepEqual(keeper.state.me, { user: { id: 'u2' }, session_id: 's2' });
  await attached('s2');
  assert.equal(gateway.sockets.length, 2);
  revoked('signed_out', 's1');
  assert.equal(keeper.state.name, 'signed_in');
});
