import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Api } from '../src/sdk/api.js';
import { LongPoll } from '../src/sdk/long-poll.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

let clock, gateway, poll, seen, calls, onEvent;

/** A fetch whose answers are given one by one, later. */
function fakeFetch(url, request) {
  return new Promise((resolve, reject) => {
    request.signal.addEventListener('abort', () => reject(new Error('aborted')));
    calls.push({ url, ...request, resolve, reject });
  });
}

async function answer(call, status, envelope) {
  call.resolve(new Response(JSON.stringify(envelope), { status }));
  await settle();
  await new Promise(setImmediate);
}

const ok = (call, data, status = 200) => answer(call, status, { code: 0, message: 'ok', data, request_id: 'r1' });
const no = (call, code, name, more) => answer(call, Math.floor(code / 100), { code, name, message: name, request_id: 'r1', ...more });

beforeEach(() => {
  onEvent = () => {};
  clock = new FakeClock();
  gateway = new FakeGateway(clock);
  calls = [];
  seen = { opened: 0, events: [], falls: [] };
  poll = new LongPoll({
    open: () => { seen.opened += 1; },
    event: (event) => {
      seen.events.push(event);
      onEvent(event);
    },
    down: (fall) => seen.falls.push(fall),
  }, { api: new Api({ fetch: fakeFetch, clock, locale: () => 'en' }), clock, random: () => 1 });
});

async function started() {
  poll.send({ type: 'start', challenge: 'c', locale: 'en' });
  const pending = gateway.pending();
  await ok(calls[0], pending, 201);
  return pending;
}

test('start opens a scene, then asks for what comes after', async () => {
  await started();
  assert.deepEqual([calls[0].method, calls[0].url], ['POST', '/api/v1/scenes']);
  assert.deepEqual(JSON.parse(calls[0].body), { challenge: 'c', locale: 'en' });
  assert.equal(calls[0].headers['Content-Type'], 'application/json');
  assert.equal(calls[1].url, '/api/v1/scenes/scene-1?after=1&wait=25');
  assert.equal(calls[1].headers.Authorization, 'Scene secret-1');
});

test('each event is told once, until the end', async () => {
  const pending = await started();
  clock.advance(25_000);
  await ok(calls[1], pending);
  await ok(calls[2], gateway.state('scanned', 2));
  assert.equal(calls[3].url, '/api/v1/scenes/scene-1?after=2&wait=25');
  await ok(calls[3], gateway.state('rejected', 3, { by: 'user' }));
  assert.deepEqual(seen.events.map(({ type }) => type), ['pending', 'scanned', 'rejected']);
  assert.equal(calls.length, 4);
});

test('a gateway that answers at once with nothing new is asked ever more slowly', async () => {
  const pending = await started();
  for (const [asked, wait] of [[1, 500], [2, 1_000], [3, 2_000]]) {
    await ok(calls[asked], pending);
    assert.deepEqual([calls.length, clock.next], [asked + 1, wait]);
    clock.advance(wait);
    await settle();
    assert.equal(calls.length, asked + 2);
  }
  await ok(calls[4], gateway.state('scanned', 2));
  assert.equal(calls[5].url, '/api/v1/scenes/scene-1?after=2&wait=25', 'news is followed at once');
  await ok(calls[5], gateway.state('scanned', 2));
  assert.equal(clock.next, 500, 'and the waits begin small again');
  poll.close();
  await settle();
  assert.deepEqual([clock.next, calls.length, seen.falls.length], [null, 6, 0]);
});

test('resume asks for the latest at once', async () => {
  poll.send({ type: 'resume', scene: 's', secret: 'x', seq: 2 });
  assert.equal(calls[0].url, '/api/v1/scenes/s?after=0&wait=0');
});

test('cancel and refresh are calls of their own', async () => {
  await started();
  poll.send({ type: 'cancel' });
  assert.equal(calls[2].url, '/api/v1/scenes/scene-1/cancel');
  await ok(calls[2], gateway.state('cancelled', 2));
  poll.send({ type: 'refresh' });
  assert.equal(calls[3].url, '/api/v1/scenes/scene-1/refresh');
  await ok(calls[3], gateway.pending(), 201);
  assert.deepEqual(seen.events.map(({ type }) => type), ['pending', 'cancelled', 'pending']);
  assert.equal(calls[4].url, '/api/v1/scenes/scene-2?after=1&wait=25');
});

test('at the wrong moment it says so and goes on watching', async () => {
  await started();
  poll.send({ type: 'refresh' });
  await no(calls[2], 40900, 'state_conflict');
  assert.deepEqual([seen.events.at(-1).type, seen.events.at(-1).ref], ['error', 'refresh']);
  assert.equal(calls[3].url, '/api/v1/scenes/scene-1?after=0&wait=0');
  assert.equal(seen.falls.length, 0);
});

test('a refresh sent because a cancel came too late is not overtaken by the watching', async () => {
  await started();
  onEvent = ({ type }) => type === 'error' && poll.send({ type: 'refresh' });
  poll.send({ type: 'cancel' });
  await no(calls[2], 40900, 'state_conflict');
  assert.deepEqual(calls.slice(3).map(({ url }) => url), ['/api/v1/scenes/scene-1/refresh']);
  assert.ok(!calls[3].signal.aborted);
  await ok(calls[3], gateway.pending(), 201);
  assert.equal(seen.events.at(-1).scene, 'scene-2');
  assert.equal(calls[4].url, '/api/v1/scenes/scene-2?after=1&wait=25');
});

test('closed because a command was refused, it does not go on watching', async () => {
  await started();
  onEvent = ({ type }) => type === 'error' && poll.close();
  poll.send({ type: 'cancel' });
  await no(calls[2], 40900, 'state_conflict');
  assert.equal(calls.length, 3);
});

test('errors fall as the socket would', async () => {
  poll.send({ type: 'start', challenge: 'c' });
  await no(calls[0], 42900, 'rate_limited', { retry_after_ms: 3_000 });
  const [fall] = seen.falls;
  assert.deepEqual([fall.meaning, fall.retryInMs, fall.requestId], ['limited', 3_000, 'r1']);
  clock.advance(3_000);
  assert.equal(seen.opened, 1);
});

test('no answer, and an answer that is not the gateway’s, are a lost link', async () => {
  poll.send({ type: 'start', challenge: 'c' });
  calls[0].reject(new TypeError('network'));
  await settle();
  poll.send({ type: 'start', challenge: 'c' });
  calls[1].resolve(new Response('<html>proxy</html>'));
  await new Promise(setImmediate);
  assert.deepEqual(seen.falls.map(({ meaning }) => meaning), ['lost', 'lost']);
});

test('an answer that never comes is given up', async () => {
  await started();
  clock.advance(35_000);
  await settle();
  assert.equal(seen.falls[0].meaning, 'lost');
});

test('closing ends the waiting silently', async () => {
  await started();
  poll.close();
  await settle();
  assert.equal(seen.falls.length, 0);
  assert.equal(clock.next, null);
});

test('digits are a call of their own; what comes of them is told once', async () => {
  await started();
  await ok(calls[1], gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
  poll.send({ type: 'verify', code: '42' });
  assert.deepEqual([calls[3].method, calls[3].url, calls[3].body], ['POST', '/api/v1/scenes/scene-1/verify', '{"code":"42"}']);
  assert.equal(calls[3].headers.Authorization, 'Scene secret-1');
  const wrong = gateway.state('verifying', 4, { code_length: 2, tries_left: 2 });
  await ok(calls[3], wrong);
  await ok(calls[2], wrong);
  assert.deepEqual(seen.events.map(({ type, tries_left }) => tries_left ?? type), ['pending', 3, 2]);
});

test('digits at the wrong moment: it says so and goes on watching', async () => {
  await started();
  poll.send({ type: 'verify', code: '42' });
  await no(calls[2], 40900, 'state_conflict');
  assert.deepEqual([seen.events.at(-1).type, seen.events.at(-1).ref], ['error', 'verify']);
  assert.equal(calls[3].url, '/api/v1/scenes/scene-1?after=0&wait=0');
});

test('website: the pending event has an address to frame', async () => {
  poll.send({ type: 'start', challenge: 'c', flow: 'website', return_to: 'https://login.example.com/' });
  assert.deepEqual(JSON.parse(calls[0].body), { challenge: 'c', flow: 'website', return_to: 'https://login.example.com/' });
  await ok(calls[0], gateway.pending({ flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/x' }), 201);
  assert.equal(seen.events[0].embed_url, 'https://open.weixin.qq.com/x');
});
