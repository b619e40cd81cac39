import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { HANDSHAKE_MS, ReconnectingSocket, STABLE_MS } from '../src/sdk/socket.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock } from './fake-time.js';

let clock, gateway, socket, seen, random, online;

beforeEach(() => {
  clock = new FakeClock();
  gateway = new FakeGateway(clock);
  seen = { opened: 0, events: [], falls: [], blocked: 0 };
  random = 1;
  online = true;
  socket = new ReconnectingSocket('ws://gateway/api/v1/ws', {
    open: () => { seen.opened += 1; },
    event: (event) => seen.events.push(event),
    down: (fall) => seen.falls.push(fall),
    blocked: () => { seen.blocked += 1; },
  }, { WebSocket: gateway.WebSocket, clock, random: () => random, online: () => online });
  socket.connect();
});

test('it dials once, offering scan.v1', () => {
  socket.connect();
  assert.equal(gateway.sockets.length, 1);
  assert.equal(gateway.last.url, 'ws://gateway/api/v1/ws');
  assert.deepEqual(gateway.last.protocols, ['scan.v1']);
});

test('the first command may go before hello', () => {
  gateway.open();
  assert.equal(seen.opened, 1);
  socket.send({ type: 'refresh' });
  assert.deepEqual(gateway.last.sent, [{ type: 'refresh' }]);
});

test('nothing is sent on a link that is not open', () => {
  socket.send({ type: 'refresh' });
  assert.deepEqual(gateway.last.sent, []);
});

test('a ping is answered and passed on', () => {
  gateway.welcome();
  gateway.say({ type: 'ping', now: 5 });
  assert.deepEqual(gateway.last.sent, [{ type: 'pong' }]);
  assert.equal(seen.events.at(-1).type, 'ping');
});

test('a link silent for the ping interval and 10 s is dropped', () => {
  gateway.welcome();
  const first = gateway.last;
  clock.advance(34_999);
  assert.equal(seen.falls.length, 0);
  clock.advance(1);
  assert.equal(seen.falls[0].meaning, 'lost');
  assert.equal(first.readyState, 3);
  clock.advance(500);
  assert.equal(gateway.sockets.length, 2);
});

test('any frame counts as a sign of life, also one that is not understood', () => {
  gateway.welcome();
  clock.advance(34_000);
  gateway.say('{"type":"sparkle","seq":1}');
  clock.advance(34_000);
  assert.equal(seen.falls.length, 0);
  assert.equal(seen.events.length, 1, 'a state that is not known is not passed on');
});

test('a handshake that hangs is given up, and the network taken to swallow sockets', () => {
  clock.advance(HANDSHAKE_MS - 1);
  assert.equal(seen.blocked, 0);
  clock.advance(1);
  assert.equal(seen.blocked, 1);
  assert.deepEqual([gateway.last.readyState, clock.next], [3, null], 'it does not dial again by itself');
});

test('a handshake that hangs while the machine is offline says nothing of the network', () => {
  online = false;
  clock.advance(HANDSHAKE_MS);
  assert.deepEqual([seen.blocked, seen.falls[0].meaning], [0, 'lost']);
});

test('it comes back with growing waits, and begins small after 5 s of a stable link', () => {
  for (const wait of [500, 1_000, 2_000]) {
    gateway.welcome();
    gateway.close(1006);
    assert.equal(seen.falls.at(-1).retryInMs, wait);
    clock.advance(wait);
  }
  gateway.welcome();
  clock.advance(STABLE_MS);
  gateway.close(1001);
  assert.equal(seen.falls.at(-1).retryInMs, 500);
});

test('a drain names the wait', () => {
  gateway.welcome();
  gateway.say({ type: 'drain', reconnect_in_ms: 3_210 });
  gateway.close(1012);
  assert.equal(seen.falls[0].retryInMs, 3_210);
  clock.advance(3_209);
  assert.equal(gateway.sockets.length, 1);
  clock.advance(1);
  assert.equal(gateway.sockets.length, 2);
});

test('a drain counts also when the node is gone before its close', () => {
  gateway.welcome();
  gateway.say({ type: 'drain', reconnect_in_ms: 3_210 });
  gateway.close(1006);
  assert.equal(seen.falls[0].retryInMs, 3_210);
  socket.wake();
  assert.equal(gateway.sockets.length, 1);
  clock.advance(3_210);
  assert.equal(gateway.sockets.length, 2);
});

test('the drain of an older link says nothing of a newer one', () => {
  gateway.welcome();
  gateway.say({ type: 'drain', reconnect_in_ms: 3_210 });
  gateway.close(1012);
  clock.advance(3_210);
  gateway.welcome();
  gateway.close(1006);
  assert.equal(seen.falls[1].retryInMs, 500);
});

test('an error before the close is handed on with its wait', () => {
  gateway.welcome();
  gateway.refuse(42900, 'rate_limited', { error: { retry_after_ms: 7_000 } });
  gateway.close(4429);
  const [fall] = seen.falls;
  assert.deepEqual([fall.meaning, fall.error.name, fall.retryInMs], ['limited', 'rate_limited', 7_000]);
});

test('a stop does not come back', () => {
  for (const code of [1000, 1002, 4400, 4403, 4409, 4410, 4426]) {
    gateway.welcome();
    gateway.close(code);
    assert.equal(seen.falls.at(-1).retryInMs, null, String(code));
    assert.equal(clock.next, null, String(code));
    socket.connect();
  }
});

test('waking does not sit out a back-off, but it does sit out what was ordered', () => {
  gateway.welcome();
  gateway.close(1006);
  socket.wake();
  assert.equal(gateway.sockets.length, 2);
  gateway.welcome();
  gateway.close(4429);
  socket.wake();
  assert.equal(gateway.sockets.length, 2);
});

test('waking drops a link that slept through its silence, and keeps one that is well', () => {
  gateway.welcome();
  socket.wake();
  assert.equal(seen.falls.length, 0);
  clock.now = ((now) => () => now() + 60_000)(clock.now);
  socket.wake();
  assert.equal(seen.falls.length, 1);
});

test('closing is clean, final and silent', () => {
  gateway.welcome();
  const { last } = gateway;
  socket.close();
  assert.equal(last.closedWith, 1000);
  gateway.close(1000, last);
  assert.equal(seen.falls.length, 0);
  assert.equal(clock.next, null);
});

test('what an abandoned socket still says is not heard', () => {
  gateway.welcome();
  const { last } = gateway;
  socket.close();
  socket.connect();
  gateway.say({ type: 'ping', now: 1 }, last);
  assert.equal(seen.events.length, 1);
});

test('three handshakes in a row without a word mean that sockets are blocked', () => {
  for (let strike = 1; strike < 3; strike += 1) {
    gateway.close(1006);
    clock.advance(clock.next);
  }
  assert.equal(seen.blocked, 0);
  gateway.close(1006);
  assert.equal(seen.blocked, 1);
  assert.equal(clock.next, null);
});

test('neither a word in between nor being offline counts as a strike', () => {
  gateway.close(1006);
  clock.advance(500);
  gateway.welcome();
  gateway.close(1006);
  online = false;
  for (let strike = 0; strike < 4; strike += 1) {
    clock.advance(clock.next);
    gateway.close(1006);
  }
  assert.equal(seen.blocked, 0);
});
