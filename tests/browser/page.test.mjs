// How the login page comes: how much of it, in which order, and with nothing that jumps.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { launchBrowser, newProfile, see } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { playGateway } from './played-gateway.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

/** All of the page, its pictures and what it loads once there is a code, as it is sent. */
const PAGE_BYTES = 30_000;
/** The last of what is loaded once there is a code. */
const LATER = ['element/help-dialog.js', 'element/after-scan.js', 'sdk/http-link.js', 'session/session-watch.js'];

/** Before any script: what moves without the person having done anything, and by how much. */
function watchShifts() {
  globalThis.shifts = [];
  new PerformanceObserver((list) => globalThis.shifts.push(...list.getEntries().map(({ value }) => value))).observe({ type: 'layout-shift', buffered: true });
}

describe('the page', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t), gateway: await startGateway(t) }));

  /** A new visitor's tab, before it goes anywhere. */
  async function tab(t, options = {}) {
    const { context } = await newProfile(t, stage.browser, { locale: 'en', viewport: { width: 1280, height: 800 }, ...options });
    return context.newPage();
  }

  test('a first visit costs less than 30 kB, and asks for nothing twice', async (t) => {
    const page = await tab(t);
    await page.goto(stage.gateway.addresses.page);
    await see(page, WORDS.en.pending);
    const loaded = () => page.evaluate(() => performance.getEntriesByType('resource').map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]));
    await eventually('what comes after the code is there', async () => {
      const names = (await loaded()).map(([name]) => name);
      return LATER.every((path) => names.includes(`/assets/${path}`));
    });
    const files = (await loaded()).filter(([name]) => name.startsWith('/'));
    const [{ encodedBodySize: document }] = await page.evaluate(() => performance.getEntriesByType('navigation').map((entry) => entry.toJSON()));
    const bytes = files.reduce((sum, [, size]) => sum + size, document);
    t.diagnostic(`${bytes} bytes in ${files.length + 1} files`);
    assert.ok(bytes < PAGE_BYTES, `${bytes} bytes`);
    const names = files.map(([name]) => name).filter((name) => name !== '/assets/page/favicon.svg');
    assert.deepEqual(names.filter((name, index) => names.indexOf(name) !== index), []);
    assert.equal(names.filter((name) => name === '/api/v1/config').length, 1);
  });

  test('the code comes by the first answer: nobody waits for a greeting, nor for the configuration', async (t) => {
    const gateway = await playGateway(t);
    const page = await tab(t);
    let sockets = 0;
    // Says nothing before it is asked.
    await page.routeWebSocket(/\/api\/v1\/ws$/, (socket) => {
      sockets += 1;
      socket.onMessage((text) => JSON.parse(text).type === 'start' && socket.send(JSON.stringify({
        type: 'pending', seq: 1, scene: 's', secret: 'x', flow: 'h5', qr: { text: 'https://login.example.com/s/s', svg: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>' },
        at: Date.now(), expires_at: Date.now() + 120_000, trace_id: 't',
      })));
    });
    await page.route('**/api/v1/config', () => {});
    await page.goto(gateway.origin);
    await see(page, WORDS.en.pending);
    assert.equal(sockets, 1);
  });

  test('nothing jumps: from the first paint to the code, to the scan, to the end', async (t) => {
    // On the narrowest screens a sentence may take two lines where the one before it took one.
    for (const [width, most] of [[1280, 0], [320, 0.01]]) {
      const gateway = await playGateway(t, { sandbox: { phone_url: 'http://127.0.0.1:1/phone' } });
      const page = await tab(t, { viewport: { width, height: 800 } });
      await page.addInitScript(watchShifts);
      await gateway.attend(page, () => gateway.pending());
      await page.goto(gateway.origin);
      await see(page, WORDS.en.pending);
      await see(page, 'Sandbox');
      gateway.say('scanned');
      await see(page, WORDS.en.scanned);
      gateway.end('rejected', { by: 'user' });
      await see(page, WORDS.en.rejected);
      const shifts = await page.evaluate(() => globalThis.shifts);
      assert.ok(shifts.reduce((sum, each) => sum + each, 0) <= most, `${width} px: ${shifts}`);
    }
  });

  test('before its script is there the card has its size', async (t) => {
    const gateway = await playGateway(t);
    const page = await tab(t);
    await gateway.attend(page, () => gateway.pending());
    let goOn;
    const held = new Promise((resolve) => { goOn = resolve; });
    await page.route('**/assets/element/view.js', async (route) => {
      await held;
      await route.continue();
    });
    await page.goto(gateway.origin, { waitUntil: 'commit' });
    const card = () => page.locator('scan-login').boundingBox();
    await page.locator('scan-login:not(:defined)').waitFor();
    const before = await eventually('the sheet is there', async () => (await card())?.height > 100 && card());
    goOn();
    await see(page, WORDS.en.pending);
    assert.deepEqual(await card(), before);
  });

  test('the title says the state and the app', async (t) => {
    const gateway = await playGateway(t);
    const page = await tab(t);
    await gateway.attend(page, () => gateway.pending());
    await page.goto(gateway.origin);
    await eventually('the title', async () => (await page.title()) === `${WORDS.en.pending} · Shop`);
    gateway.say('scanned');
    await eventually('the title', async () => (await page.title()) === `${WORDS.en.scanned} · Shop`);
    await page.locator('[data-lang=zh-CN]').click();
    await eventually('the title', async () => (await page.title()) === `${WORDS['zh-CN'].scanned} · Shop`);
  });

  test('without scripts it says so', async (t) => {
    const page = await tab(t, { javaScriptEnabled: false });
    await page.goto(stage.gateway.addresses.page);
    await see(page, /Signing in here needs JavaScript/);
    assert.equal(await page.locator('scan-login').isVisible(), false);
  });

  test('on a large screen the card is larger', async (t) => {
    const page = await tab(t, { viewport: { width: 3840, height: 2160 } });
    await page.goto(stage.gateway.addresses.page);
    await see(page, WORDS.en.pending);
    const { x, y, width, height } = await page.locator('#card').boundingBox();
    assert.ok(height > 2160 * 0.45 && height < 2160 * 0.6, `${height}`);
    assert.ok(Math.abs(x + width / 2 - 1920) < 1 && Math.abs(y + height / 2 - 1080) < 2, `${x}, ${y}`);
  });
});
