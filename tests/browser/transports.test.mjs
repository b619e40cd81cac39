// Networks that stand in the way: the login comes through, whatever they let through.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, PATIENCE_MS, launchBrowser } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';
import { startGatewayBehindWire } from './wire.mjs';

/** What a browser writes down of sockets and calls that come to nothing. */
const CUT = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_FAILED|WebSocket connection to .* failed/;
const EVENTS = /\/api\/v1\/scenes\/[\w-]+\/events$/;
const POLLS = /\/api\/v1\/scenes\/[\w-]+\?after=/;

/** What these networks do to a page. */
const NETWORKS = {
  'one that closes sockets': (page) => page.routeWebSocket(/./, (socket) => socket.close()),
  // The handshake is answered, as some proxies do, and nothing follows.
  'one that swallows sockets': (page) => page.routeWebSocket(/./, () => {}),
};
/** A proxy that waits for the end of an answer before it passes it on. */
const holdsStreamsBack = (page) => page.route(EVENTS, () => {});

describe('transports', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t), gateway: await startGateway(t) }));

  async function comes(t, id, gateway = stage.gateway) {
    const user = await gateway.addUser({ id, name: `Person ${id}` });
    const phone = await Phone.of(t, stage.browser, gateway, user);
    const open = (prepare, options) => Desk.open(t, stage.browser, gateway, { prepare, ...options });
    return { user, phone, open };
  }

  /** The addresses of what a page asks for. */
  function asksOf(desk) {
    const asks = [];
    desk.page.on('request', (request) => asks.push(request.url()));
    return asks;
  }

  for (const [name, prepare] of Object.entries(NETWORKS)) {
    test(`${name}: the login goes over a stream, and the page says so`, async (t) => {
      const { user, phone, open } = await comes(t, name.replaceAll(' ', '-'));
      const desk = await open(prepare);
      const code = await desk.code();
      await desk.sees(desk.words.polling);
      await phone.scans(code);
      await phone.seesTheRequest();
      await desk.sees(desk.words.scanned);
      const asks = asksOf(desk);
      await phone.confirms();
      await phone.consents();
      await desk.isSignedInAs(user.name);
      assert.deepEqual(asks.filter((url) => POLLS.test(url)), []);
    });
  }

  test('one that holds streams back as well: the login goes over long polls', async (t) => {
    const { user, phone, open } = await comes(t, 'held-back');
    const desk = await open(async (page) => {
      await NETWORKS['one that closes sockets'](page);
      await holdsStreamsBack(page);
    });
    const polled = desk.page.waitForRequest(POLLS);
    const code = await desk.code();
    await polled;
    await phone.scans(code);
    await phone.seesTheRequest();
    await desk.sees(desk.words.scanned);
    await phone.confirms();
    await phone.consents();
    await desk.isSignedInAs(user.name);
  });

  test('the next page begins with what worked', async (t) => {
    const { open } = await comes(t, 'remembered');
    const desk = await open(NETWORKS['one that swallows sockets']);
    await desk.code();
    await desk.sees(desk.words.polling);
    const sockets = [];
    desk.page.on('websocket', (socket) => sockets.push(socket.url()));
    const streamed = desk.page.waitForRequest(EVENTS);
    await desk.page.reload();
    await streamed;
    await desk.code();
    assert.deepEqual(sockets, []);
  });

  test('a network that is cut and mended: the code stays, and what was missed is told', async (t) => {
    const { gateway, wire } = await startGatewayBehindWire(t);
    const { user, phone, open } = await comes(t, 'tunnel', gateway);
    const desk = await open();
    desk.complaints.expect(CUT);
    const code = await desk.code();
    await phone.scans(code);
    await phone.seesTheRequest();
    await desk.sees(desk.words.scanned);
    await phone.confirms();
    await phone.isAskedForConsent();
    wire.cut();
    await desk.sees(desk.words.reconnecting);
    wire.mend();
    await phone.consents();
    await desk.isSignedInAs(user.name);
  });

  test('a browser that goes offline and comes back is there at once, with the same code', async (t) => {
    const { gateway, wire } = await startGatewayBehindWire(t);
    const { user, phone, open } = await comes(t, 'offline', gateway);
    const desk = await open();
    desk.complaints.expect(CUT);
    const code = await desk.code();
    const context = desk.page.context();
    await context.setOffline(true);
    wire.cut();
    await desk.sees(desk.words.reconnecting);
    wire.mend();
    await context.setOffline(false);
    await eventually('the page is back', () => desk.heard.filter((type) => type === 'hello').length === 2, PATIENCE_MS);
    assert.equal(await desk.code(), code);
    await phone.signsInForTheFirstTime(code);
    await desk.isSignedInAs(user.name);
  });

  test('a laptop that slept for two hours resumes at once', async (t) => {
    const { user, phone, open } = await comes(t, 'asleep');
    const desk = await open((page) => page.context().clock.install());
    const code = await desk.code();
    const resumed = desk.page.waitForEvent('websocket');
    await desk.page.context().clock.fastForward('02:00:00');
    await resumed;
    await eventually('the page is back', () => desk.heard.filter((type) => type === 'pending').length === 2, PATIENCE_MS);
    // The gateway's clock did not sleep: for it the code is still a young one.
    assert.ok((await desk.timeLeft()) > 0.5);
    await phone.signsInForTheFirstTime(code);
    await desk.isSignedInAs(user.name);
  });

  for (const minutes of [-10, 10]) {
    test(`a computer whose clock is wrong by ${minutes} minutes counts right`, async (t) => {
      const { user, phone, open } = await comes(t, `clock${minutes}`);
      const desk = await open((page) => page.context().clock.install({ time: Date.now() + minutes * 60_000 }));
      const code = await desk.code();
      assert.ok((await desk.timeLeft()) > 0.8, 'the code has just been drawn');
      await phone.signsInForTheFirstTime(code);
      await desk.isSignedInAs(user.name);
      await desk.sees(desk.words.renewsIn);
    });
  }

  test('twenty tabs at once: each its own code, and one login', async (t) => {
    const { user, phone, open } = await comes(t, 'twenty');
    const first = await open();
    const tabs = [first];
    while (tabs.length < 20) tabs.push(await first.anotherTab('/'));
    const codes = new Set();
    for (const tab of tabs) {
      await tab.page.bringToFront();
      codes.add(await tab.code());
    }
    assert.equal(codes.size, tabs.length);
    await phone.signsInForTheFirstTime([...codes].at(-1));
    await tabs.at(-1).isSignedInAs(user.name);
    for (const tab of tabs.slice(0, -1)) assert.ok(await tab.page.getByText(tab.words.pending).count());
  });
});
