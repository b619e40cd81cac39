// The session client on the page of a product, whose origin is not the gateway's. Its people sign in by password, so no
// phone is needed.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';

import { launchBrowser, newProfile } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { REFUSED } from './person.mjs';
import { defer, shared } from './scope.mjs';

const PASSWORD = 'correct horse battery';
const TWO_HOURS = '02:00:00';

/** A server of its own origin: answers as it is told, and remembers what it was shown. */
async function startServer(t, answer) {
  const shown = [];
  const server = createServer((request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*').setHeader('Access-Control-Allow-Headers', 'Authorization');
    if (request.method === 'OPTIONS') return response.end();
    shown.push(request.headers.authorization);
    response.end(answer(response, shown.length));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { origin: `http://127.0.0.1:${server.address().port}`, shown };
}

function html(response) {
  response.setHeader('Content-Type', 'text/html');
  return '<!doctype html><title>product</title>';
}

describe('the session client', () => {
  const stage = shared(async (t) => {
    const product = await startServer(t, html);
    const gateway = await startGateway(t, {
      'apps.shop.name': 'Shop', 'apps.shop.origins': product.origin, 'accounts.enabled': true,
      'limits.token_per_address_per_min': 10_000, 'limits.registrations_per_address_per_hour': 100,
    });
    return { product, gateway, browser: await launchBrowser(t) };
  });

  /** A browser; how many calls that may set the cookie are under way in it at once, at most, is `most`. */
  async function comes(t) {
    const { context, complaints } = await newProfile(t, stage.browser);
    complaints.expect(REFUSED);
    const profile = { context, renewals: 0, most: 0 };
    let busy = 0;
    const isRenewal = (request) => new URL(request.url()).pathname === '/api/v1/auth/refresh';
    context.on('request', (request) => {
      if (!isRenewal(request)) return;
      profile.renewals += 1;
      profile.most = Math.max(profile.most, (busy += 1));
    });
    for (const end of ['requestfinished', 'requestfailed']) context.on(end, (request) => isRenewal(request) && (busy -= 1));
    return Object.assign(profile, { opens: (options) => opens(profile, options) });
  }

  /** A tab on the product, with its session as `session` and what that told as `told`. */
  async function opens({ context }, options = {}) {
    const page = await context.newPage();
    await page.goto(stage.product.origin);
    await page.evaluate(async (given) => {
      const { createSession } = await import(`${given.baseUrl}/assets/session/index.js`);
      globalThis.session = createSession(given);
      globalThis.told = [];
      for (const type of ['signed_in', 'signed_out']) session.addEventListener(type, ({ detail }) => told.push(detail.reason ?? detail.session_id));
    }, { baseUrl: stage.gateway.origin, app: 'shop', ...options });
    return page;
  }

  const signsUp = (page, username) => page.evaluate((credentials) => session.register(credentials), { username, password: PASSWORD });
  const state = (page) => page.evaluate(() => session.ready());
  const told = (page, count) => eventually('the tab is told', async () => {
    const words = await page.evaluate(() => globalThis.told);
    return words.length >= count && words;
  });

  test('twenty tabs that ask at once ask one after the other, and all are signed in', async (t) => {
    const profile = await comes(t);
    const first = await profile.opens();
    const { session_id } = await signsUp(first, 'twenty');
    const tabs = await Promise.all(Array.from({ length: 20 }, () => profile.opens()));
    const states = await Promise.all(tabs.map(state));
    assert.deepEqual(new Set(states.map((each) => each.session_id)), new Set([session_id]));
    const tokens = await Promise.all(tabs.map((page) => page.evaluate(() => session.getAccessToken())));
    assert.equal(new Set(tokens).size, 20);
    assert.deepEqual([profile.renewals, profile.most], [20, 1]);
  });

  test('a sign-in and a sign-out reach the other tabs', async (t) => {
    const profile = await comes(t);
    const tabs = [await profile.opens(), await profile.opens(), await profile.opens()];
    for (const page of tabs) assert.deepEqual(await state(page), { type: 'signed_out', reason: 'nobody' });
    const { session_id } = await signsUp(tabs[0], 'spreading');
    for (const page of tabs) assert.deepEqual(await told(page, 2), ['nobody', session_id]);
    await tabs[1].evaluate(() => session.signOut());
    assert.deepEqual((await told(tabs[0], 3)).at(-1), 'signed_out');
    assert.deepEqual((await told(tabs[1], 3)).at(-1), 'left');
    const refusal = await tabs[2].evaluate(() => session.getAccessToken().catch(({ name, reason }) => [name, reason]));
    assert.deepEqual(refusal, ['SignedOutError', 'signed_out']);
    await tabs[2].evaluate((credentials) => session.login(credentials), { username: 'spreading', password: PASSWORD });
    for (const page of tabs) assert.notEqual((await told(page, 4)).at(-1), session_id);
  });

  test('a machine that slept two hours has a new token with its first call', async (t) => {
    const profile = await comes(t);
    await profile.context.clock.install();
    const page = await profile.opens();
    await signsUp(page, 'sleeper');
    const before = await page.evaluate(() => session.getAccessToken());
    await profile.context.clock.fastForward(TWO_HOURS);
    const calls = await page.evaluate(async (url) => {
      const answers = await Promise.all(Array.from({ length: 10 }, () => session.fetch(url)));
      return answers.map(({ status }) => status);
    }, `${stage.gateway.origin}/api/v1/me`);
    assert.deepEqual(new Set(calls), new Set([200]));
    assert.notEqual(await page.evaluate(() => session.getAccessToken()), before);
    assert.equal(profile.renewals, 1);
  });

  test('the token is for allowed origins, is renewed when it is refused, and does not follow a redirect elsewhere', async (t) => {
    const elsewhere = await startServer(t, (response) => void response.writeHead(401));
    const fickle = await startServer(t, (response, count) => void response.writeHead(count === 1 ? 401 : 200));
    const leading = await startServer(t, (response) => void response.writeHead(302, { Location: elsewhere.origin }));
    const profile = await comes(t);
    const page = await profile.opens({ origins: [fickle.origin, leading.origin] });
    await signsUp(page, 'caller');
    const call = (url, init) => page.evaluate(async (args) => {
      const answer = await session.fetch(...args);
      return [answer.type, answer.status];
    }, [url, init]);
    assert.deepEqual(await call(fickle.origin, { method: 'POST', body: 'milk' }), ['cors', 200]);
    const [refused, taken] = fickle.shown;
    assert.match(refused, /^Bearer ey/);
    assert.match(taken, /^Bearer ey/);
    assert.notEqual(refused, taken);
    assert.deepEqual(await call(elsewhere.origin), ['cors', 401]);
    assert.deepEqual(await call(fickle.origin, { mode: 'no-cors' }), ['opaque', 0]);
    assert.equal(fickle.shown.at(-1), undefined);
    assert.deepEqual(await call(leading.origin), ['cors', 401]);
    assert.match(leading.shown[0], /^Bearer ey/);
    assert.deepEqual(elsewhere.shown, [undefined, undefined]);
    assert.deepEqual(await call(leading.origin, { redirect: 'manual' }), ['opaqueredirect', 0]);
    assert.equal(profile.renewals, 1);
  });

  test('closed, it hears of nothing', async (t) => {
    const profile = await comes(t);
    const [first, second] = [await profile.opens(), await profile.opens()];
    await signsUp(first, 'closing');
    await told(second, 1);
    await second.evaluate(() => session.close());
    await first.evaluate(() => session.signOut());
    await told(first, 2);
    assert.equal((await second.evaluate(() => globalThis.told)).length, 1);
    assert.equal(await second.evaluate(() => session.getAccessToken().catch(({ name }) => name)), 'AbortError');
  });
});
