// The website flow over https, with WeChat on another site: cookies are what they will be in production.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser, PATIENCE_MS, see } from './browser.mjs';
import { readScreen } from './camera.mjs';
import { eventually } from './eventually.mjs';
import { startBehindNginx } from './nginx.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

/** The certificate is nobody's. */
const OPTIONS = { ignoreHTTPSErrors: true };

describe('website', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    ...(await startBehindNginx(t, { 'scene.default_flow': 'website' })),
  }));

  const open = (t, gateway = stage.gateway) => Desk.open(t, stage.browser, gateway, OPTIONS);

  async function person(t, id) {
    const { gateway, browser } = stage;
    const user = await gateway.addUser({ id, name: `Person ${id}` });
    return { user, phone: await Phone.of(t, browser, gateway, user, OPTIONS) };
  }

  /** What the code on WeChat's page says, wherever that page is on the screen; another one than `than` when given. */
  function code(desk, { than } = {}) {
    return eventually('a readable code of WeChat on the screen', async () => {
      const text = await readScreen(desk.page);
      return text !== than && text?.startsWith(`${desk.gateway.sandbox}/connect/confirm?uuid=`) && text;
    });
  }

  async function taps(phone, button) {
    await phone.page.waitForURL(`${phone.gateway.sandbox}/connect/confirm?*`);
    await phone.page.locator(`form[name=${button}] button`).click();
  }

  async function refusalsComeBack(t) {
    const put = async (deny_redirect) => {
      const answer = await fetch(new URL('/sandbox/api/settings', stage.gateway.sandbox), {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ deny_redirect }),
      });
      assert.equal(answer.status, 200);
    };
    t.after(() => put('none'));
    await put('state_only');
  }

  const callback = (desk) => desk.page.waitForResponse((answer) => new URL(answer.url()).pathname === '/callback/wechat', { timeout: 2 * PATIENCE_MS });

  test('somebody signs in beside WeChat’s page in its frame', async (t) => {
    const { user, phone } = await person(t, 'framed');
    const desk = await open(t);
    await phone.scans(await code(desk));
    await see(desk.page.frameLocator('iframe'), 'Scanned');
    // What WeChat's page shows is WeChat's: nobody tells the gateway, and it invents nothing.
    assert.deepEqual(desk.heard, ['hello', 'pending']);
    await taps(phone, 'confirm');
    // The frame comes back to the gateway; were it not allowed there, the console would say so, and the test fail. Its
    // answer is not waited for: the frame changes its process with it, and the browser may tell of it to nobody.
    await desk.isSignedInAs(user.name);
    // The page it was taken to has a socket of its own.
    assert.deepEqual(desk.heard.slice(0, 3), ['hello', 'pending', 'authorized']);

    const [cookie] = (await desk.page.context().cookies()).filter(({ name }) => name === '__Host-scangate-b');
    const { secure, httpOnly, sameSite, path, domain } = cookie;
    const host = new URL(stage.gateway.origin).hostname;
    assert.deepEqual({ secure, httpOnly, sameSite, path, domain }, { secure: true, httpOnly: true, sameSite: 'None', path: '/', domain: host });
  });

  test('somebody goes to WeChat’s page and comes back', async (t) => {
    const { user, phone } = await person(t, 'whole');
    const desk = await open(t);
    await code(desk);
    await desk.page.getByRole('button', { name: desk.words.openHere }).click();
    await desk.page.waitForURL(`${stage.wechat}/connect/qrconnect?*`);
    const landed = callback(desk);
    await phone.scans(await code(desk));
    await taps(phone, 'confirm');
    assert.equal((await landed).status(), 303);
    await desk.isSignedInAs(user.name);
  });

  test('a refusal on the phone is told to the page', async (t) => {
    await refusalsComeBack(t);
    const { user, phone } = await person(t, 'refusing');
    const desk = await open(t);
    const refused = await code(desk);
    await phone.scans(refused);
    await taps(phone, 'reject');
    await desk.sees(desk.words.rejected);

    await desk.asksForNewCode();
    await phone.scans(await code(desk, { than: refused }));
    await taps(phone, 'confirm');
    await desk.isSignedInAs(user.name);
  });

  test('a refusal on WeChat’s whole page comes back with the person', async (t) => {
    await refusalsComeBack(t);
    const { phone } = await person(t, 'leaving');
    const desk = await open(t);
    await code(desk);
    await desk.page.getByRole('button', { name: desk.words.openHere }).click();
    await desk.page.waitForURL(`${stage.wechat}/connect/qrconnect?*`);
    await phone.scans(await code(desk));
    await taps(phone, 'reject');
    await desk.page.waitForURL(`${stage.gateway.origin}/`);
    await desk.sees(desk.words.rejected);
  });

  test('somebody who comes back without an answer finds WeChat’s page in its frame again', async (t) => {
    const { user, phone } = await person(t, 'wavering');
    const desk = await open(t);
    await desk.page.getByRole('button', { name: desk.words.openHere }).click();
    await desk.page.waitForURL(`${stage.wechat}/connect/qrconnect?*`);
    await desk.page.goBack();
    await desk.sees(desk.words.openHere);
    await phone.scans(await code(desk));
    await taps(phone, 'confirm');
    await desk.isSignedInAs(user.name);
  });

  test('without the browser’s cookie nobody comes back', async (t) => {
    const { phone } = await person(t, 'cookieless');
    const desk = await open(t);
    const text = await code(desk);
    await desk.page.context().clearCookies({ name: '__Host-scangate-b' });
    desk.complaints.expect(/status of 400.* @ \S+\/callback\/wechat/);
    await phone.scans(text);
    await taps(phone, 'confirm');
    await see(desk.page.frameLocator('iframe'), 'This link does not work');
    await desk.sees(desk.words.openHere);
  });

  test('WeChat’s page is renewed in its place, and not for ever', async (t) => {
    const brief = await startBehindNginx(t, { 'scene.default_flow': 'website', 'scene.website_ttl_ms': 1500 });
    const desk = await open(t, brief.gateway);
    const first = await code(desk);
    const second = await code(desk, { than: first });
    await desk.sees(desk.words.expired);
    assert.equal(await desk.page.locator('iframe').count(), 0);
    await desk.asksForNewCode();
    await code(desk, { than: second });
    assert.equal(desk.heard.includes('scanned'), false);
  });
});
