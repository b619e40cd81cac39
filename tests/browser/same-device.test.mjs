// One phone and nothing else: the login page is open inside WeChat, and goes on in the same window.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { shared } from './scope.mjs';

const WECHAT = {
  userAgent: 'Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/130.0.0.0 Mobile Safari/537.36 MicroMessenger/8.0.53',
  viewport: { width: 390, height: 844 },
  isMobile: true,
  hasTouch: true,
};

describe('same device', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    // Digits are for two screens: here they must not be asked for.
    gateway: await startGateway(t, { 'scene.number_match': 'always' }),
  }));

  /** The login page in the hands of this user, and from there the page that asks. */
  async function leaves(t, user) {
    const { browser, gateway } = stage;
    const desk = await Desk.open(t, browser, gateway, WECHAT);
    await desk.page.context().addCookies([{ name: 'sandbox_user', value: user.id, url: gateway.sandbox }]);
    await desk.sees(desk.words.here);
    await desk.page.getByRole('button', { name: desk.words.signInHere }).click();
    await desk.page.waitForURL(`${gateway.origin}/s/*`);
    await desk.page.getByRole('heading', { name: desk.words.confirmTitle }).waitFor();
    return desk;
  }

  const press = (desk, name) => desk.page.getByRole('button', { name, exact: true }).click();

  test('somebody confirms, consents, and is signed in where they began', async (t) => {
    const user = await stage.gateway.addUser({ id: 'alone', name: 'Alone' });
    const desk = await leaves(t, user);
    await press(desk, desk.words.confirm);
    await desk.page.waitForURL(`${stage.gateway.sandbox}/connect/oauth2/authorize?*`);
    await press(desk, desk.words.allow);
    await desk.isSignedInAs(user.name);
    await desk.signsOut(desk.words.here);

    await desk.page.getByRole('button', { name: desk.words.signInHere }).click();
    await desk.page.getByRole('heading', { name: desk.words.confirmTitle }).waitFor();
    await press(desk, desk.words.confirm);
    await desk.isSignedInAs(user.name);
  });

  test('somebody rejects, and is told so where they began', async (t) => {
    const desk = await leaves(t, await stage.gateway.addUser({ id: 'unsure', name: 'Unsure' }));
    await press(desk, desk.words.reject);
    await desk.page.waitForURL(`${stage.gateway.origin}/`);
    await desk.sees(desk.words.rejected);
    await desk.asksForNewCode();
    await desk.sees(desk.words.here);
  });

  test('somebody who comes back without an answer finds the same login', async (t) => {
    const desk = await leaves(t, await stage.gateway.addUser({ id: 'hesitant', name: 'Hesitant' }));
    const asked = desk.page.url();
    await desk.page.goBack();
    await desk.sees(desk.words.scanned);
    await desk.page.goForward();
    await desk.page.getByRole('heading', { name: desk.words.confirmTitle }).waitFor();
    assert.equal(desk.page.url(), asked);
    await press(desk, desk.words.reject);
    await desk.sees(desk.words.rejected);
  });
});
