// Many tabs of one browser and one cookie, against a gateway that takes an old cookie for stolen.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { FakeBrowser } from './fake-browser.js';
import { FakeSessions, GRACE_MS } from './fake-sessions.js';
import { FakeClock, settle } from './fake-time.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const ORDERS = 'https://shop.example.com/orders';

let clock, browser, gateway;

beforeEach(() => {
  clock = new FakeClock();
  gateway = new FakeSessions(clock);
  browser = new FakeBrowser({ clock, fetch: gateway.fetch });
  gateway.signIn();
});

/** Tabs that know who is signed in; the first is the one that is looked at. */
async function tabs(count) {
  const all = Array.from({ length: count }, (_, index) => browser.tab({ isSeen: index === 0 }));
  await Promise.all(all.map((each) => each.ready()));
  return all;
}

/** Until nobody asks any more. */
async function quiet() {
  for (let before = -1; before !== gateway.lines.length;) {
    before = gateway.lines.length;
    for (let turn = 0; turn < 5; turn += 1) await settle();
  }
}

const renewals = () => gateway.lines.filter((line) => line === 'POST /auth/refresh').length;
const types = (all) => new Set(all.map(({ state }) => state.reason ?? state.type));

test('twenty tabs restored at once ask one after the other, and each has a token of its own', async () => {
  gateway.thither = settle;
  const all = await tabs(20);
  assert.deepEqual(types(all), new Set(['signed_in']));
  assert.equal(new Set(all.map(({ client }) => client.accessToken)).size, 20);
  assert.deepEqual([gateway.most, renewals()], [1, 20]);
});

test('of twenty tabs the one that is looked at renews', async () => {
  const all = await tabs(20);
  clock.advance(HOUR);
  await quiet();
  assert.equal(renewals(), 21, 'the others were not seen; this one awaits its answer');
  clock.advance(9 * MINUTE);
  await quiet();
  assert.equal(renewals(), 22);
  for (const each of all) void each.see();
  await quiet();
  assert.equal(renewals(), 22 + 19);
  assert.equal(gateway.most, 1);
  assert.deepEqual(types(all), new Set(['signed_in']));
});

test('twenty tabs learn of a sign-in, and of a sign-out, without twenty calls at once', async () => {
  const all = await tabs(20);
  await all[3].signOut();
  assert.deepEqual(types(all), new Set(['left', 'signed_out']));
  assert.equal(renewals(), 20);
  for (const { page } of all) page.isSeen = true;
  gateway.thither = settle;
  await all[7].redeem('grant', 'verifier');
  await quiet();
  assert.deepEqual([gateway.most, renewals()], [1, 39]);
  assert.deepEqual(new Set(all.map(({ state }) => state.session_id)), new Set(['s2']));
});

test('two tabs that race without locks both stay signed in, whatever is lost', async () => {
  browser.hasLocks = false;
  const all = await tabs(2);
  for (let round = 0; round < 6; round += 1) {
    clock.advance(GRACE_MS + 1);
    let loses = 1;
    gateway.hither = async () => {
      await settle();
      if (loses-- > 0) throw new TypeError('network');
    };
    await Promise.all(all.map((each) => each.renew()));
  }
  assert.ok(gateway.most > 1);
  assert.deepEqual(types(all), new Set(['signed_in']));
});

test('an answer that was lost is asked for again before anybody else asks', async () => {
  const [first, second] = await tabs(2);
  clock.advance(GRACE_MS + 1);
  let loses = 1;
  gateway.hither = async () => {
    if (loses-- > 0) throw new TypeError('network');
  };
  await Promise.all([first.renew(), second.renew()]);
  assert.equal(gateway.cookie, 's1.2', 'the cookie that was on its way');
  assert.equal(renewals(), 2 + 3);
  clock.advance(2 * GRACE_MS);
  await second.renew();
  assert.deepEqual(types([first, second]), new Set(['signed_in']));
});

test('a tab that is asked while another signs out has no session afterwards, and the cookie is gone', async () => {
  const [first, second] = await tabs(2);
  clock.slept(HOUR);
  gateway.thither = settle;
  const order = await Promise.allSettled([second.getAccessToken(), first.signOut(), second.getAccessToken(), first.getAccessToken()]);
  assert.deepEqual(order.map(({ reason }) => reason?.reason), [undefined, undefined, undefined, 'left']);
  await assert.rejects(second.getAccessToken(), { name: 'SignedOutError', reason: 'signed_out' });
  assert.equal(gateway.cookie, '');
  assert.deepEqual(types([first, second]), new Set(['left', 'signed_out']));
});

test('after two hours of sleep the first call gets a new token, and the rest wait for it', async () => {
  const [session] = await tabs(1);
  clock.slept(2 * HOUR);
  session.wake();
  const answers = await Promise.all(Array.from({ length: 10 }, () => session.fetch(ORDERS)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  assert.equal(renewals(), 2);
});

test('a session that ended during the sleep is over when the page wakes', async () => {
  const all = await tabs(3);
  gateway.end('signed_out_elsewhere');
  clock.slept(2 * HOUR);
  for (const each of all) each.wake();
  await quiet();
  assert.deepEqual(types(all), new Set(['signed_out_elsewhere']));
  assert.equal(renewals(), 4, 'the first that asked has told the others');
});

for (const [how, ahead] of [['slow', 10 * MINUTE], ['fast', -10 * MINUTE]]) {
  test(`a machine whose clock is ten minutes ${how} renews as any other`, async () => {
    gateway.ahead = ahead;
    const [session] = await tabs(1);
    for (let minute = 0; minute < 30; minute += 1) {
      clock.advance(MINUTE);
      await settle();
      assert.equal((await session.fetch(ORDERS)).status, 200);
    }
    assert.deepEqual([renewals(), gateway.lines.length - renewals()], [1 + 3, 30], 'nothing was refused');
  });
}

for (const [how, ms] of [['forward', 10 * MINUTE], ['back', -10 * MINUTE]]) {
  test(`a clock that is set ${how} ten minutes costs one renewal at most`, async () => {
    const [session] = await tabs(1);
    clock.advance(5 * MINUTE);
    clock.slept(ms);
    gateway.ahead -= ms;
    assert.equal((await session.fetch(ORDERS)).status, 200);
    for (let minute = 0; minute < 20; minute += 1) {
      clock.advance(MINUTE);
      await settle();
      assert.equal((await session.fetch(ORDERS)).status, 200);
    }
    assert.ok(renewals() <= 1 + 2 + 1, `${renewals()} renewals in 25 minutes`);
  });
}

test('a clock that is set back in a hidden page is found out by the first call that is refused', async () => {
  const [, session] = await tabs(2);
  clock.slept(-HOUR);
  gateway.ahead += HOUR;
  clock.slept(10 * MINUTE);
  assert.equal((await session.fetch(ORDERS)).status, 200);
  assert.deepEqual(gateway.lines.slice(-3), ['GET /orders', 'POST /auth/refresh', 'GET /orders']);
});

test('a storm of refused calls, some of them late, shares one renewal', async () => {
  const [session] = await tabs(1);
  gateway.changeKeys();
  const storm = Array.from({ length: 50 }, () => session.fetch(ORDERS));
  storm.push(session.sessions());
  const late = session.getAccessToken().then((token) => settle().then(() => gateway.fetch(new Request(ORDERS, { headers: { Authorization: `Bearer ${token}` } }))));
  assert.equal((await late).status, 401);
  const answers = await Promise.all(storm);
  assert.deepEqual(new Set(answers.slice(0, 50).map(({ status }) => status)), new Set([200]));
  assert.equal(renewals(), 2);
});

test('a call that is refused because the session is over is answered so, and ends it in all tabs', async () => {
  const all = await tabs(3);
  gateway.end('password_changed');
  const answers = await Promise.all(all.map((each) => each.fetch(ORDERS).catch((cause) => cause.name)));
  assert.deepEqual(answers.map((each) => each.status ?? each), [401, 401, 401]);
  assert.deepEqual(types(all), new Set(['password_changed']));
  assert.equal(renewals(), 4);
});
