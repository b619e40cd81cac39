// Cookies over https as Chromium keeps them, and what pages of others can do with them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser, newProfile } from './browser.mjs';
import { startBehindNginx } from './nginx.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

/** The certificate is nobody's. */
const OPTIONS = { ignoreHTTPSErrors: true };
/** Another site, and a neighbour: same-site with the gateway, but not its host. */
const [EVIL, NEIGHBOUR] = ['evil.localhost', 'shop.scangate.localhost'];
const SHOP = { 'apps.shop.name': 'Shop', 'apps.shop.origins': '{origin}', 'apps.shop.flows': 'h5' };

describe('cookies', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    ...(await startBehindNginx(t, SHOP, { wechatByHttps: false, besides: [EVIL, NEIGHBOUR] })),
  }));

  async function person(t, id) {
    const { gateway, browser } = stage;
    const user = await gateway.addUser({ id, name: `Person ${id}` });
    return { phone: await Phone.of(t, browser, gateway, user, OPTIONS), desk: await Desk.open(t, browser, gateway, OPTIONS) };
  }

  const elsewhere = (host) => `https://${host}:${stage.ports.tls}/`;

  /** The session cookie of the default app, or of another. */
  async function cookie(desk, name = '__Host-scangate') {
    const jar = await desk.page.context().cookies(stage.gateway.origin);
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

  test('each app has a cookie of its own, and signing out of one leaves the other', async (t) => {
    const { gateway } = stage;
    const { desk, phone } = await person(t, 'both');
    await phone.signsInForTheFirstTime(await desk.code());
    await desk.isSignedInAs('Person both');
    const ours = await cookie(desk);
    const { name, domain, path, httpOnly, secure, sameSite } = ours;
    assert.deepEqual({ name, domain, path, httpOnly, secure, sameSite }, {
      name: '__Host-scangate', domain: 'login.scangate.localhost', path: '/', httpOnly: true, secure: true, sameSite: 'Lax',
    });
    const week = ours.expires - Date.now() / 1000;
    assert.ok(week > 604_000 && week <= 604_800, String(week));
    assert.equal(await desk.page.evaluate(() => document.cookie), '', 'no script reads it');

    await desk.page.goto(`${gateway.addresses.page}?app=shop`);
    await phone.scans(await desk.code());
    await phone.confirms();
    await desk.page.waitForURL(`${gateway.origin}/app?app=shop`);
    const shop = await cookie(desk, '__Host-scangate-shop');
    assert.notEqual(shop.value, ours.value);
    assert.equal((await cookie(desk)).value, ours.value);

    await desk.signsOut();
    assert.equal(await cookie(desk, '__Host-scangate-shop'), undefined);
    assert.equal((await calls(desk.page, '/auth/refresh')).status, 200);
    assert.notEqual((await cookie(desk)).value, ours.value, 'renewed');
  });

  test('a page of another site gets nothing and changes nothing', async (t) => {
    const { gateway } = stage;
    const { desk, phone } = await person(t, 'visited');
    await phone.signsInForTheFirstTime(await desk.code());
    await desk.isSignedInAs('Person visited');
    for (const host of [EVIL, NEIGHBOUR]) {
      const before = await cookie(desk);
      const { page } = desk;
      desk.complaints.expect(/CORS policy|net::ERR_FAILED|status of 40[013]/);
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
        assert.ok([400, 403].includes((await posted).status()));
      }
      assert.equal((await cookie(desk)).value, before.value, 'nothing was rotated');
      await page.goto(`${gateway.origin}/app`);
      await desk.isSignedInAs('Person visited');
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

  test('signing out takes what pages have stored, and no cookie but its own', async (t) => {
    const { gateway } = stage;
    const { desk, phone } = await person(t, 'leaving');
    await phone.signsInForTheFirstTime(await desk.code());
    await desk.isSignedInAs('Person leaving');
    const known = await cookie(desk, '__Host-scangate-b');
    await desk.page.evaluate(() => localStorage.setItem('draft', 'of a guarded page'));
    await desk.signsOut();
    assert.equal(await desk.page.evaluate(() => localStorage.getItem('draft')), null);
    assert.equal(await cookie(desk), undefined);
    assert.equal((await cookie(desk, '__Host-scangate-b')).value, known.value, 'the browser is known again');
    assert.equal(desk.page.url(), `${gateway.origin}/`);
  });
});
