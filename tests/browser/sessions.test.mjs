// The sessions of one person in several browsers: seen, ended from elsewhere, and stolen in vain.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { NOBODY_HERE, launchBrowser } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { GRACE_MS, NEARLY_A_TOKEN, Person, REFUSED, allRenew, clockOf, cookieOf, press, useElsewhere } from './person.mjs';
import { shared } from './scope.mjs';

/** The life of an access token that is renewed, when two thirds of it are over, well after two graces. */
const BRIEF_S = 40;

describe('sessions', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    gateway: await startGateway(t, { 'limits.token_per_address_per_min': 10_000 }),
  }));

  test('signing out everywhere is seen in every browser', async (t) => {
    const someone = await Person.comes(t, stage, 'everywhere');
    const here = await someone.signsIn();
    const there = await someone.signsIn({ locale: 'zh-CN' });
    await Promise.all([there.sees(there.words.endedEverywhere), press(here, here.words.signOutEverywhere)]);
    await here.sees(here.words.pending);
    assert.equal(there.heard.at(-1), 'session_revoked');
    await there.page.getByRole('link', { name: there.words.signIn, exact: true }).click();
    await there.sees(there.words.pending);
  });

  test('one session is signed out from the list of another', async (t) => {
    const someone = await Person.comes(t, stage, 'tidy');
    const here = await someone.signsIn();
    const there = await someone.signsIn();
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
    const tabs = await (await Person.comes(t, stage, 'robbed')).signsInWithTwoTabs();
    const stolen = tabs[0].firstCookie;
    // Up to then it could be of an answer that was lost.
    await eventually('the old cookie is refused', async () => (await useElsewhere(stage.gateway, stolen)).status === 401, 2 * GRACE_MS);
    for (const tab of tabs) {
      await tab.sees(tab.words.endedReuse);
      await tab.page.getByRole('alert').getByText(tab.words.endedReuseDetail).waitFor();
    }
  });

  test('a stranger who was faster is found out by the next renewal, and every tab warns', async (t) => {
    const gateway = await startGateway(t, { 'token.access_ttl_s': BRIEF_S, 'limits.token_per_address_per_min': 10_000 });
    const tabs = await (await Person.comes(t, { ...stage, gateway }, 'overtaken')).signsInWithTwoTabs();
    tabs[0].complaints.expect(REFUSED);
    const stolen = await cookieOf(tabs[0]);
    const taken = await eventually('the stranger gets the next cookie', async () => (await useElsewhere(gateway, stolen)).cookie, 2 * GRACE_MS);
    // No clock is moved: a socket that seems to have slept would not hear why.
    for (const tab of tabs) {
      tab.page.setDefaultTimeout(2_000 * BRIEF_S);
      await tab.sees(tab.words.endedReuse);
    }
    assert.equal((await useElsewhere(gateway, taken)).status, 401);
  });

  test('the page works where no socket gets through', async (t) => {
    const someone = await Person.comes(t, stage, 'blocked');
    const desk = await someone.signsIn();
    const other = await someone.signsIn();
    await desk.page.routeWebSocket(/./, (socket) => socket.close());
    await desk.page.reload();
    await desk.isSignedInAs(someone.name);
    await allRenew([desk]);
    await press(other, other.words.signOutEverywhere);
    await other.sees(other.words.pending);
    desk.complaints.expect(REFUSED);
    await clockOf(desk).fastForward(NEARLY_A_TOKEN);
    await desk.sees(desk.words.endedEverywhere);
  });
});
