import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Api } from '../src/sdk/api.js';
import { HttpLink, OPENING_MS, SHORT_MS, SILENCE_MS } from '../src/sdk/http-link.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

let clock, gateway, poll, seen, calls, onEvent, remembered;

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
  remembered = [];
  poll = newLink(false);
});

function newLink(streams) {
  return new HttpLink({
    open: () => { seen.opened += 1; },
    event: (event) => {
      seen.events.push(event);
      onEvent(event);
    },
    down: (fall) => seen.falls.push(fall),
  }, {
    api: new Api({ baseUrl: '', fetch: fakeFetch, clock, locale: () => 'en' }), clock, random: () => 1, streams,
    remember: (transport) => remembered.push(transport),
  });
}

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

test('a refresh at the wrong moment: it says so and goes on watching', async () => {
  await started();
  poll.send({ type: 'refresh' });
  await no(calls[2], 40900, 'state_conflict');
  assert.deepEqual([seen.events.at(-1).type, seen.events.at(-1).ref], ['error', 'refresh']);
  assert.equal(calls[3].url, '/api/v1/scenes/scene-1?after=1&wait=25');
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
  assert.deepEqual([fall.meaning, fall.retryInMs, fall.trace_id], ['limited', 3_000, 'r1']);
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

test('digits at the wrong moment: it says so, and was watching all the time', async () => {
  await started();
  poll.send({ type: 'verify', code: '42' });
  await no(calls[2], 40900, 'state_conflict');
  assert.deepEqual([seen.events.at(-1).type, seen.events.at(-1).ref], ['error', 'verify']);
  assert.equal(calls.length, 3);
  assert.ok(!calls[1].signal.aborted);
});

test('website: the pending event has an address to frame', async () => {
  poll.send({ type: 'start', challenge: 'c', flow: 'website', return_to: 'https://login.example.com/' });
  assert.deepEqual(JSON.parse(calls[0].body), { challenge: 'c', flow: 'website', return_to: 'https://login.example.com/' });
  await ok(calls[0], gateway.pending({ flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/x' }), 201);
  assert.equal(seen.events[0].embed_url, 'https://open.weixin.qq.com/x');
});

/** Answers a call with a stream, which the test writes. */
async function open(call) {
  let out;
  const body = new ReadableStream({ start: (controller) => { out = controller; } });
  call.signal.addEventListener('abort', () => out.error(new Error('aborted')));
  call.resolve(new Response(body));
  await turn();
  return {
    async write(chunk) {
      out.enqueue(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk);
      await turn();
    },
    async say(event) {
      const id = event.seq ? `id: ${event.seq}\n` : '';
      await this.write(`event: ${event.type}\n${id}data: ${JSON.stringify(event)}\n\n`);
    },
    async end() {
      out.close();
      await turn();
    },
  };
}

async function turn() {
  await settle();
  await new Promise(setImmediate);
  await settle();
}

async function streaming() {
  poll = newLink(true);
  const pending = await started();
  const stream = await open(calls[1]);
  await stream.say(pending);
  return stream;
}

test('stream: opens after the scene, with its secret, and tells each event once', async () => {
  const stream = await streaming();
  assert.deepEqual([calls[1].method, calls[1].url, calls[1].headers.Authorization], ['GET', '/api/v1/scenes/scene-1/events', 'Scene secret-1']);
  await stream.write(': still here\n\n');
  await stream.say(gateway.state('scanned', 2));
  await stream.say(gateway.state('rejected', 3, { by: 'user' }));
  assert.deepEqual(seen.events.map(({ type }) => type), ['pending', 'scanned', 'rejected']);
  assert.deepEqual([calls.length, seen.falls.length, poll.transport, clock.next], [2, 0, 'sse', null]);
  assert.deepEqual([...new Set(remembered)], ['sse']);
});

test('stream: an event may come in pieces, cut inside a character, and several at once', async () => {
  const stream = await streaming();
  const scanned = (seq) => `data: ${JSON.stringify(gateway.state('scanned', seq, { user: { name: '李**' } }))}\r\n\r\n`;
  const bytes = new TextEncoder().encode(scanned(2) + scanned(3));
  const cut = bytes.indexOf(0xe6) + 1;
  await stream.write(bytes.slice(0, cut));
  assert.equal(seen.events.length, 1);
  await stream.write(bytes.slice(cut));
  assert.deepEqual(seen.events.slice(1).map(({ seq, user }) => [seq, user.name]), [[2, '李**'], [3, '李**']]);
});

test('stream: one that says nothing in a second is held back: polls go on', async () => {
  poll = newLink(true);
  await started();
  await open(calls[1]);
  clock.advance(OPENING_MS);
  await turn();
  assert.ok(calls[1].signal.aborted);
  assert.deepEqual([poll.transport, calls[2].url], ['poll', '/api/v1/scenes/scene-1?after=1&wait=25']);
  assert.equal(seen.falls.length, 0);
  await ok(calls[2], gateway.state('scanned', 2));
  assert.equal(remembered.at(-1), 'poll');
});

test('stream: one that is cut at once would be cut again: polls go on', async () => {
  const stream = await streaming();
  await stream.end();
  assert.deepEqual([poll.transport, calls[2].url], ['poll', '/api/v1/scenes/scene-1?after=1&wait=25']);
});

test('stream: one that held for a while and broke is opened again', async () => {
  const stream = await streaming();
  clock.advance(SHORT_MS);
  await stream.end();
  assert.deepEqual([seen.falls[0].meaning, poll.transport], ['lost', 'sse']);
  clock.advance(clock.next);
  assert.equal(seen.opened, 1);
  poll.send({ type: 'resume', scene: 'scene-1', secret: 'secret-1', seq: 1 });
  assert.equal(calls[2].url, '/api/v1/scenes/scene-1/events');
});

test('stream: without a sign of life for 25 s it is dead', async () => {
  const stream = await streaming();
  clock.advance(15_000);
  await stream.write(': still here\n\n');
  clock.advance(SILENCE_MS - 1);
  await turn();
  assert.equal(seen.falls.length, 0);
  clock.advance(1);
  await turn();
  assert.equal(seen.falls[0].meaning, 'lost');
});

test('stream: a drain names the wait', async () => {
  const stream = await streaming();
  await stream.say({ type: 'drain', reconnect_in_ms: 3_210 });
  assert.deepEqual([seen.falls[0].meaning, seen.falls[0].retryInMs], ['restart', 3_210]);
  poll.wake();
  assert.equal(seen.opened, 0, 'what was ordered is waited for');
  clock.advance(3_210);
  assert.equal(seen.opened, 1);
});

test('stream: taken over, it does not come back', async () => {
  const stream = await streaming();
  await stream.say({ type: 'error', error: { code: 40901, name: 'taken_over', message: '', retryable: false } });
  assert.deepEqual([seen.falls[0].meaning, clock.next], ['taken_over', null]);
});

test('stream: a scene that is gone is said before any event', async () => {
  poll = newLink(true);
  poll.send({ type: 'resume', scene: 's', secret: 'x', seq: 2 });
  await no(calls[0], 40401, 'scene_not_found');
  assert.equal(seen.falls[0].meaning, 'scene_gone');
});

test('stream: digits go beside it, and what comes of them is told once', async () => {
  const stream = await streaming();
  await stream.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
  poll.send({ type: 'verify', code: '42' });
  const wrong = gateway.state('verifying', 4, { code_length: 2, tries_left: 2 });
  await stream.say(wrong);
  await ok(calls[2], wrong);
  assert.deepEqual(seen.events.map(({ type, tries_left }) => tries_left ?? type), ['pending', 3, 2]);
});

test('stream: a new code has a stream of its own', async () => {
  await streaming();
  poll.send({ type: 'refresh' });
  assert.ok(calls[1].signal.aborted);
  await ok(calls[2], gateway.pending(), 201);
  assert.equal(calls[3].url, '/api/v1/scenes/scene-2/events');
});

test('seen again after a long sleep, it asks anew at once; after a short one it does not', async () => {
  await streaming();
  clock.advance(20_000);
  poll.wake();
  assert.equal(seen.opened, 0);
  clock.slept(7_200_000);
  poll.wake();
  assert.equal(seen.opened, 1);
});

test('seen again while it waits to come back, it does not wait', async () => {
  poll.send({ type: 'start', challenge: 'c' });
  calls[0].reject(new TypeError('network'));
  await settle();
  poll.wake();
  assert.equal(seen.opened, 1);
});
