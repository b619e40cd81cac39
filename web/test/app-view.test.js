import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { beforeEach, test } from 'node:test';
import { Window } from 'happy-dom';

import { AppView } from '../src/page/app-view.js';
import { en } from '../src/page/i18n/en.js';
import { zhCN } from '../src/page/i18n/zh-cn.js';
import { ago, minutes } from '../src/page/time-words.js';
import { settle } from './fake-time.js';

const html = readFileSync(new URL('../app.html', import.meta.url), 'utf8').replace(/<(script|link)[^>]*>(<\/script>)?/g, '');
const NOW = Date.UTC(2026, 10, 22, 12);
const MINUTE = 60_000;
const signedIn = { type: 'signed_in', user: { id: 'u1', name: '李小龙' }, session_id: 's1' };
const here = { id: 's1', current: true, app: 'default', browser: 'Chrome', system: 'Windows', ip: '192.0.2.1', place: 'Shanghai', created_at: NOW - 60 * MINUTE, last_seen_at: NOW };
const phone = { ...here, id: 's2', current: false, browser: 'WeChat', system: 'iOS', last_seen_at: NOW - 5 * MINUTE };
const ready = (...sessions) => ({ name: 'ready', sessions, ending: new Set(), notEnded: false });

let document, view, did, works;
const part = (name) => document.querySelector(`[data-part="${name}"]`);
const rows = () => [...part('sessions').children];

beforeEach(() => {
  const window = new Window({ url: 'https://login.example.com/app' });
  window.document.write(html);
  document = window.document;
  did = [];
  works = true;
  view = new AppView(document, {
    signOut: (everywhere) => did.push(['signOut', everywhere]), retry: () => did.push('retry'), reload: () => did.push('reload'),
    end: async (id) => {
      did.push(id);
      return works;
    },
  });
});

function show(state, more) {
  view.show({
    state, list: { name: 'loading' }, app: 'default', renewsInMs: 545_000, leaving: false, failed: false, signInUrl: '/?app=shop',
    now: NOW, locale: 'en', strings: en, ...more,
  });
}

test('it says who is here, and for how long', () => {
  show(signedIn);
  assert.deepEqual(['who', 'user', 'session', 'token'].map((name) => part(name).textContent), ['李小龙', 'u1', 's1', 'renews in 9:05']);
  part('everywhere').click();
  part('sign-out').click();
  assert.deepEqual(did, [['signOut', true], ['signOut', false]]);
});

test('a session is shown by device, place, address and time; this one has a mark and no button', () => {
  show(signedIn, { list: ready(here, phone) });
  const [first, second] = rows();
  assert.match(first.textContent, /^Chrome · WindowsThis deviceShanghai · 192\.0\.2\.1Active now/);
  assert.ok(first.querySelector('button').hidden);
  assert.match(second.textContent, /^WeChat · iOSShanghai · 192\.0\.2\.1Last used 5 minutes agoSigned in on .*2026/);
  assert.equal(second.querySelector('time').dateTime, '2026-11-22T11:55:00.000Z');
  assert.equal(second.querySelector('button').getAttribute('aria-label'), 'Sign out: WeChat · iOS · Shanghai');
  assert.ok(part('skeleton').hidden);
});

test('what the gateway does not know is left out, and another app is named', () => {
  const { place: _, ...nowhere } = phone;
  show(signedIn, { list: ready({ ...nowhere, app: 'shop' }) });
  assert.equal(rows()[0].querySelector('.where').textContent, '192.0.2.1 · shop');
});

test('a row stays the same element, whatever changes in it', () => {
  show(signedIn, { list: ready(here, phone) });
  const [, row] = rows();
  show(signedIn, { list: ready(here, { ...phone, id: 's3' }, { ...phone, last_seen_at: NOW - 30 * MINUTE }), locale: 'zh-CN', strings: zhCN });
  assert.equal(rows()[2], row);
  assert.match(row.textContent, /上次使用：30分钟前/);
});

test('signing a session out: once, busy meanwhile, then said, with the focus on the list', async () => {
  show(signedIn, { list: ready(here, phone) });
  const button = rows()[1].querySelector('button');
  button.focus();
  button.click();
  show(signedIn, { list: { ...ready(here, phone), ending: new Set(['s2']) } });
  button.click();
  assert.deepEqual(did, ['s2']);
  assert.equal(button.textContent, en.appSigningOut);
  show(signedIn, { list: ready(here) });
  await settle();
  show(signedIn, { list: ready(here) });
  assert.equal(part('list-status').textContent, 'Signed out: WeChat · iOS');
  assert.equal(document.activeElement, part('list-name'));
});

test('a session that could not be signed out is told', async () => {
  works = false;
  show(signedIn, { list: ready(here, phone) });
  rows()[1].querySelector('button').click();
  await settle();
  show(signedIn, { list: { ...ready(here, phone), notEnded: true } });
  assert.equal(part('list-alert').textContent, en.sessionNotEnded);
  assert.equal(part('list-status').textContent, '');
});

test('the list can fail and be asked for again, and it can be empty', () => {
  show(signedIn, { list: { name: 'failed' } });
  assert.equal(part('list-note').textContent, en.sessionsFailed);
  part('reload').click();
  assert.deepEqual(did, ['reload']);
  show(signedIn, { list: ready() });
  assert.equal(part('list-note').textContent, en.sessionsEmpty);
});

test('whoever is signed out reads why and where to sign in, and nothing of the person is left', () => {
  show(signedIn, { list: ready(here, phone) });
  const words = new Set();
  for (const reason of ['signed_out', 'signed_out_elsewhere', 'signed_out_everywhere', 'replaced', 'reuse', 'grant_burnt', 'password_changed', 'merged', 'erased', 'expired', 'unknown']) {
    show({ type: 'signed_out', reason }, { list: ready(here, phone) });
    words.add(`${part('sentence').textContent} ${part('detail').textContent}${part('warning').textContent}`);
    assert.equal(Boolean(part('warning').textContent), ['reuse', 'grant_burnt'].includes(reason), reason);
  }
  assert.equal(words.size, 11);
  assert.equal(part('sign-in').getAttribute('href'), '/?app=shop');
  assert.ok(!part('sign-in').hidden && part('list').hidden && part('sign-out').hidden);
  assert.doesNotMatch(document.body.textContent, /李小龙|u1|s1|WeChat · iOS/);
});

test('a reason that is not known is an end like any other', () => {
  for (const reason of ['eclipse', 'constructor']) {
    show({ type: 'signed_out', reason });
    assert.equal(part('sentence').textContent, en.endedUnknown);
  }
});

test('times are told as people tell them', () => {
  const words = [0, -5, MINUTE, 59 * MINUTE, 3 * 60 * MINUTE, 24 * 60 * MINUTE, 29 * 24 * 60 * MINUTE].map((past) => ago(NOW - past, NOW, 'en'));
  assert.deepEqual(words, ['now', 'now', '1 minute ago', '59 minutes ago', '3 hours ago', 'yesterday', '29 days ago']);
  assert.match(ago(NOW - 40 * 24 * 60 * MINUTE, NOW, 'en'), /2026/);
  assert.equal(ago(NOW - 24 * 60 * MINUTE, NOW, 'zh-CN'), '昨天');
  assert.deepEqual([minutes(545_000), minutes(1)], ['9:05', '0:01']);
});
