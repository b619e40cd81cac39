// Codes live for a short time; the page sees to that by itself, and not for ever.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser, see } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

describe('expiry', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t) }));

  test('a code is renewed in place, and the new one works', async (t) => {
    const { browser } = stage;
    const gateway = await startGateway(t, { 'scene.pending_ttl_ms': 4000 });
    const user = await gateway.addUser({ id: 'patient', name: 'Patient' });
    const desk = await Desk.open(t, browser, gateway);
    const phone = await Phone.of(t, browser, gateway, user);
    const first = await desk.code();
    const second = await desk.code({ than: first, withinMs: 20_000 });
    assert.notEqual(second, first);
    await phone.signsInForTheFirstTime(second);
    await desk.isSignedInAs(user.name);
  });

  test('a page that nobody looks after stops renewing, and starts again when asked', async (t) => {
    const { browser } = stage;
    const gateway = await startGateway(t, { 'scene.pending_ttl_ms': 600 });
    const desk = await Desk.open(t, browser, gateway);
    await desk.page.getByText(desk.words.expired).filter({ visible: true }).first().waitFor({ timeout: 30_000 });
    await desk.asksForNewCode();
    await desk.code();
  });

  test('a phone that comes too late is told so, and the page shows no sign of it', async (t) => {
    const { browser } = stage;
    const gateway = await startGateway(t, { 'scene.pending_ttl_ms': 2000 });
    const user = await gateway.addUser({ id: 'late', name: 'Late' });
    const desk = await Desk.open(t, browser, gateway);
    const stale = await desk.code();
    await desk.code({ than: stale });
    const phone = await Phone.of(t, browser, gateway, user);
    // The page says that it is over by its status too.
    phone.complaints.expect(/status of 4\d\d/);
    await phone.scans(stale);
    await see(phone.page, phone.words.expired);
    await desk.code({ than: stale });
  });
});
