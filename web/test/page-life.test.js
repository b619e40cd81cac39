// What the page goes through, told to whoever asked.

import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { isOnline, isVisible, watchPage } from '../src/sdk/page-life.js';

let heard, ended, page;

beforeEach(() => {
  heard = [];
  ended = new AbortController();
  page = new EventTarget();
  page.hidden = false;
  const window = new EventTarget();
  Object.assign(globalThis, { document: page, addEventListener: window.addEventListener.bind(window), dispatch: window.dispatchEvent.bind(window) });
  mock.timers.reset();
  mock.timers.enable({ apis: ['setInterval', 'Date'] });
  watchPage({ wake: () => heard.push('wake'), suspend: () => heard.push('suspend'), unsuspend: () => heard.push('unsuspend') }, ended.signal);
});

const see = (state) => {
  page.hidden = state === 'hidden';
  page.dispatchEvent(new Event('visibilitychange'));
};

test('it is told when the page is seen again, not when it is hidden', () => {
  see('hidden');
  assert.deepEqual([heard, isVisible()], [[], false]);
  see('visible');
  assert.deepEqual([heard, isVisible()], [['wake'], true]);
});

test('it is told when the network is back, where somebody sees the page', () => {
  globalThis.dispatch(new Event('online'));
  assert.deepEqual(heard, ['wake']);
  page.hidden = true;
  globalThis.dispatch(new Event('online'));
  assert.deepEqual(heard, ['wake']);
});

test('put away, and brought back from the back/forward cache', () => {
  globalThis.dispatch(new Event('pagehide'));
  globalThis.dispatch(Object.assign(new Event('pageshow'), { persisted: false }));
  globalThis.dispatch(Object.assign(new Event('pageshow'), { persisted: true }));
  assert.deepEqual(heard, ['suspend', 'unsuspend']);
});

const pass = (seconds) => {
  for (let second = 0; second < seconds; second += 1) mock.timers.tick(1_000);
};

test('a machine that slept is noticed by its clock', () => {
  pass(60);
  assert.deepEqual(heard, []);
  mock.timers.setTime(Date.now() + 7_200_000);
  pass(5);
  assert.deepEqual(heard, ['wake']);
  pass(60);
  assert.deepEqual(heard, ['wake']);
});

test('ended, nothing is told any more', () => {
  ended.abort();
  see('visible');
  globalThis.dispatch(new Event('online'));
  globalThis.dispatch(new Event('pagehide'));
  mock.timers.setTime(Date.now() + 7_200_000);
  pass(5);
  assert.deepEqual(heard, []);
});

test('outside a browser there is no page to watch, and somebody always sees it', () => {
  delete globalThis.document;
  watchPage({ wake: assert.fail, suspend: assert.fail, unsuspend: assert.fail }, ended.signal);
  assert.ok(isVisible() && isOnline());
});
