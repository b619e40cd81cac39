// One session in two tabs of a browser: renewed at the same moment, ended at the same moment.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { launchBrowser } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { GRACE_MS, NEARLY_A_TOKEN, Person, REFUSED, allRenew, clockOf, cookieOf, press } from './person.mjs';
import { shared } from './scope.mjs';

/** As on pages by plain http, where there are none. */
const withoutLocks = () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
/** How soon a page knows of what was done elsewhere. */
const PROMPTLY_MS = 1_000;
const ROTATIONS = process.env.SCANGATE_LONG ? 10 : 1;

describe('two tabs', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    gateway: await startGateway(t, { 'limits.token_per_address_per_min': 10_000 }),
  }));

  /** Nobody is signed in here, and nothing that the page could still do would change that. */
  async function isLeftWithNothing(tabs) {
    assert.equal(await cookieOf(tabs[0]), undefined);
    const calls = [];
    for (const { page } of tabs) page.on('request', (request) => request.url().includes('/api/v1/') && calls.push(request.url()));
    await clockOf(tabs[0]).fastForward(NEARLY_A_TOKEN);
    const ended = tabs.filter(({ page }) => new URL(page.url()).pathname === '/app');
    for (const tab of ended) {
      await tab.page.evaluate(() => dispatchEvent(new Event('online')));
      assert.equal((await tab.page.locator('dd').allTextContents()).join(''), '');
      await tab.page.getByRole('link', { name: tab.words.signIn, exact: true }).click();
      await tab.sees(tab.words.pending);
    }
    assert.deepEqual(calls.filter((url) => /\/auth\/|\/sessions/.test(url)), []);
  }

  for (const locks of ['with locks', 'without locks']) {
    test(`two tabs that renew at the same moment both stay signed in (${locks})`, async (t) => {
      const someone = await Person.comes(t, stage, locks.replace(' ', '-'));
      const first = await someone.signsIn();
      if (locks === 'without locks') await first.page.context().addInitScript(withoutLocks);
      const second = await first.anotherTab();
      const tabs = [first, second];
      await first.page.reload();
      for (const tab of tabs) await tab.isSignedInAs(someone.name);
      const sessionOf = ({ page }) => page.locator('[data-part=session]').textContent();
      const session = await sessionOf(first);
      const cookies = new Set([await cookieOf(first)]);
      // Most renewals are answered without a cookie: the gateway makes one every ten seconds at most.
      await eventually('the cookie changes', async () => {
        await allRenew(tabs);
        return cookies.add(await cookieOf(first)).size > ROTATIONS;
      }, 2 * ROTATIONS * GRACE_MS);
      for (const tab of tabs) {
        assert.equal(await sessionOf(tab), session);
        await tab.page.reload();
        await tab.sees(tab.words.thisDevice);
        assert.equal(await tab.page.getByRole('listitem').count(), 1);
      }
    });
  }

  test('a tab that signs out while both renew ends both', async (t) => {
    const [first, second] = await (await Person.comes(t, stage, 'leaving')).signsInWithTwoTabs();
    first.complaints.expect(REFUSED);
    await Promise.all([clockOf(first).fastForward(NEARLY_A_TOKEN), press(first, first.words.signOut)]);
    await first.sees(first.words.pending);
    await second.sees(second.words.endedInOtherTab);
    await isLeftWithNothing([first, second]);
  });

  test('two tabs that sign out while both renew are both signed out', async (t) => {
    const tabs = await (await Person.comes(t, stage, 'leaving-twice')).signsInWithTwoTabs();
    tabs[0].complaints.expect(REFUSED);
    // Whoever hears of the other's sign-out first has no button any more.
    const pressed = tabs.map((tab) => press(tab, tab.words.signOut).catch(() => {}));
    await clockOf(tabs[0]).fastForward(NEARLY_A_TOKEN);
    for (const { page, words } of tabs) {
      await page.getByText(words.pending).or(page.getByText(words.endedInOtherTab)).first().waitFor();
    }
    await isLeftWithNothing(tabs);
    for (const { page } of tabs) await page.close();
    await Promise.all(pressed);
  });

  test('a tab knows within a second that another one signed out, without asking', async (t) => {
    const [first, second] = await (await Person.comes(t, stage, 'prompt')).signsInWithTwoTabs();
    const asked = [];
    second.page.on('request', (request) => asked.push(request.url()));
    await press(first, first.words.signOut);
    await first.page.waitForURL((url) => url.pathname === '/');
    await second.page.getByText(second.words.endedInOtherTab).waitFor({ timeout: PROMPTLY_MS });
    assert.deepEqual(asked, []);
    await first.sees(first.words.pending);
  });
});
