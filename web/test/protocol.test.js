import assert from 'node:assert/strict';
import { test } from 'node:test';

import { closeAfter } from '../src/sdk/http-link.js';
import { closeMeaning, decode, isEnd, isState } from '../src/sdk/protocol.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock } from './fake-time.js';

const gateway = new FakeGateway(new FakeClock());

test('a whole event is decoded as it is', () => {
  const event = gateway.pending();
  assert.deepEqual(decode(JSON.stringify(event)), event);
});

test('what is not an event is nothing', () => {
  const { seq: _, ...noSeq } = gateway.pending();
  for (const frame of ['', 'nonsense', 'null', '[]', '7', '{}', '{"type":"sparkle","seq":1}', '{"type":"constructor","seq":1}', JSON.stringify(noSeq), new ArrayBuffer(2), undefined]) {
    assert.equal(decode(frame), null, String(frame));
  }
});

test('fields that are not known do no harm', () => {
  assert.ok(decode('{"type":"ping","now":1,"weather":"fine"}'));
});

test('state events and ends are told apart', () => {
  assert.ok(isState(gateway.state('scanned', 2)) && !isEnd(gateway.state('scanned', 2)));
  assert.ok(isEnd(gateway.state('expired', 2)));
  assert.ok(!isState({ type: 'ping', now: 1 }));
});

test('every close code has its meaning, the unlisted that of their range', () => {
  const meanings = {
    1000: 'finished', 1001: 'lost', 1006: 'lost', 1011: 'lost', 1012: 'restart', 1013: 'overloaded',
    1002: 'refused', 1003: 'refused', 1007: 'refused', 1008: 'refused', 1009: 'refused',
    4400: 'refused', 4401: 'token_refused', 4403: 'refused', 4404: 'scene_gone', 4408: 'too_slow',
    4409: 'taken_over', 4410: 'redeemed', 4426: 'outdated', 4429: 'limited', 4499: 'refused', 1005: 'lost', 1015: 'lost',
  };
  for (const [code, meaning] of Object.entries(meanings)) assert.equal(closeMeaning(Number(code)), meaning, code);
});

test('an HTTP error means what its close code would', () => {
  const closes = { 40001: 4400, 40901: 4409, 40300: 4403, 40400: 4403, 40401: 4404, 40900: null, 41000: 4410, 42900: 4429, 50300: 1013, 50301: 1012, 50400: 1011 };
  for (const [code, close] of Object.entries(closes)) assert.equal(closeAfter(Number(code)), close, code);
});
