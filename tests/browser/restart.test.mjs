// The gateway dies under a waiting page and comes back.

import { describe, test } from 'node:test';

import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';

/** What a browser writes down when nobody listens. */
const OUTAGE = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection to .* failed/;
/** The page has to notice, back off and come back. */
const RECOVERY_MS = 45_000;

describe('restart', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t) }));

  test('a page that waits through a crash gets a fresh code, and a login works', async (t) => {
    const { browser } = stage;
    const gateway = await startGateway(t);
    const user = await gateway.addUser({ id: 'steady', name: 'Steady' });
    const desk = await Desk.open(t, browser, gateway);
    desk.complaints.expect(OUTAGE);
    const lost = await desk.code();

    await gateway.kill();
    await desk.sees(desk.words.reconnecting);
    await gateway.start();
    await gateway.addUser(user);

    desk.page.context().setDefaultTimeout(RECOVERY_MS);
    const fresh = await desk.code({ than: lost, withinMs: RECOVERY_MS });
    const phone = await Phone.of(t, browser, gateway, user);
    await phone.signsInForTheFirstTime(fresh);
    await desk.isSignedInAs(user.name);
  });

  test('somebody who is signed in stays so through a restart', async (t) => {
    const { browser } = stage;
    const gateway = await startGateway(t);
    const user = await gateway.addUser({ id: 'steady', name: 'Steady' });
    const desk = await Desk.open(t, browser, gateway);
    desk.complaints.expect(OUTAGE);
    const phone = await Phone.of(t, browser, gateway, user);
    await phone.signsInForTheFirstTime(await desk.code());
    await desk.isSignedInAs(user.name);

    await gateway.stop();
    await gateway.start();
    await desk.page.reload();
    await desk.isSignedInAs(user.name);
  });
});
