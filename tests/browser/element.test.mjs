// <scan-login> on pages that are not the gateway's own: another direction of the script, another look, a stricter policy.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { shortcomings } from './accessibility.mjs';
import { launchBrowser, newProfile, see } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { playGateway } from './played-gateway.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

/** A product's words; what it leaves out is English. */
const ARABIC = {
  pending: 'امسح الرمز باستخدام WeChat لتسجيل الدخول',
  pendingDetail: 'في WeChat اضغط على ⊕ ثم على مسح',
  help: 'على هاتفك؟',
  verifying: 'أدخل الرقمين الظاهرين على هاتفك',
  triesLeft: 'المحاولات المتبقية: {count}',
  timeLeft: 'بقي {seconds} ث',
  notYou: 'لست أنت؟',
};
/** Nothing inline, no markup set by script. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws:; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

describe('element', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t) }));

  /** A page of a product with that body, sheet and script; its gateway says what `first` says. */
  async function open(t, { html = 'lang="en"', body = '<scan-login></scan-login>', css = '', js = "import '/assets/element/define.js';", first = (gateway) => gateway.pending(), ...options }) {
    const gateway = await playGateway(t, { holdsTokens: true });
    const { context } = await newProfile(t, stage.browser, { locale: 'en', viewport: { width: 1280, height: 800 }, ...options });
    const page = await context.newPage();
    await gateway.attend(page, () => first(gateway));
    const files = {
      '/product.css': ['text/css', css],
      '/product.js': ['text/javascript', js],
      '/product': ['text/html; charset=utf-8', `<!doctype html><html ${html}><head><title>Product</title><link rel="icon" href="data:,"><meta name="viewport" content="width=device-width">
        <link rel="stylesheet" href="/product.css"><script type="module" src="/product.js"></script></head><body><main><h1>Product</h1>${body}</main></body></html>`],
    };
    await page.route((url) => url.pathname in files, (route) => {
      const [contentType, content] = files[new URL(route.request().url()).pathname];
      return route.fulfill({ contentType, body: content, headers: { 'content-security-policy': POLICY } });
    });
    await page.goto(`${gateway.origin}/product`);
    return { page, gateway };
  }

  const styleOf = (page, selector, name) => page.locator(selector).first().evaluate((element, name) => getComputedStyle(element)[name], name);

  test('from right to left, in a language of the product', async (t) => {
    const { page, gateway } = await open(t, {
      html: 'lang="ar" dir="rtl"',
      body: '<scan-login locale="ar"></scan-login>',
      js: `import '/assets/element/define.js'; document.querySelector('scan-login').strings = ${JSON.stringify(ARABIC)};`,
    });
    await see(page, ARABIC.pending);
    assert.deepEqual(await shortcomings(page, [], [['light', 320, 256], ['dark', 1280]]), []);
    gateway.say('verifying', { code_length: 2, tries_left: 3 });
    await see(page, ARABIC.verifying);
    assert.deepEqual(await shortcomings(page), []);
    // Digits are written from left to right everywhere.
    await page.keyboard.type('4');
    const boxes = page.locator('#digits');
    assert.deepEqual([await boxes.getAttribute('data-filled'), await boxes.evaluate((element) => getComputedStyle(element).direction)], ['1', 'ltr']);
    await page.keyboard.type('2');
    await eventually('the digits are sent', () => gateway.heard.at(-1).code === '42');
    gateway.say('authorized', { grant: 'grant', user: { name: 'A' } });
    await page.locator('#face').waitFor();
    const [face, glyph] = await Promise.all(['#face', '#glyph'].map((selector) => page.locator(selector).boundingBox()));
    assert.ok(glyph.x < face.x, 'the sign is on the other side of the face');
  });

  test('it looks as the product wants: variables, parts, a theme', async (t) => {
    const { page } = await open(t, {
      body: '<scan-login theme="dark"><p slot="brand">Acme</p><p slot="help">Ask the desk</p></scan-login>',
      css: 'scan-login { --scan-accent: rgb(1, 2, 250); --scan-radius: 3px; --scan-qr-size: 200px } scan-login::part(status) { text-transform: uppercase }',
      colorScheme: 'light',
    });
    await see(page, 'Acme');
    await see(page, 'Ask the desk');
    await see(page, WORDS.en.pending);
    assert.equal(await styleOf(page, '#card', 'backgroundColor'), 'rgb(26, 29, 32)');
    assert.equal(await styleOf(page, '#card', 'borderTopLeftRadius'), '3px');
    assert.equal(await styleOf(page, '#status', 'textTransform'), 'uppercase');
    assert.match(await styleOf(page, '#frame', 'backgroundImage'), /rgb\(1, 2, 250\)/);
    assert.equal((await page.locator('#qr').boundingBox()).width, 200);
    assert.equal((await page.locator('#card').boundingBox()).width, 336);
  });

  test('in a narrow column it is as narrow', async (t) => {
    const { page } = await open(t, { body: '<div class="column"><scan-login></scan-login></div>', css: '.column { width: 240px }' });
    await see(page, WORDS.en.pending);
    const { width } = await page.locator('#card').boundingBox();
    const code = await page.locator('#qr').boundingBox();
    assert.equal(width, 240);
    assert.ok(code.width < 240 && Math.abs(code.width - code.height) < 1, JSON.stringify(code));
  });

  test('who types elsewhere on the page goes on typing', async (t) => {
    const { page, gateway } = await open(t, { body: '<label>Search <input></label><scan-login></scan-login>' });
    await see(page, WORDS.en.pending);
    await page.getByLabel('Search').focus();
    gateway.say('verifying', { code_length: 2, tries_left: 3 });
    await see(page, WORDS.en.verifying);
    await page.keyboard.type('42');
    assert.equal(await page.getByLabel('Search').inputValue(), '42');
  });

  test('the product hears of it, moves it, and takes it away', async (t) => {
    const { page, gateway } = await open(t, {
      body: '<div id="here"></div><div id="there"></div>',
      js: `import '/assets/element/define.js';
        globalThis.heard = [];
        for (const type of ['pending', 'scanned', 'opening']) addEventListener(type, (event) => heard.push([event.type, event.detail.seq]));
        here.append(document.createElement('scan-login'));`,
    });
    await see(page, WORDS.en.pending);
    await page.evaluate(() => document.querySelector('#there').append(document.querySelector('scan-login')));
    gateway.say('scanned');
    await see(page, WORDS.en.scanned);
    assert.deepEqual(await page.evaluate(() => globalThis.heard), [['opening', undefined], ['pending', 1], ['scanned', 2]]);
    assert.equal(gateway.heard.length, 1);
    await page.evaluate(() => document.querySelector('scan-login').remove());
    await eventually('the socket is closed', () => gateway.isLeft);
  });

  test('a page that comes over from WeChat’s script', async (t) => {
    const { page, gateway } = await open(t, {
      body: '<div id="login_container">Loading</div>',
      js: `import { WxLogin } from '/assets/element/wx-login.js';
        new WxLogin({ id: 'login_container', appid: 'wx1', scope: 'snsapi_login', lang: 'en', style: 'black', state: '7',
          redirect_uri: encodeURIComponent(location.origin + '/s/back'), onReady: (isReady) => { document.title = 'ready ' + isReady; } });`,
    });
    await see(page, WORDS.en.pending);
    assert.equal(await page.title(), 'ready true');
    await page.route('**/api/v1/auth/token', (route) => route.fulfill({
      contentType: 'application/json',
      body: JSON.stringify({ code: 0, message: 'ok', data: { access_token: 'a', token_type: 'Bearer', expires_in: 600, session_id: 's', user: { id: 'u', name: '李小龙' } } }),
    }));
    gateway.say('authorized', { grant: 'grant', user: { name: '李小龙' } });
    await page.waitForURL(`${gateway.origin}/s/back?state=7`);
  });
});
