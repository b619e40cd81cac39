// The story: a code on a screen, a phone that reads it, a tap, and the page goes on by itself.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, NOBODY_HERE, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

describe('login', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t), gateway: await startGateway(t) }));

  for (const locale of Object.keys(WORDS)) {
    test(`a new user scans, confirms, consents, is signed in and signs out (${locale})`, async (t) => {
      const { browser, gateway } = stage;
      const user = await gateway.addUser({ id: `new-${locale.toLowerCase()}`, name: '李小龙' });
      const desk = await Desk.open(t, browser, gateway, { locale });
      const phone = await Phone.of(t, browser, gateway, user, { locale });
      const code = await desk.code();
      assert.match(code, new RegExp(`^${gateway.origin}/s/[A-Za-z0-9_-]{22}$`));

      await phone.scansByTyping(code);
      await phone.seesTheRequest();
      await desk.sees(desk.words.scanned);
      await phone.confirms();
      await phone.consents();
      await phone.sees(phone.words.done);

      await desk.isSignedInAs(user.name);
      await desk.signsOut();
      desk.complaints.expect(NOBODY_HERE);
      await desk.page.goto(`${gateway.origin}/app`);
      await desk.sees(desk.words.pending);
    });
  }

  test('a known user signs in by one tap, and the page says who is asked for', async (t) => {
    const { browser, gateway } = stage;
    const user = await gateway.addUser({ id: 'known', name: '王小明' });
    const first = await Desk.open(t, browser, gateway);
    const phone = await Phone.of(t, browser, gateway, user);
    await phone.signsInForTheFirstTime(await first.code());
    await first.isSignedInAs(user.name);

    const second = await Desk.open(t, browser, gateway);
    await phone.scans(await second.code());
    await phone.seesTheRequest();
    await second.sees(second.words.scanned);
    await second.sees(/^王\*+$/);
    await phone.confirms();
    await phone.sees(phone.words.done);
    await second.isSignedInAs(user.name);
  });

  test('rejecting on the phone is told to the page, which can begin again', async (t) => {
    const { browser, gateway } = stage;
    const user = await gateway.addUser({ id: 'careful', name: 'Careful' });
    const desk = await Desk.open(t, browser, gateway);
    const phone = await Phone.of(t, browser, gateway, user);
    const refused = await desk.code();
    await phone.scans(refused);
    await phone.seesTheRequest();
    await phone.rejects();
    await phone.sees(phone.words.refused);
    await desk.sees(desk.words.rejected);

    await desk.asksForNewCode();
    await phone.signsInForTheFirstTime(await desk.code({ than: refused }));
    await desk.isSignedInAs(user.name);
  });

  test('a nickname is text, whatever it holds', async (t) => {
    const { browser, gateway } = stage;
    const name = '<img src=x onerror="document.title=1">&amp;';
    const user = await gateway.addUser({ id: 'hostile', name });
    const phone = await Phone.of(t, browser, gateway, user);
    for (const visit of ['first', 'second']) {
      const desk = await Desk.open(t, browser, gateway);
      await phone.scans(await desk.code());
      await phone.seesTheRequest();
      await desk.sees(desk.words.scanned);
      await phone.confirms();
      if (visit === 'first') await phone.consents();
      await phone.sees(phone.words.done);
      await desk.isSignedInAs(name);
      for (const page of [desk.page, phone.page]) {
        assert.equal(await page.locator('img[src="x"], img[src$="/x"]').count(), 0);
        assert.notEqual(await page.title(), '1');
      }
    }
  });

  test('somebody who is signed in is not asked again', async (t) => {
    const { browser, gateway } = stage;
    const user = await gateway.addUser({ id: 'returning', name: 'Returning' });
    const desk = await Desk.open(t, browser, gateway);
    const phone = await Phone.of(t, browser, gateway, user);
    await phone.signsInForTheFirstTime(await desk.code());
    await desk.isSignedInAs(user.name);
    await desk.page.reload();
    await desk.isSignedInAs(user.name);
    const tab = await desk.anotherTab();
    await tab.isSignedInAs(user.name);
  });
});
