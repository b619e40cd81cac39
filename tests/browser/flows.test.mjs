// What the login page does with each flow and on each device, in a real browser; the gateway's part is played.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { shortcomings } from './accessibility.mjs';
import { launchBrowser, newProfile, see } from './browser.mjs';
import { readCode } from './camera.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { playGateway } from './played-gateway.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

const IPHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1';
const WECHAT = `${IPHONE} MicroMessenger/8.0.53`;
const WEBSITE = { flows: ['h5', 'website'], default_flow: 'website' };

describe('flows', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t) }));

  /** The login page, its `start` and `resume` answered by `first`. */
  async function open(t, { config, first, query = '', ...options }) {
    const gateway = await playGateway(t, config);
    const { context, complaints } = await newProfile(t, stage.browser, { locale: 'en', viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    await gateway.attend(page, (command) => first(gateway, command));
    await page.goto(`${gateway.origin}/${query}`);
    return { gateway, page, context, complaints };
  }

  const verifying = (gateway) => {
    gateway.pending();
    gateway.say('scanned');
    gateway.say('verifying', { code_length: 2, tries_left: 3 });
  };

  for (const locale of Object.keys(WORDS)) {
    test(`the two digits are typed at once, and sent by themselves (${locale})`, async (t) => {
      const words = WORDS[locale];
      const { gateway, page } = await open(t, { first: verifying, locale });
      await see(page, words.verifying);
      assert.deepEqual(await shortcomings(page), []);
      const height = await cardHeight(page);
      await page.keyboard.type('42');
      await eventually('the digits are sent', () => gateway.heard.at(-1).code === '42');

      gateway.say('verifying', { code_length: 2, tries_left: 2 });
      await see(page, words.wrongDigits);
      assert.deepEqual(await shortcomings(page), []);
      assert.equal(await cardHeight(page), height);
      await page.keyboard.type('17');
      await eventually('the next are sent', () => gateway.heard.at(-1).code === '17');
      assert.equal(await page.getByRole('textbox').inputValue(), '17');
    });
  }

  test('digits are pasted', async (t) => {
    const { gateway, page, context } = await open(t, { first: verifying });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    await see(page, WORDS.en.verifying);
    await page.evaluate(() => navigator.clipboard.writeText('Code: 0 7'));
    await page.keyboard.press('ControlOrMeta+V');
    await eventually('the digits are sent', () => gateway.heard.at(-1).code === '07');
  });

  test('wrong digits shake the boxes only for who has nothing against motion', async (t) => {
    for (const [reducedMotion, name] of [['no-preference', /^(even|odd)$/], ['reduce', /^none$/]]) {
      const { gateway, page } = await open(t, { first: verifying, reducedMotion });
      await see(page, WORDS.en.verifying);
      gateway.say('verifying', { code_length: 2, tries_left: 2 });
      await see(page, WORDS.en.wrongDigits);
      assert.match(await page.locator('#digits').evaluate((boxes) => getComputedStyle(boxes).animationName), name);
    }
  });

  test('WeChat’s own page runs where the code would be, and the card keeps its size', async (t) => {
    const { gateway, page } = await open(t, {
      config: WEBSITE, first: (each, { flow }) => (flow === 'h5' ? each.pending() : each.website()),
    });
    const frame = page.frameLocator('iframe');
    await frame.getByText('微信登录').waitFor();
    await eventually('its script runs', async () => (await frame.locator('title').innerText()) === 'runs');
    assert.deepEqual(gateway.heard.map(({ flow, return_to: back }) => [flow, back]), [[undefined, `${gateway.origin}/`]]);
    assert.deepEqual(await shortcomings(page), []);
    const height = await cardHeight(page);

    await page.getByRole('button', { name: WORDS.en.useH5 }).click();
    await see(page, WORDS.en.pending);
    assert.equal(await page.locator('iframe').count(), 0);
    assert.equal(await cardHeight(page), height);
    assert.deepEqual(gateway.heard.slice(1).map(({ type, flow }) => [type, flow]), [['cancel', undefined], ['start', 'h5']]);
    assert.deepEqual(await shortcomings(page), []);
  });

  test('WeChat’s page is opened in this window, and the page goes on when it is back', async (t) => {
    const { gateway, page, complaints } = await open(t, {
      config: WEBSITE,
      query: '?lang=zh-CN',
      first: (each, { type }) => (type === 'start' ? each.website() : each.say('authorized', { grant: 'grant', user: { name: '李小龙' }, replay: true })),
    });
    await page.getByRole('button', { name: WORDS['zh-CN'].openHere }).click();
    await page.waitForURL(gateway.embedUrl);
    complaints.expect(/status of 401.* @ \S+\/auth\/token/);
    const redeemed = page.waitForRequest(/\/auth\/token$/);
    await page.goto(`${gateway.origin}/`);
    const { grant, verifier } = (await redeemed).postDataJSON();
    assert.deepEqual([grant, verifier.length], ['grant', 43]);
    assert.deepEqual(gateway.heard.at(-1), { type: 'resume', scene: 'scene-1', secret: 'secret', seq: 1 });
    assert.equal(new URL(page.url()).search, '?lang=zh-CN');
  });

  test('inside WeChat one button leads to the page that asks; what is kept never leaves the tab', async (t) => {
    const asked = [];
    const { gateway, page, context } = await open(t, {
      userAgent: WECHAT,
      viewport: { width: 390, height: 844 },
      first: (each, { type }) => (type === 'start' ? each.pending() : each.end('rejected', { by: 'user', replay: true })),
    });
    context.on('request', (request) => asked.push(request.url()));
    await see(page, WORDS.en.here);
    assert.deepEqual(await shortcomings(page), []);
    assert.equal(gateway.heard[0].return_to, `${gateway.origin}/`);
    await page.getByRole('button', { name: WORDS.en.signInHere }).click();
    await page.waitForURL(`${gateway.origin}/s/scene-1`);
    const kept = JSON.parse(await page.evaluate(() => sessionStorage.getItem('scangate.login')));
    assert.deepEqual([kept.scene, kept.secret, kept.seq, kept.app], ['scene-1', 'secret', 1, '']);

    await page.getByRole('link', { name: 'back' }).click();
    await see(page, WORDS.en.rejected);
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
    assert.deepEqual(asked.filter((url) => url.includes('secret') || url.includes(kept.verifier)), []);
  });

  test('a scene that is gone when the page is back: a new one', async (t) => {
    const { gateway, page } = await open(t, {
      userAgent: WECHAT,
      first: (each, { type }) => (type === 'start' ? each.pending() : each.close(4404)),
    });
    await page.getByRole('button', { name: WORDS.en.signInHere }).click();
    await page.waitForURL(`${gateway.origin}/s/scene-1`);
    await page.getByRole('link', { name: 'back' }).click();
    await see(page, WORDS.en.here);
    assert.deepEqual(gateway.heard.map(({ type }) => type), ['start', 'resume', 'start']);
    assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  });

  test('where storage is forbidden the code stays, to press and hold', async (t) => {
    const gateway = await playGateway(t);
    const { context } = await newProfile(t, stage.browser, { locale: 'en', userAgent: WECHAT });
    await context.addInitScript(() => {
      for (const name of ['sessionStorage', 'localStorage']) {
        Object.defineProperty(window, name, { get() { throw new DOMException('forbidden', 'SecurityError'); } });
      }
    });
    const page = await context.newPage();
    await gateway.attend(page, () => gateway.pending());
    await page.goto(gateway.origin);
    await see(page, WORDS.en.hold);
    assert.equal(gateway.heard[0].return_to, undefined);
    assert.equal(await page.getByRole('button', { name: WORDS.en.signInHere }).count(), 0);
  });

  test('on a phone outside WeChat the code is saved as a picture that an album scanner reads', async (t) => {
    const gateway = await startGateway(t);
    const { context } = await newProfile(t, stage.browser, { locale: 'en', userAgent: IPHONE, viewport: { width: 390, height: 844 }, hasTouch: true });
    await context.grantPermissions(['clipboard-read', 'clipboard-write']);
    const page = await context.newPage();
    await page.goto(gateway.addresses.page);
    await page.getByRole('button', { name: WORDS.en.onlyThisPhone }).click();
    assert.deepEqual(await shortcomings(page), []);
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: WORDS.en.saveCode }).click();
    const text = readCode(await readFile(await (await download).path()));
    assert.match(text, new RegExp(`^${gateway.origin}/s/[A-Za-z0-9_-]{22}$`));

    await page.getByRole('button', { name: WORDS.en.copyLink }).click();
    await see(page, WORDS.en.copied);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  });
});

function cardHeight(page) {
  return page.locator('#card').evaluate((card) => card.getBoundingClientRect().height);
}
