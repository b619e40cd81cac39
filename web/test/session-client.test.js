import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Api, ApiError, NoAnswer } from '../src/sdk/api.js';
import { AHEAD_MS, Forgotten, SessionClient } from '../src/session/session-client.js';
import { SessionHint } from '../src/session/session-hint.js';
import { FakeFetch, held, lost, no, ok } from './fake-fetch.js';
import { FakeStore } from './fake-store.js';
import { FakeClock, settle } from './fake-time.js';

let clock, client, http, locks, store;
const user = { id: 'u1', name: '李小龙' };
const token = { access_token: 'jwt', token_type: 'Bearer', expires_in: 600, session_id: 's1', user };

function clientOf(api, exclusively, more) {
  const hint = new SessionHint({ store: () => store });
  return new SessionClient({ api, clock, random: () => 1, exclusively, hint, ...more });
}

beforeEach(() => {
  clock = new FakeClock();
  http = new FakeFetch();
  store = new FakeStore();
  locks = [];
  client = clientOf(new Api({ baseUrl: '', fetch: http.fetch, clock, locale: () => 'zh-CN' }), async (name, run) => {
    locks.push(name);
    return run();
  });
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
  http.answers.push(ok(token));
  assert.deepEqual(await client.redeem('grant', 'verifier'), { user, session_id: 's1' });
  const [call] = http.calls;
  assert.deepEqual([call.method, call.path, call.json], ['POST', '/auth/token', { grant: 'grant', verifier: 'verifier' }]);
  assert.equal(call.headers['Content-Type'], 'application/json');
  assert.equal(call.headers['Accept-Language'], 'zh-CN');
  assert.equal(call.credentials, 'include', 'the gateway may be of another origin');
  assert.equal(client.accessToken, 'jwt');
  assert.equal(client.renewsAt, clock.now() + 600_000 - AHEAD_MS);
});

test('a lost answer is asked for again with the same verifier', async () => {
  http.answers.push(lost, no(50300, 'overloaded', { retry_after_ms: 4_000 }), ok(token));
  assert.deepEqual(await eventually(client.redeem('grant', 'verifier')), { user, session_id: 's1' });
  assert.deepEqual(new Set(http.calls.map(({ json }) => json.verifier)), new Set(['verifier']));
  assert.equal(http.calls.length, 3);
});

test('a refused grant is not tried again', async () => {
  http.answers.push(no(40002, 'bad_grant'));
  await assert.rejects(client.redeem('grant', 'verifier'), (cause) => cause instanceof ApiError && cause.error.code === 40002 && cause.requestId === 'r1');
});

test('it gives up while the gateway would still have known the verifier', async () => {
  const began = clock.now();
  http.answers.push(...Array.from({ length: 40 }, () => lost));
  await assert.rejects(eventually(client.redeem('grant', 'verifier')), NoAnswer);
  assert.ok(clock.now() - began <= 60_000);
});

test('refreshing is done by one tab at a time, by cookie alone', async () => {
  http.answers.push(ok(token));
  await client.refresh();
  assert.deepEqual(locks, ['scangate-refresh-default']);
  assert.equal(http.calls[0].headers.Authorization, undefined);
  assert.deepEqual(http.calls[0].json, {});
});

test('a refresh whose answer is lost is asked for again at once, under the same lock', async () => {
  http.answers.push(lost, ok(token));
  await client.refresh();
  assert.deepEqual(http.calls.map(({ path }) => path), ['/auth/refresh', '/auth/refresh']);
  assert.equal(locks.length, 1);
  assert.equal(client.accessToken, 'jwt');
});

test('a refresh is asked for twice at most, and not again once it is answered', async () => {
  http.answers.push(lost, lost);
  await assert.rejects(client.refresh(), NoAnswer);
  assert.equal(http.calls.length, 2);
  http.answers.push(no(50300, 'overloaded'));
  await assert.rejects(client.refresh(), ApiError);
  assert.equal(http.calls.length, 3);
});

test('both tries of a refresh fit into the 10 s in which the old cookie is still good', async () => {
  const began = clock.now();
  const calls = [];
  const silent = (_, { signal }) => new Promise((_, reject) => {
    calls.push(clock.now() - began);
    signal.addEventListener('abort', () => reject(new Error('aborted')));
  });
  client = clientOf(new Api({ baseUrl: '', fetch: silent, clock, locale: () => 'en' }), (_, run) => run());
  await assert.rejects(eventually(client.refresh()), NoAnswer);
  assert.deepEqual(calls, [0, 4_000]);
  assert.equal(clock.now() - began, 8_000);
});

/** Locks as browsers have them: the tabs of one browser share them. */
function browserLocks() {
  let tail = Promise.resolve();
  return (name, run) => {
    locks.push(name);
    return (tail = tail.catch(() => {}).then(run));
  };
}

test('a grant is redeemed after the refresh under way, so that the new session is the one that stays', async () => {
  const refresh = held(ok({ ...token, access_token: 'before' }));
  http.answers.push(refresh.answer, ok({ ...token, access_token: 'redeemed' }));
  client = clientOf(new Api({ baseUrl: '', fetch: http.fetch, clock, locale: () => 'en' }), browserLocks());
  const refreshed = client.refresh();
  const redeemed = client.redeem('grant', 'verifier');
  await settle();
  assert.deepEqual(http.lines, ['POST /auth/refresh']);
  refresh.release();
  await Promise.all([refreshed, redeemed]);
  assert.deepEqual(http.lines, ['POST /auth/refresh', 'POST /auth/token']);
  assert.equal(client.accessToken, 'redeemed');
});

test('whoever asks while a refresh is under way gets its answer', async () => {
  const refresh = held(ok(token));
  http.answers.push(refresh.answer);
  const both = [client.refresh(), client.refresh()];
  refresh.release();
  assert.deepEqual(await Promise.all(both), [{ user, session_id: 's1' }, { user, session_id: 's1' }]);
  assert.equal(http.calls.length, 1);
});

test('a token that comes for a session forgotten meanwhile is not kept', async () => {
  const refresh = held(ok(token));
  http.answers.push(refresh.answer);
  const refreshed = client.refresh();
  client.forget();
  refresh.release();
  await assert.rejects(refreshed, Forgotten);
  assert.equal(client.accessToken, '');
});

test('signing out waits for the refresh of another tab, and the refresh after it is not asked for', async () => {
  const refresh = held(ok(token));
  http.answers.push(ok(token), refresh.answer, ok({}));
  const api = new Api({ baseUrl: '', fetch: http.fetch, clock, locale: () => 'en' });
  const exclusively = browserLocks();
  const other = clientOf(api, exclusively);
  client = clientOf(api, exclusively);
  await client.refresh();
  const refreshed = other.refresh();
  const out = client.logout({ everywhere: false });
  const late = client.refresh();
  await settle();
  assert.deepEqual(http.lines.slice(1), ['POST /auth/refresh']);
  refresh.release();
  await Promise.all([refreshed, out, assert.rejects(late, Forgotten)]);
  assert.deepEqual(http.lines.slice(1), ['POST /auth/refresh', 'POST /auth/logout']);
  assert.equal(client.accessToken, '');
});

test('a short life is renewed in its last third', async () => {
  http.answers.push(ok({ ...token, expires_in: 30 }));
  await client.refresh();
  assert.equal(client.renewsAt - clock.now(), 20_000);
});

test('signing out everywhere says so, and forgets the token', async () => {
  http.answers.push(ok(token), ok({}));
  await client.refresh();
  await client.logout({ everywhere: true });
  assert.deepEqual([http.calls[1].path, http.calls[1].json], ['/auth/logout', { everywhere: true }]);
  assert.equal(client.accessToken, '');
});

test('a user name and a password open a session as a grant does', async () => {
  http.answers.push(ok(token), no(40902, 'name_taken'), ok(token));
  const credentials = { username: 'lixl', password: 'correct horse' };
  assert.deepEqual(await client.login(credentials), { user, session_id: 's1' });
  assert.equal(client.accessToken, 'jwt');
  await assert.rejects(client.register(credentials), (cause) => cause instanceof ApiError && cause.error.name === 'name_taken');
  client = clientOf(new Api({ baseUrl: '', fetch: http.fetch, clock, locale: () => 'en' }), browserLocks(), { app: 'shop' });
  await client.register(credentials);
  assert.deepEqual(http.lines, ['POST /auth/login', 'POST /auth/register', 'POST /auth/register']);
  assert.deepEqual(http.calls.map(({ json }) => json), [credentials, credentials, { ...credentials, app: 'shop' }]);
  assert.deepEqual(locks, ['scangate-refresh-default', 'scangate-refresh-default', 'scangate-refresh-shop']);
});

test('a refusal that was on its way when a session was opened says nothing of that', async () => {
  const refresh = held(no(40100, 'unauthenticated'));
  http.answers.push(refresh.answer, ok(token));
  const refreshed = client.refresh();
  await client.redeem('grant', 'verifier');
  refresh.release();
  await assert.rejects(refreshed, Forgotten);
  assert.equal(client.accessToken, 'jwt');
});

test('nothing is asked, or waited for, once it is called off', async () => {
  const off = new AbortController();
  client = clientOf(new Api({ baseUrl: '', fetch: http.fetch, clock, locale: () => 'en' }), (_, run) => run(), { signal: off.signal });
  http.answers.push(lost);
  const redeemed = client.redeem('grant', 'verifier');
  await settle();
  assert.equal(http.calls.length, 1);
  off.abort(new Error('left'));
  await assert.rejects(eventually(redeemed), /left/);
  await assert.rejects(client.refresh(), /left/);
  await assert.rejects(client.redeem('grant', 'verifier'), /left/);
  assert.equal(http.calls.length, 1);
});
