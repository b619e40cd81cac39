// A website's login at WeChat's page, as the sandbox plays it: full page, in a frame, cancelled, and expired.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, test } from 'node:test';

import { shortcomings } from './accessibility.mjs';
import { launchBrowser, newProfile, PATIENCE_MS, see } from './browser.mjs';
import { readScreen } from './camera.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

/** The sandbox's own website application. */
const APP_ID = 'wx7b3e1f0a9c5d8642';
const SECRET = '0e7b3e1f0a9c5d86421c2b3a4f5e6d7c';
const STATE = 'state_1-Z';
const WORDS = {
  en: { waiting: 'Scan the QR code with WeChat to log in', scanned: 'Scanned', cancelled: 'You cancelled this login' },
  cn: { waiting: '请使用微信扫描二维码登录', scanned: '扫描成功', cancelled: '您已取消此次登录' },
};

/** A site that logs people in by WeChat; another host than the sandbox, so that its frames are cross-site. */
async function startSite(t) {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://site');
    response.setHeader('content-type', 'text/html; charset=utf-8');
    const pages = { '/': '<div id="login"></div>', '/callback': '<h1>The site is told</h1>' };
    response.writeHead(pathname in pages ? 200 : 404);
    response.end(`<!doctype html><html lang="en"><title>Site</title><link rel="icon" href="data:,">${pages[pathname] ?? ''}`);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://localhost:${server.address().port}`;
}

/** Somebody at a computer who wants into the site. */
class Visitor {
  constructor(page, stage) {
    this.page = page;
    this.stage = stage;
    this.callback = `${stage.site}/callback?from=site`;
  }

  static async of(t, stage) {
    const { context } = await newProfile(t, stage.browser, { viewport: { width: 1024, height: 768 } });
    return new Visitor(await context.newPage(), stage);
  }

  /** Goes to WeChat's page, as a link of the site leads there. */
  async goesToWeChat(lang = 'en') {
    const query = new URLSearchParams({
      appid: APP_ID,
      redirect_uri: this.callback,
      response_type: 'code',
      scope: 'snsapi_login',
      state: STATE,
      lang,
    });
    await this.page.goto(`${this.stage.gateway.sandbox}/connect/qrconnect?${query}#wechat_redirect`);
    this.view = this.page;
    await see(this.view, WORDS[lang].waiting);
  }

  /** Stays on the site, whose page embeds WeChat's by its script. */
  async opensTheFrame(options) {
    await this.page.goto(this.stage.site);
    const src = `${this.stage.gateway.sandbox}/connect/zh_CN/htmledition/js/wxLogin.js`;
    await this.page.addScriptTag({ url: src });
    const defaults = { id: 'login', appid: APP_ID, scope: 'snsapi_login', state: STATE, lang: 'en' };
    const all = { ...defaults, redirect_uri: encodeURIComponent(this.callback), ...options };
    await this.page.evaluate((all) => new globalThis.WxLogin(all), all);
    const element = await this.page.waitForSelector('#login iframe');
    this.view = await element.contentFrame();
    return element;
  }

  /** What a camera reads from the screen; another text than `than` when given. */
  async code({ than } = {}) {
    const text = await eventually('a readable code on the screen', async () => {
      const text = await readScreen(this.page);
      return text !== than && text;
    }, PATIENCE_MS);
    assert.match(text, new RegExp(`^${this.stage.gateway.sandbox}/connect/confirm\\?uuid=[A-Za-z0-9_-]{16}$`));
    return text;
  }
}

/** Takes the phone's page to its end. */
async function taps(phone, button) {
  await phone.page.waitForURL(`${phone.gateway.sandbox}/connect/confirm?*`);
  await phone.page.locator(`form[name=${button}] button`).click();
}

async function changeSettings(t, gateway, change) {
  const put = async (body) => {
    const answer = await fetch(new URL('/sandbox/api/settings', gateway.sandbox), {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.equal(answer.status, 200);
  };
  t.after(() => put({ deny_redirect: 'none', qr_page_life_s: 300 }));
  await put(change);
}

/** Checks what came back with the person, and returns the openid that the code is worth. */
async function openidOf(gateway, url) {
  const { searchParams } = new URL(url);
  assert.deepEqual([...searchParams.keys()], ['from', 'code', 'state']);
  assert.equal(searchParams.get('state'), STATE);
  const query = new URLSearchParams({ appid: APP_ID, secret: SECRET, code: searchParams.get('code') });
  const answer = await fetch(`${gateway.sandbox}/sns/oauth2/access_token?${query}&grant_type=authorization_code`);
  const { openid, scope } = await answer.json();
  assert.equal(scope, 'snsapi_login');
  return openid;
}

describe("a website's login", () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    gateway: await startGateway(t),
    site: await startSite(t),
  }));
  const phoneOf = (t, id) => Phone.of(t, stage.browser, stage.gateway, { id });

  for (const lang of Object.keys(WORDS)) {
    test(`the page follows the phone, and goes back to the site (${lang})`, async (t) => {
      const visitor = await Visitor.of(t, stage);
      const phone = await phoneOf(t, 'zoe');
      await visitor.goesToWeChat(lang);
      assert.deepEqual(await shortcomings(visitor.page), [], 'waiting');
      await phone.scans(await visitor.code());
      await phone.page.waitForURL(`${stage.gateway.sandbox}/connect/confirm?*`);
      assert.deepEqual(await shortcomings(phone.page), [], 'the page on the phone');
      await see(visitor.view, WORDS[lang].scanned);
      assert.deepEqual(await shortcomings(visitor.page), [], 'scanned');
      await taps(phone, 'confirm');
      await phone.sees('Logged in');
      assert.deepEqual(await shortcomings(phone.page), [], 'the result on the phone');
      await visitor.page.waitForURL(`${stage.site}/callback?*`);
      assert.match(await openidOf(stage.gateway, visitor.page.url()), /^o/);
    });
  }

  test('with self_redirect the frame goes back to the site, and the page around it stays', async (t) => {
    const visitor = await Visitor.of(t, stage);
    const phone = await phoneOf(t, 'zoe');
    const frame = await visitor.opensTheFrame({ self_redirect: true });
    await see(visitor.view, WORDS.en.waiting);
    await phone.scans(await visitor.code());
    await see(visitor.view, WORDS.en.scanned);
    await taps(phone, 'confirm');
    const inside = await frame.contentFrame();
    await inside.waitForURL(`${stage.site}/callback?*`);
    assert.match(await openidOf(stage.gateway, inside.url()), /^o/);
    assert.equal(visitor.page.url(), `${stage.site}/`);
  });

  for (const self_redirect of [false, undefined]) {
    test(`with self_redirect ${self_redirect} the whole tab goes back to the site`, async (t) => {
      const visitor = await Visitor.of(t, stage);
      const phone = await phoneOf(t, 'zoe');
      await visitor.opensTheFrame({ self_redirect });
      await phone.scans(await visitor.code());
      await taps(phone, 'confirm');
      await visitor.page.waitForURL(`${stage.site}/callback?*`);
      assert.match(await openidOf(stage.gateway, visitor.page.url()), /^o/);
    });
  }

  test('a cancelled login stays on the page, and its code can be scanned again', async (t) => {
    const visitor = await Visitor.of(t, stage);
    const phone = await phoneOf(t, 'zoe');
    await visitor.opensTheFrame({ self_redirect: true });
    const code = await visitor.code();
    await phone.scans(code);
    await taps(phone, 'reject');
    await phone.sees('Login cancelled');
    await see(visitor.view, WORDS.en.cancelled);
    const other = await phoneOf(t, 'wangfang');
    await other.scans(code);
    await see(visitor.view, WORDS.en.scanned);
    await taps(other, 'confirm');
    await visitor.view.waitForURL(`${stage.site}/callback?*`);
  });

  test('where a refusal is told, the site gets the state alone', async (t) => {
    await changeSettings(t, stage.gateway, { deny_redirect: 'state_only' });
    const visitor = await Visitor.of(t, stage);
    const phone = await phoneOf(t, 'zoe');
    await visitor.goesToWeChat();
    await phone.scans(await visitor.code());
    await taps(phone, 'reject');
    await visitor.page.waitForURL(`${visitor.callback}&state=${STATE}`);
  });

  test('an old code is replaced', async (t) => {
    await changeSettings(t, stage.gateway, { qr_page_life_s: 3 });
    const visitor = await Visitor.of(t, stage);
    await visitor.goesToWeChat();
    const first = await visitor.code();
    await visitor.code({ than: first });
  });

  test('the frame has the address that WeChat documents, traps included', async (t) => {
    const visitor = await Visitor.of(t, stage);
    const redirect = encodeURIComponent(visitor.callback);
    const base = `${stage.gateway.sandbox}/connect/qrconnect?appid=${APP_ID}&scope=snsapi_login&redirect_uri=${redirect}`;
    for (const [options, rest] of [
      [{ lang: undefined }, 'default&styletype=&sizetype=&bgcolor=&rst='],
      [{ self_redirect: 'true', stylelite: '1', fast_login: false }, 'default&styletype=&sizetype=&bgcolor=&rst=&lang=en'],
      [
        { self_redirect: true, style: 'white', href: 'https://a.example/b.css', stylelite: 1, fast_login: 0 },
        'true&styletype=&sizetype=&bgcolor=&rst=&style=white&href=https://a.example/b.css&lang=en&stylelite=1&fast_login=0',
      ],
    ]) {
      const frame = await visitor.opensTheFrame(options);
      const src = await frame.getAttribute('src');
      assert.equal(src, `${base}&state=${STATE}&login_type=jssdk&self_redirect=${rest}`);
      const { width, height } = await frame.boundingBox();
      assert.deepEqual([width, height], [300, 400]);
      await visitor.code();
    }
    const unencoded = await visitor.opensTheFrame({ redirect_uri: 'evil.example/?a=b' });
    await see(await unencoded.contentFrame(), 'redirect_uri 参数错误');
  });
});
