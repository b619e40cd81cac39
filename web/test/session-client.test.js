import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Api, ApiError, NoAnswer } from '../src/api.js';
import { SessionClient } from '../src/session-client.js';
import { AHEAD_MS, SessionKeeper } from '../src/session-keeper.js';
import { newPkce, NotSupported } from '../src/pkce.js';
import { FakeClock, settle } from './fake-time.js';

let clock, client, calls, answers, held;
const user = { id: 'u1', name: '李小龙' };
const token = { access_token: 'jwt', token_type: 'Bearer', expires_in: 600, session_id: 's1', user };
const ok = (data) => ({ status: 200, body: { code: 0, message: 'ok', data } });
const no = (code, name, more) => ({ status: Math.floor(code / 100), body: { code, name, message: `${name}.`, request_id: 'r1', ...more } });
const lost = () => { throw new TypeError('network'); };

beforeEach(() => {
  clock = new FakeClock();
  calls = [];
  answers = [];
  held = [];
  const fetcher = async (url, request) => {
    calls.push({ path: url.replace('/api/v1', ''), ...request, json: request.body && JSON.parse(request.body) });
    const answer = answers.shift();
    if (typeof answer === 'function') answer();
    return { status: answer.status, json: async () => answer.body };
  };
  const exclusively = async (name, run) => {
    held.push(name);
    return run();
  };
  client = new SessionClient({ api: new Api(fetcher, clock, () => 'zh-CN'), clock, random: () => 1, exclusively });
});

/** Runs the clock on until the promise is settled. */
async function eventually(promise) {
  let done = false;
  promise.then(() => { done = true; }, () => { done = true; });
  await settle();
  while (!done && clock.next !== null) {
    clock.advance(clock.next);
    await settle();
  }
  return promise;
}

test('a grant becomes a session', async () => {
  answers.push(ok(token));
  assert.deepEqual(await client.redeem('grant', 'verifier'), user);
  const [call] = calls;
  assert.deepEqual([call.method, call.path, call.json], ['POST', '/auth/token', { grant: 'grant', verifier: 'verifier' }]);
  assert.equal(call.headers['Content-Type'], 'application/json');
  assert.equal(call.headers['Accept-Language'], 'zh-CN');
  assert.equal(call.credentials, 'same-origin');
  assert.equal(client.expiresAt, clock.now() + 600_000);
});

test('a lost answer is asked for again with the same verifier', async () => {
  answers.push(lost, no(50300, 'overloaded', { retry_after_ms: 4_000 }), ok(token));
  assert.deepEqual(await eventually(client.redeem('grant', 'verifier')), user);
  assert.deepEqual(new Set(calls.map(({ json }) => json.verifier)), new Set(['verifier']));
  assert.equal(calls.length, 3);
});

test('a refused grant is not tried again', async () => {
  answers.push(no(40002, 'bad_grant'));
  await assert.rejects(client.redeem('grant', 'verifier'), (cause) => cause instanceof ApiError && cause.error.code === 40002 && cause.requestId === 'r1');
});

test('it gives up while the gateway would still have known the verifier', async () => {
  const began = clock.now();
  answers.push(...Array.from({ length: 40 }, () => lost));
  await assert.rejects(eventually(client.redeem('grant', 'verifier')), NoAnswer);
  assert.ok(clock.now() - began <= 60_000);
});

test('refreshing is done by one tab at a time, by cookie alone', async () => {
  answers.push(ok(token));
  await client.refresh();
  assert.deepEqual(held, ['scangate-refresh-default']);
  assert.equal(calls[0].headers.Authorization, undefined);
  assert.deepEqual(calls[0].json, {});
});

test('a refresh whose answer is lost is asked for again at once, under the same lock', async () => {
  answers.push(lost, ok(token));
  await client.refresh();
  assert.deepEqual(calls.map(({ path }) => path), ['/auth/refresh', '/auth/refresh']);
  assert.equal(held.length, 1);
  assert.equal(client.expiresAt - clock.now(), 600_000);
});

test('a refresh is asked for twice at most, and not again once it is answered', async () => {
  answers.push(lost, lost);
  await assert.rejects(client.refresh(), NoAnswer);
  assert.equal(calls.length, 2);
  answers.push(no(50300, 'overloaded'));
  await assert.rejects(client.refresh(), ApiError);
  assert.equal(calls.length, 3);
});

test('both tries of a refresh fit into the 10 s in which the old cookie is still good', async () => {
  const began = clock.now();
  const silent = (_, { signal }) => new Promise((_, reject) => {
    calls.push(clock.now() - began);
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
  const exclusively = (_, run) => run();
  client = new SessionClient({ api: new Api(silent, clock, () => 'en'), clock, random: () => 1, exclusively });
  await assert.rejects(eventually(client.refresh()), NoAnswer);
  assert.deepEqual(calls, [0, 4_000]);
  assert.equal(clock.now() - began, 8_000);
});

test('a grant is redeemed after the refresh under way, so that the new session is the one that stays', async () => {
  const order = [];
  let answerRefresh;
  const post = (path) => {
    order.push(path);
    if (path === '/auth/token') return Promise.resolve(token);
    return new Promise((resolve) => { answerRefresh = () => resolve({ ...token, access_token: 'old', expires_in: 60 }); });
  };
  let tail = Promise.resolve();
  const queued = (name, run) => {
    held.push(name);
    return (tail = tail.then(run));
  };
  client = new SessionClient({ api: { post }, clock, random: () => 1, exclusively: queued, app: 'shop' });
  const refreshed = client.refresh();
  const redeemed = client.redeem('grant', 'verifier');
  await settle();
  assert.deepEqual(order, ['/auth/refresh']);
  answerRefresh();
  await Promise.all([refreshed, redeemed]);
  assert.deepEqual(order, ['/auth/refresh', '/auth/token']);
  assert.deepEqual(held, ['scangate-refresh-shop', 'scangate-refresh-shop']);
  assert.equal(client.expiresAt - clock.now(), 600_000);
});

test('me is asked with the token', async () => {
  answers.push(ok(token), ok({ user, session_id: 's1' }));
  assert.deepEqual(await client.whoIsHere(), user);
  assert.equal(calls[1].headers.Authorization, 'Bearer jwt');
});

test('nobody is here when the cookie is not good', async () => {
  answers.push(no(40100, 'unauthenticated'));
  assert.equal(await client.whoIsHere(), null);
});

test('signing out everywhere says so, and forgets the token', async () => {
  answers.push(ok(token), ok({}));
  await client.refresh();
  await client.logout({ everywhere: true });
  assert.deepEqual([calls[1].path, calls[1].json], ['/auth/logout', { everywhere: true }]);
  assert.equal(client.expiresAt, 0);
});

function keeper() {
  const channel = { said: [], onmessage: null, postMessage(message) { this.said.push(message); } };
  return { channel, keeper: new SessionKeeper({ client, clock, random: () => 1, channel }) };
}

test('a signed-in page renews its token ahead of the end', async () => {
  const { keeper: kept } = keeper();
  answers.push(ok(token), ok({ user, session_id: 's1' }), ok(token));
  await kept.start();
  assert.equal(kept.state.name, 'signed_in');
  assert.equal(clock.next, 600_000 - AHEAD_MS);
  clock.advance(clock.next);
  await settle();
  assert.equal(calls.length, 3);
  assert.equal(kept.expiresAt - clock.now(), 600_000);
});

test('a renewal that gets no answer is tried again; one that is refused ends the session', async () => {
  const { keeper: kept } = keeper();
  answers.push(ok(token), ok({ user, session_id: 's1' }), lost, lost, no(40102, 'session_revoked'));
  await kept.start();
  clock.advance(clock.next);
  await settle();
  assert.equal(kept.state.name, 'signed_in');
  clock.advance(clock.next);
  await settle();
  assert.equal(kept.state.name, 'signed_out');
  assert.equal(clock.next, null);
});

test('not signed in, and not reachable, are different things', async () => {
  answers.push(no(40100, 'unauthenticated'));
  const first = keeper().keeper;
  await first.start();
  assert.equal(first.state.name, 'signed_out');
  answers.push(lost, lost);
  const second = keeper().keeper;
  await second.start();
  assert.equal(second.state.name, 'unreachable');
});

test('signing out is told to the other tabs, and heard from them', async () => {
  const { keeper: kept, channel } = keeper();
  answers.push(ok(token), ok({ user, session_id: 's1' }), ok({}));
  await kept.start();
  await kept.signOut({ everywhere: false });
  assert.deepEqual(channel.said, ['signed_out']);
  const other = keeper();
  other.channel.onmessage({ data: 'signed_out' });
  assert.equal(other.keeper.state.name, 'signed_out');
});

test('the challenge is the S256 of the verifier', async () => {
  const { verifier, challenge } = await newPkce(globalThis.crypto);
  assert.match(verifier, /^[\w-]{43}$/);
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  assert.equal(challenge, Buffer.from(digest).toString('base64url'));
  await assert.rejects(newPkce({}), NotSupported);
});
