// Cookies over https as Chromium keeps them, and what pages of others can do with them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser, newProfile } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startBehindNginx } from './nginx.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

/** The certificate is nobody's. */
const OPTIONS = { ignoreHTTPSErrors: true };
/** Another site, and a neighbour: same-site with the gateway, but not its host. */
const [EVIL, NEIGHBOUR] = ['evil.localhost', 'shop.scangate.localhost'];
const SHOP = { 'apps.shop.name': 'Shop', 'apps.shop.origins': '{origin}', 'apps.shop.flows': 'h5' };

describe('cookies', () => {
  // One person at one computer, signed in from the first test to the last.
  const stage = shared(async (t) => {
    const browser = await launchBrowser(t);
    const behind = await startBehindNginx(t, SHOP, { wechatByHttps: false, besides: [EVIL, NEIGHBOUR] });
    const user = await behind.gateway.addUser({ id: 'visited', name: 'Person' });
    const phone = await Phone.of(t, browser, behind.gateway, user, OPTIONS);
    const desk = await Desk.open(t, browser, behind.gateway, OPTIONS);
    await phone.signsInForTheFirstTime(await desk.code());
    await desk.isSignedInAs(user.name);
    return { ...behind, browser, phone, desk };
  });

  const elsewhere = (host) => `https://${host}:${stage.ports.tls}/`;

  /** A cookie of the gateway. */
  async function cookie(name = '__Host-scangate') {
    const jar = await stage.desk.page.context().cookies(stage.gateway.origin);
    return jar.find((one) => one.name === name);
  }

  /** What a call of this page is answered: its status, and its code where it may be read. */
  function calls(page, path, options = {}) {
    return page.evaluate(async ([url, init]) => {
      try {
        const answer = await fetch(url, { method: 'POST', credentials: 'include', headers: { 'content-type': 'application/json' }, body: '{}', ...init });
        return { status: answer.status, type: answer.type, code: answer.type === 'opaque' ? null : (await answer.json()).code };
      } catch {
        return { status: 0, type: 'refused' };
      }
    }, [`${stage.gateway.origin}/api/v1${path}`, options]);
  }

  test('the session’s cookie is no other’s to read or to send', async () => {
    const { name, domain, path, httpOnly, secure, sameSite, expires } = await cookie();
    assert.deepEqual({ name, domain, path, httpOnly, secure, sameSite }, {
      name: '__Host-scangate', domain: 'login.scangate.localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax',
    });
    const left = expires - Date.now() / 1000;
    assert.ok(left > 604_000 && left <= 604_800, String(left));
    assert.equal(await stage.desk.page.evaluate(() => document.cookie), '', 'no script reads it');
  });

  test('a page of another site gets nothing and changes nothing', async () => {
    const { gateway, desk } = stage;
    const { page } = desk;
    const statuses = [];
    page.on('response', (answer) => answer.request().method() === 'POST' && statuses.push(answer.status()));
    for (const host of [EVIL, NEIGHBOUR]) {
      const before = await cookie();
      statuses.length = 0;
      desk.complaints.expect(/CORS policy|net::ERR_FAILED|net::ERR_BLOCKED_BY_RESPONSE|status of 40[013]/);
      await page.goto(elsewhere(host));
      for (const path of ['/auth/refresh', '/auth/logout', '/scenes']) {
        assert.deepEqual(await calls(page, path), { status: 0, type: 'refused' }, path);
        const simple = { mode: 'no-cors', headers: { 'content-type': 'text/plain' } };
        assert.equal((await calls(page, path, simple)).type, 'opaque', path);
      }
      for (const path of ['/me', '/auth/verify']) {
        assert.equal((await calls(page, path, { method: 'GET', body: undefined })).type, 'refused', path);
      }
      // Whether an answer loads would tell who is signed in.
      const loads = await page.evaluate((url) => new Promise((resolve) => {
        const script = Object.assign(document.createElement('script'), { src: url, onload: () => resolve(true), onerror: () => resolve(false) });
        document.body.append(script);
      }), `${gateway.origin}/api/v1/auth/verify`);
      assert.equal(loads, false);
      for (const path of ['/auth/refresh', '/auth/logout']) {
        await page.goto(elsewhere(host));
        const posted = page.waitForResponse((answer) => answer.url().endsWith(path));
        await page.evaluate((url) => {
          const form = Object.assign(document.createElement('form'), { method: 'post', action: url, enctype: 'text/plain' });
          form.append(Object.assign(document.createElement('input'), { name: '{"a":"', value: '"}' }));
          document.body.append(form);
          form.submit();
        }, `${gateway.origin}/api/v1${path}`);
        await posted;
        await page.waitForURL(`${gateway.origin}/api/v1${path}`);
      }
      assert.ok(statuses.length >= 5, String(statuses));
      assert.deepEqual(statuses.filter((status) => status !== 400 && status !== 403), []);
      assert.equal((await cookie()).value, before.value, 'nothing was rotated');
      await page.goto(`${gateway.origin}/app`);
      await desk.isSignedInAs('Person');
    }
  });

  test('a neighbour can neither set nor shadow the cookie', async (t) => {
    const { context } = await newProfile(t, stage.browser, OPTIONS);
    const page = await context.newPage();
    await page.goto(elsewhere(NEIGHBOUR));
    await page.evaluate(() => {
      for (const attributes of ['Domain=scangate.localhost; Path=/', 'Path=/', 'Domain=scangate.localhost; Path=/api/v1/auth/refresh']) {
        document.cookie = `__Host-scangate=planted; Secure; ${attributes}`;
        document.cookie = `__host-scangate=planted; Secure; ${attributes}`;
      }
    });
    const jar = await context.cookies(`${stage.gateway.origin}/api/v1/auth/refresh`);
    assert.deepEqual(jar.filter(({ name }) => name.toLowerCase() === '__host-scangate'), []);
  });

  test('each app has a cookie of its own, and signing out of one leaves the other', async () => {
    const { gateway, desk, phone } = stage;
    const ours = await cookie();
    await desk.page.goto(`${gateway.addresses.page}?app=shop`);
    await phone.scans(await desk.code());
    await phone.confirms();
    await desk.page.waitForURL(`${gateway.origin}/app?app=shop`);
    await desk.sees('Person');
    assert.notEqual((await cookie('__Host-scangate-shop')).value, ours.value);
    assert.equal((await cookie()).value, ours.value);

    await desk.signsOut();
    // The page may be there a moment before the cookie jar has been written.
    await eventually('its cookie is gone', async () => !(await cookie('__Host-scangate-shop')));
    assert.equal((await calls(desk.page, '/auth/refresh')).status, 200);
  });

  test('signing out takes what pages have stored but the language, and no cookie but its own', async () => {
    const { gateway, desk } = stage;
    await desk.page.goto(`${gateway.origin}/app`);
    await desk.isSignedInAs('Person');
    await desk.speaks('zh-CN');
    const known = await cookie('__Host-scangate-b');
    await desk.page.evaluate(() => localStorage.setItem('draft', 'of a guarded page'));
    await desk.signsOut();
    assert.deepEqual(await desk.page.evaluate(() => Object.keys(localStorage)), ['scangate.lang']);
    await eventually('the cookie is gone', async () => !(await cookie()));
    assert.equal((await cookie('__Host-scangate-b')).value, known.value, 'the browser is known again');
  });
});
