// One session in several tabs and browsers: renewed together, ended together, and stolen in vain.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, NOBODY_HERE, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

/** How soon a page knows of what was done elsewhere. */
const PROMPTLY_MS = 1_000;
/** What a token is due after, and no session. */
const NEARLY_A_TOKEN = '09:10';
const ROUNDS = process.env.SCANGATE_LONG ? 100 : 10;
/** What calls with a token of a session that has ended come to. */
const REFUSED = /status of 401/;

describe('sessions', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    gateway: await startGateway(t, { 'limits.token_per_address_per_min': 10_000 }),
  }));

  /** Somebody with a phone, not signed in yet. */
  async function person(t, id) {
    const user = await stage.gateway.addUser({ id, name: `Person ${id}` });
    return { user, phone: await Phone.of(t, stage.browser, stage.gateway, user), known: false };
  }

  /** A browser of that person, signed in. Its clock can be moved; it goes on by itself. */
  async function signedIn(t, someone, options) {
    const desk = await Desk.open(t, stage.browser, stage.gateway, options);
    const code = await desk.code();
    if (someone.known) await someone.phone.signsIn(code);
    else await someone.phone.signsInForTheFirstTime(code);
    someone.known = true;
    await desk.isSignedInAs(someone.user.name);
    await desk.page.context().clock.install();
    await desk.page.reload();
    await desk.isSignedInAs(someone.user.name);
    await desk.isAttached();
    return desk;
  }

  async function twoTabs(t, id, options) {
    const someone = await person(t, id);
    const first = await signedIn(t, someone, options);
    const second = await first.anotherTab();
    await second.isSignedInAs(someone.user.name);
    await second.isAttached();
    return [first, second];
  }

  const clockOf = (desk) => desk.page.context().clock;
  const isRefresh = (request) => new URL(request.url()).pathname === '/api/v1/auth/refresh';
  const renewal = (desk) => desk.page.waitForResponse((answer) => isRefresh(answer) && answer.status() === 200);
  const press = (desk, name) => desk.page.getByRole('button', { name, exact: true }).click();

  /** The refresh cookie, as whoever can read this computer's disk would have it. */
  async function cookie(desk) {
    const debuggers = await desk.page.context().newCDPSession(desk.page);
    const { cookies } = await debuggers.send('Network.getCookies', { urls: [desk.gateway.origin] });
    const found = cookies.find(({ name }) => name === 'scangate');
    return found && `${found.name}=${found.value}`;
  }

  /** Uses a cookie as no browser does; answers the status and the next cookie. */
  async function useElsewhere(stolen) {
    const { origin } = stage.gateway;
    const headers = { 'content-type': 'application/json', origin, cookie: stolen };
    const answer = await fetch(`${origin}/api/v1/auth/refresh`, { method: 'POST', headers, body: '{}' });
    return { status: answer.status, cookie: answer.headers.getSetCookie()[0]?.split(';')[0] };
  }

  /** All tabs ask for a new token at the same moment. */
  async function allRenew(tabs) {
    const renewed = Promise.all(tabs.map(renewal));
    await clockOf(tabs[0]).fastForward(NEARLY_A_TOKEN);
    await renewed;
    for (const tab of tabs) await tab.sees(tab.words.renewsIn);
  }

  /** Nobody is signed in here, and nothing that the page could still do would change that. */
  async function isLeftWithNothing(tabs) {
    assert.equal(await cookie(tabs[0]), undefined);
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

  for (const [how, prepare] of [['one after the other', null], ['without locks', () => Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })]]) {
    test(`two tabs that renew at the same moment both stay signed in (${how})`, async (t) => {
      const someone = await person(t, prepare ? 'unlocked' : 'locked');
      const first = await signedIn(t, someone);
      if (prepare) await first.page.context().addInitScript(prepare);
      if (prepare) await first.page.reload();
      const second = await first.anotherTab();
      const tabs = [first, second];
      for (const tab of tabs) await tab.isSignedInAs(someone.user.name);
      const sessionOf = ({ page }) => page.locator('[data-part=session]').textContent();
      const session = await sessionOf(first);
      const cookies = new Set([await cookie(first)]);
      for (let round = 0; round < ROUNDS; round += 1) {
        await allRenew(tabs);
        cookies.add(await cookie(first));
      }
      assert.equal(cookies.size, ROUNDS + 1);
      for (const tab of tabs) {
        assert.equal(await sessionOf(tab), session);
        await tab.page.reload();
        await tab.sees(tab.words.thisDevice);
        assert.equal(await tab.page.getByRole('listitem').count(), 1);
      }
    });
  }

  test('a tab that signs out while both renew ends both', async (t) => {
    const [first, second] = await twoTabs(t, 'leaving');
    first.complaints.expect(REFUSED);
    await Promise.all([clockOf(first).fastForward(NEARLY_A_TOKEN), press(first, first.words.signOut)]);
    await first.sees(first.words.pending);
    await second.sees(second.words.endedInOtherTab);
    await isLeftWithNothing([first, second]);
  });

  test('two tabs that sign out while both renew are both signed out', async (t) => {
    const tabs = await twoTabs(t, 'leaving-twice');
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
    const [first, second] = await twoTabs(t, 'prompt');
    const asked = [];
    second.page.on('request', (request) => asked.push(request.url()));
    const done = first.page.waitForResponse('**/api/v1/auth/logout');
    await press(first, first.words.signOut);
    await done;
    await second.page.getByText(second.words.endedInOtherTab).waitFor({ timeout: PROMPTLY_MS });
    assert.deepEqual(asked, []);
    await first.sees(first.words.pending);
  });

  for (const locale of Object.keys(WORDS)) {
    test(`signing out everywhere is seen in every browser (${locale})`, async (t) => {
      const someone = await person(t, `everywhere-${locale.toLowerCase()}`);
      const here = await signedIn(t, someone, { locale });
      const there = await signedIn(t, someone, { locale });
      await Promise.all([there.sees(there.words.endedEverywhere), press(here, here.words.signOutEverywhere)]);
      await here.sees(here.words.pending);
      assert.equal(there.heard.at(-1), 'session_revoked');
      await there.page.getByRole('link', { name: there.words.signIn, exact: true }).click();
      await there.sees(there.words.pending);
    });
  }

  test('one session is signed out from the list of another', async (t) => {
    const someone = await person(t, 'tidy');
    const here = await signedIn(t, someone);
    const there = await signedIn(t, someone);
    await here.page.reload();
    const rows = here.page.getByRole('listitem');
    const other = rows.filter({ hasNotText: here.words.thisDevice });
    await other.waitFor();
    assert.equal(await rows.count(), 2);
    await Promise.all([there.sees(there.words.endedElsewhere), other.getByRole('button').press('Enter')]);
    await other.waitFor({ state: 'detached' });
    await here.page.getByText(here.words.sessionSignedOut).waitFor();
    assert.equal(await here.page.evaluate(() => document.activeElement.id), 'list-name');
    assert.equal(await rows.count(), 1);
    await here.sees(here.words.thisDevice);
    there.complaints.expect(NOBODY_HERE);
    await there.page.reload();
    await there.sees(there.words.pending);
  });

  test('a stranger with an old cookie ends the session, and every tab warns', async (t) => {
    const tabs = await twoTabs(t, 'robbed');
    const stolen = await cookie(tabs[0]);
    await allRenew(tabs);
    assert.equal((await useElsewhere(stolen)).status, 401);
    for (const tab of tabs) {
      await tab.sees(tab.words.endedReuse);
      await tab.page.getByRole('alert').getByText(tab.words.endedReuseDetail).waitFor();
    }
  });

  test('a stranger who was faster is found out by the next renewal, and every tab warns', async (t) => {
    const tabs = await twoTabs(t, 'overtaken');
    tabs[0].complaints.expect(REFUSED);
    const taken = await useElsewhere(await cookie(tabs[0]));
    const kept = await useElsewhere(taken.cookie);
    assert.equal(kept.status, 200);
    await clockOf(tabs[0]).fastForward(NEARLY_A_TOKEN);
    for (const tab of tabs) await tab.sees(tab.words.endedReuse);
    assert.equal((await useElsewhere(kept.cookie)).status, 401);
  });

  test('the page works where no socket gets through', async (t) => {
    const someone = await person(t, 'blocked');
    const desk = await signedIn(t, someone);
    const other = await signedIn(t, someone);
    await desk.page.routeWebSocket(/./, (socket) => socket.close());
    await desk.page.reload();
    await desk.isSignedInAs(someone.user.name);
    await allRenew([desk]);
    await press(other, other.words.signOutEverywhere);
    await other.sees(other.words.pending);
    desk.complaints.expect(REFUSED);
    await clockOf(desk).fastForward(NEARLY_A_TOKEN);
    await desk.sees(desk.words.endedUnknown);
  });
});
