// A back end behind the guard: what nginx, Caddy and Envoy let through with the files that are shipped.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, startBackend } from './backend.mjs';
import { Desk, launchBrowser } from './browser.mjs';
import { startCaddy } from './caddy.mjs';
import { ENVOY, startEnvoy } from './envoy.mjs';
import { startBehindNginx } from './nginx.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

/** The certificate is nobody's. */
const OPTIONS = { ignoreHTTPSErrors: true };
const SHOP = { 'apps.shop.name': 'Shop', 'apps.shop.origins': '{origin}', 'apps.shop.flows': 'h5' };
const PAGE = { accept: 'text/html,*/*;q=0.8' };
/** Out of a public path, for back ends that cut off `;…`, take a backslash for a slash, or decode, even twice. */
const WAYS_OUT = [
  '../7', '%2e%2e/7', '.%2E/7', '..%2f7', '..%5c7', '..\\7', '.;/../7', '..;/7', '..;a=b/7', '..%3b/7', '%2e%2e;/7', '%2e%2e%3B/7',
  './..;/7', 'a/..;/..;/7', 'a;/../..;/7', '..%252f7', '%252e%252e/7', '..%00/7', '..%09/7', '..%c0%af7', '%c0%ae%c0%ae/7', '..//7',
];

describe('guard', () => {
  const stage = shared(async (t) => {
    const backend = await startBackend(t);
    const behind = await startBehindNginx(t, SHOP, { wechatByHttps: false, backend: backend.port });
    const caddy = await startCaddy(t, behind.ports, behind.pair);
    const { host } = new URL(behind.gateway.origin);
    const proxies = { nginx: { port: behind.ports.tls, host }, Caddy: { port: caddy, host } };
    if (ENVOY) proxies.Envoy = { port: await startEnvoy(t, behind.ports, behind.pair, host), host };
    return { ...behind, backend, proxies, browser: await launchBrowser(t) };
  });
  /** What the first test leaves to the others. */
  const person = {};

  test('somebody who wants a page signs in first and then sees it', async (t) => {
    const { browser, gateway, backend } = stage;
    const user = await gateway.addUser({ id: 'reader', name: 'Reader' });
    const phone = await Phone.of(t, browser, gateway, user, OPTIONS);
    const wanted = `${gateway.origin}/reports/7?a=1&app=2`;
    const desk = await Desk.open(t, browser, gateway, { ...OPTIONS, query: 'reports/7?a=1&app=2' });
    assert.equal(desk.page.url(), `${gateway.origin}/#return=/reports/7?a=1&app=2`);
    assert.deepEqual(backend.heard, []);
    const redeemed = desk.page.waitForResponse((answer) => answer.url().endsWith('/api/v1/auth/token'));
    await phone.signsInForTheFirstTime(await desk.code());
    const { data } = await (await redeemed).json();
    await desk.page.waitForURL(wanted);
    await desk.sees(`Hello ${data.user.id}`);

    await desk.page.goto(`${gateway.addresses.page}?app=shop`);
    await phone.scans(await desk.code());
    await phone.confirms();
    await desk.page.waitForURL(`${gateway.origin}/app?app=shop`);
    const jar = await desk.page.context().cookies(gateway.origin);
    const named = (name) => jar.find((cookie) => cookie.name === name);
    Object.assign(person, {
      id: data.user.id,
      session: data.session_id,
      bearer: { authorization: `Bearer ${data.access_token}` },
      cookie: { cookie: `theme=dark; ${jar.map(({ name, value }) => `${name}=${value}`).join('; ')}; lang=en` },
      shop: { cookie: `__Host-scangate=${named('__Host-scangate-shop').value}; __Host-scangate-shop=${named('__Host-scangate-shop').value}` },
    });
  });

  /** What the back end saw of `x-auth-*`, in whatever spelling. */
  const told = ({ seen }) => seen.headers.filter(([name]) => /^x[-_]auth/.test(name));

  const asThePerson = () => [['x-auth-app', 'default'], ['x-auth-session', person.session], ['x-auth-user', person.id]];

  for (const name of ['nginx', 'Caddy', 'Envoy']) {
    const skip = name === 'Envoy' && !ENVOY && 'no Envoy here: set ENVOY to its path';
    describe(`behind ${name}`, { skip }, () => {
      const call = (path, options) => ask(stage.proxies[name], path, options);

      test('the back end learns who calls, by cookie or token', async () => {
        for (const proof of [person.cookie, person.bearer]) {
          const answer = await call('/reports/7?a=1', { method: 'POST', headers: { ...proof, 'content-type': 'text/plain' }, body: 'a body' });
          assert.equal(answer.status, 200);
          const { method, url, body } = answer.seen;
          assert.deepEqual({ method, url, body }, { method: 'POST', url: '/reports/7?a=1', body: 'a body' });
          assert.deepEqual(told(answer).sort(), asThePerson());
        }
      });

      test('it sees the visitor as the proxy does, and none of the gateway’s cookies', async () => {
        const forged = { 'x-forwarded-for': '198.51.100.1', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'evil.example', forwarded: 'for=198.51.100.1' };
        const { seen } = await call('/reports/', { headers: { ...person.cookie, ...forged } });
        const values = (wanted) => seen.headers.filter(([name]) => name === wanted).map(([, value]) => value);
        // For a visitor on loopback Envoy writes another address of this machine.
        assert.match(values('x-forwarded-for').join(), name === 'Envoy' ? /^(?!198)[\d.]+$/ : /^127\.0\.0\.1$/);
        assert.deepEqual(values('x-forwarded-proto'), ['https']);
        assert.deepEqual(values('x-forwarded-host'), [stage.proxies[name].host]);
        assert.deepEqual(values('host'), [stage.proxies[name].host]);
        assert.deepEqual(values('forwarded'), []);
        assert.deepEqual(values('cookie'), ['theme=dark; lang=en']);
      });

      test('what a visitor says of themselves never arrives', async () => {
        const forged = {
          'X-Auth-User': ['somebody', 'else'], 'x-auth-session': 'a', 'X-AUTH-APP': 'shop', X_Auth_User: 'b', 'X-Auth_User': 'c', 'x_auth-user': 'd',
        };
        const guarded = await call('/reports/7', { headers: { ...forged, ...person.cookie } });
        assert.deepEqual(told(guarded).sort(), asThePerson());
        const open = await call('/reports/public/7', { headers: { ...forged, ...person.cookie } });
        assert.equal(open.status, 200);
        assert.deepEqual(told(open), []);
      });

      test('without a proof pages lead to the login page, and calls are refused', async () => {
        const before = stage.backend.heard.length;
        for (const headers of [{}, { cookie: '__Host-scangate=x' }, { authorization: 'Bearer x', ...person.cookie }, person.shop]) {
          const page = await call('/reports/7?a=1&b=%2F', { headers: { ...PAGE, ...headers, 'x-auth-user': person.id } });
          assert.equal(page.status, 302);
          assert.equal(page.headers.location, '/#return=/reports/7?a=1&b=%2F');
          for (const options of [{}, { method: 'POST', headers: PAGE, body: 'a body' }]) {
            const answer = await call('/reports/7', { ...options, headers: { ...options.headers, ...headers } });
            assert.equal(answer.status, 401);
            assert.match(answer.headers['www-authenticate'], /^Bearer/);
          }
        }
        for (const path of ['/reports/../reports/7', '//reports/7', '/%72eports/7']) {
          const answer = await call(path);
          assert.ok(answer.status === 401 || answer.status === 404, `${path}: ${answer.status}`);
        }
        assert.equal(stage.backend.heard.length, before, 'nothing came through');
      });

      test('a public part is for everybody, and no way into the rest', async () => {
        for (const path of ['', '7', 'a/b_c-d/e.min.js', 'a/', '?next=../%2e%2e;']) {
          const { status, seen } = await call(`/reports/public/${path}`);
          assert.equal(status, 200, path);
          assert.equal(seen.url, `/reports/public/${path}`);
        }
        const before = stage.backend.heard.length;
        for (const way of WAYS_OUT) {
          const { status } = await call(`/reports/public/${way}`);
          assert.ok([400, 401, 404].includes(status), `${way}: ${status}`);
        }
        assert.equal(stage.backend.heard.length, before, 'nothing came through');
        assert.equal((await call('/reports/public/%E6%96%87', { headers: person.cookie })).status, 200, 'whoever is signed in sees the rest');
      });

      test('a WebSocket passes with its person, and not without', async () => {
        const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
        const answer = await call('/reports/socket', { headers: { ...upgrade, ...person.cookie } });
        assert.equal(answer.status, 101);
        assert.equal(answer.headers['x-seen'], person.id);
        const echo = new Promise((resolve) => answer.socket.once('data', (data) => resolve(String(data))));
        answer.socket.write('hello');
        assert.equal(await echo, 'hello');
        answer.socket.destroy();
        assert.equal((await call('/reports/socket', { headers: upgrade })).status, 401);
      });

      test('nobody reaches the guard’s own address', async () => {
        const answer = await call('/_scangate/verify', { headers: person.cookie });
        assert.equal(answer.status, 404);
        assert.equal(answer.headers['x-auth-user'], undefined);
      });
    });
  }

  test('a session that was ended is refused at once', async () => {
    const { proxies, gateway } = stage;
    const origin = { origin: gateway.origin, 'content-type': 'application/json' };
    const out = await ask(proxies.nginx, '/api/v1/auth/logout', { method: 'POST', headers: { ...origin, ...person.bearer }, body: '{}' });
    assert.equal(out.status, 200);
    for (const proxy of Object.values(proxies)) {
      for (const proof of [person.cookie, person.bearer]) {
        assert.equal((await ask(proxy, '/reports/7', { headers: proof })).status, 401);
      }
    }
  });

  test('without the gateway nobody passes', async () => {
    const before = stage.backend.heard.length;
    await stage.gateway.stop();
    for (const proxy of Object.values(stage.proxies)) {
      for (const headers of [person.cookie, person.bearer, { 'x-auth-user': person.id }]) {
        const { status } = await ask(proxy, '/reports/7', { headers: { ...PAGE, ...headers } });
        assert.ok(status >= 500, String(status));
      }
    }
    assert.equal(stage.backend.heard.length, before, 'nothing came through');
  });
});
