import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Backoff, CEILING_MS, FLOOR_MS } from '../src/sdk/backoff.js';
import { isOrdered, retryIn } from '../src/sdk/retry.js';

test('the ceiling doubles from half a second to twenty', () => {
  const backoff = new Backoff(() => 1);
  const waits = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 20_000, 20_000]);
  assert.equal(waits[0], FLOOR_MS);
  assert.equal(waits.at(-1), CEILING_MS);
});

test('the jitter is full: from nothing to the ceiling', () => {
  assert.equal(new Backoff(() => 0).next(), 0);
  assert.equal(new Backoff(() => 0.5).next(), 250);
});

test('a reset begins small again', () => {
  const backoff = new Backoff(() => 1);
  backoff.next();
  backoff.next();
  backoff.reset();
  assert.equal(backoff.next(), 500);
});

test('the wait after a close follows its meaning', () => {
  const wait = (meaning, asked, random = 1) => retryIn(meaning, asked, new Backoff(() => random), () => random);
  assert.equal(wait('lost'), 500);
  assert.equal(wait('lost', 3_000), 3_000);
  assert.equal(wait('scene_gone', undefined, 0), 0);
  assert.equal(wait('restart', 2_500), 2_500);
  assert.equal(wait('restart', undefined, 0), 1_000);
  assert.equal(wait('restart', undefined, 1), 10_000);
  assert.equal(wait('overloaded', 1_000), 5_000, 'never sooner than 5 s');
  assert.equal(wait('overloaded', 9_000), 9_000);
  assert.equal(wait('limited', 42_000), 42_000);
  for (const meaning of ['finished', 'refused', 'token_refused', 'taken_over', 'redeemed', 'outdated']) {
    assert.equal(wait(meaning), null, meaning);
  }
});

test('only waits the gateway named may not be cut short', () => {
  assert.ok(isOrdered('limited') && isOrdered('overloaded') && isOrdered('restart'));
  assert.ok(!isOrdered('lost') && !isOrdered('scene_gone'));
});
