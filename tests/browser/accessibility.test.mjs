// Every state of every page, as people see it who need it most.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { shortcomings } from './accessibility.mjs';
import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

async function isAccessible(actor, state, except) {
  assert.deepEqual(await shortcomings(actor.page, except), [], state);
}

describe('accessibility', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t), gateway: await startGateway(t) }));

  for (const locale of Object.keys(WORDS)) {
    test(`from the code to the product (${locale})`, async (t) => {
      const { browser, gateway } = stage;
      const user = await gateway.addUser({ id: `able-${locale.toLowerCase()}`, name: '李小龙' });
      const desk = await Desk.open(t, browser, gateway, { locale });
      const phone = await Phone.of(t, browser, gateway, user, { locale });
      const code = await desk.code();
      await isAccessible(desk, 'pending');
      await phone.scans(code);
      await phone.seesTheRequest();
      await isAccessible(phone, 'the confirm page');
      await desk.sees(desk.words.scanned);
      await isAccessible(desk, 'scanned');
      await phone.confirms();
      await phone.consents();
      await phone.sees(phone.words.done);
      await isAccessible(phone, 'the result page');
      await desk.isSignedInAs(user.name);
      await desk.sees(desk.words.thisDevice);
      await isAccessible(desk, '/app');

      const other = await Desk.open(t, browser, gateway, { locale });
      await phone.signsIn(await other.code());
      await other.isSignedInAs(user.name);
      await desk.page.reload();
      await desk.page.getByRole('listitem').nth(1).waitFor();
      await isAccessible(desk, '/app with two sessions');
      await desk.isAttached();
      await other.page.getByRole('button', { name: other.words.signOutEverywhere, exact: true }).click();
      await desk.sees(desk.words.endedEverywhere);
      await isAccessible(desk, '/app after the end');
    });

    test(`by the chat, with two digits (${locale})`, async (t) => {
      const { browser } = stage;
      const gateway = await startGateway(t, { 'scene.number_match': 'always' });
      const user = await gateway.addUser({ id: 'chatting', name: '李小龙' });
      const desk = await Desk.open(t, browser, gateway, { locale, query: '?flow=official_account' });
      const phone = await Phone.of(t, browser, gateway, user, { locale });
      await phone.scansIntoChat(await desk.code());
      await isAccessible(phone, 'the chat of somebody who does not follow');
      await phone.follows();
      await phone.readsInChat(phone.words.chatAsks);
      await isAccessible(phone, 'the chat');
      await desk.sees(desk.words.scannedInChat);
      await isAccessible(desk, 'scanned, to be confirmed in the chat');
      await phone.tapsTheLink();
      await phone.confirms();
      await phone.consents();
      const digits = await phone.digits();
      // It is read anew once, when the digits are worth nothing any more: a limit that is essential (WCAG 2.2.1).
      await isAccessible(phone, 'the digits', ['meta-refresh']);
      await desk.sees(desk.words.verifying);
      await isAccessible(desk, 'verifying');
      await desk.page.keyboard.type(digits);
      await desk.isSignedInAs(user.name);
    });

    test(`beside WeChat’s page (${locale})`, async (t) => {
      const { browser, gateway } = stage;
      const desk = await Desk.open(t, browser, gateway, { locale, query: '?flow=website' });
      await desk.sees(desk.words.openHere);
      await isAccessible(desk, 'with the frame');
      await desk.page.getByRole('button', { name: desk.words.openHere }).click();
      await desk.page.waitForURL(`${gateway.sandbox}/connect/qrconnect?*`);
      await isAccessible(desk, 'WeChat’s page');
    });

    test(`inside WeChat (${locale})`, async (t) => {
      const { browser, gateway } = stage;
      const desk = await Desk.open(t, browser, gateway, { locale, query: '?wechat=1' });
      await desk.sees(desk.words.here);
      await isAccessible(desk, 'no scan needed');
    });

    test(`rejected (${locale})`, async (t) => {
      const { browser, gateway } = stage;
      const user = await gateway.addUser({ id: `no-${locale.toLowerCase()}`, name: '李小龙' });
      const desk = await Desk.open(t, browser, gateway, { locale });
      const phone = await Phone.of(t, browser, gateway, user, { locale });
      await phone.scans(await desk.code());
      await phone.seesTheRequest();
      await phone.rejects();
      await desk.sees(desk.words.rejected);
      await isAccessible(desk, 'rejected');
      await phone.sees(phone.words.refused);
      await isAccessible(phone, 'cancelled on the phone');
    });

    test(`expired (${locale})`, async (t) => {
      const { browser } = stage;
      const gateway = await startGateway(t, { 'scene.pending_ttl_ms': 500 });
      const desk = await Desk.open(t, browser, gateway, { locale });
      desk.page.setDefaultTimeout(30_000);
      await desk.sees(desk.words.expired);
      await isAccessible(desk, 'expired');
    });
  }

  test('states can be reached and left by keyboard', async (t) => {
    const { browser, gateway } = stage;
    const user = await gateway.addUser({ id: 'keys', name: 'Keys' });
    const desk = await Desk.open(t, browser, gateway);
    const phone = await Phone.of(t, browser, gateway, user);
    const refused = await desk.code();
    await phone.scans(refused);
    await phone.seesTheRequest();
    await phone.page.getByRole('button', { name: phone.words.reject, exact: true }).press('Enter');
    await desk.sees(desk.words.rejected);
    await desk.page.getByRole('button', { name: desk.words.newCode }).first().press('Enter');
    assert.notEqual(await desk.code({ than: refused }), refused);
  });
});
