// A code of the official account: the scan is told to the account, whose chat leads to the page that asks.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

describe('official account', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t), gateway: await startGateway(t) }));

  /** The login page with the account's code. */
  const openDesk = (t, options) => Desk.open(t, stage.browser, stage.gateway, { query: '?flow=official_account', ...options });

  /** The phone of somebody new. */
  async function person(t, id, { follower = true, ...options } = {}) {
    const user = await stage.gateway.addUser({ id, name: '李小龙', follower });
    return { user, phone: await Phone.of(t, stage.browser, stage.gateway, user, options) };
  }

  for (const locale of Object.keys(WORDS)) {
    test(`a follower is answered in the chat, confirms, consents and is signed in (${locale})`, async (t) => {
      const { user, phone } = await person(t, `follower-${locale.toLowerCase()}`, { locale });
      const desk = await openDesk(t, { locale });
      const code = await desk.code();
      assert.match(code, /^http:\/\/weixin\.qq\.com\/q\/\S+$/);
      await phone.scansIntoChat(code);
      await phone.readsInChat(phone.words.chatAsks);
      await desk.sees(desk.words.scannedInChat);

      await phone.tapsTheLink();
      await phone.seesTheRequest();
      await phone.confirms();
      await phone.consents();
      await phone.sees(phone.words.done);
      await desk.isSignedInAs(user.name);
    });
  }

  test('who follows the account by the scan is answered too, and may leave it and stay signed in', async (t) => {
    const { user, phone } = await person(t, 'newcomer', { follower: false });
    const desk = await openDesk(t);
    await phone.scansIntoChat(await desk.code());
    await desk.sees(desk.words.pending);
    await phone.follows();
    await phone.readsInChat(phone.words.followed);
    await phone.readsInChat(phone.words.chatAsks);
    await desk.sees(desk.words.scannedInChat);
    const chat = phone.page.url();
    await phone.tapsTheLink();
    await phone.seesTheRequest();
    await phone.confirms();
    await phone.consents();
    await desk.isSignedInAs(user.name);

    await phone.page.goto(chat);
    await phone.unfollows();
    await phone.readsInChat(phone.words.left);
    await desk.page.reload();
    await desk.isSignedInAs(user.name);
  });

  test('rejecting is told to the page, whose next code works', async (t) => {
    const { user, phone } = await person(t, 'careful');
    const desk = await openDesk(t);
    const refused = await desk.code();
    await phone.scansIntoChat(refused);
    await phone.tapsTheLink();
    await phone.seesTheRequest();
    await phone.rejects();
    await phone.sees(phone.words.refused);
    await desk.sees(desk.words.rejected);

    await phone.scansIntoChat(refused);
    await phone.readsInChat(phone.words.over);
    await desk.asksForNewCode();
    const code = await desk.code({ than: refused });
    assert.match(code, /^http:\/\/weixin\.qq\.com\/q\//);
    await phone.scansIntoChat(code);
    await desk.sees(desk.words.scannedInChat);
    await phone.tapsTheLink();
    await phone.confirms();
    await phone.consents();
    await desk.isSignedInAs(user.name);
  });

  test('a second person is told so in the chat, and the first one’s login goes on', async (t) => {
    const { user, phone } = await person(t, 'first');
    const { phone: other } = await person(t, 'second');
    const desk = await openDesk(t);
    const code = await desk.code();
    await phone.scansIntoChat(code);
    await desk.sees(desk.words.scannedInChat);
    await other.scansIntoChat(code);
    await other.readsInChat(other.words.inUse);
    assert.equal(await other.page.getByRole('log').getByRole('link').count(), 0);
    // Of the many people by now, the one whose phone it is can be seen.
    const { left, right } = await other.page.locator('[aria-pressed=true]').evaluate((button) => button.getBoundingClientRect().toJSON());
    assert.ok(left >= 0 && right <= other.page.viewportSize().width, `${left} to ${right}`);

    await phone.tapsTheLink();
    await phone.confirms();
    await phone.consents();
    await desk.isSignedInAs(user.name);
  });

  test('the page is told of the scan at once, and of nothing more until the phone confirms', async (t) => {
    const { phone } = await person(t, 'idle');
    const desk = await openDesk(t);
    await phone.scansIntoChat(await desk.code());
    await phone.readsInChat(phone.words.chatAsks);
    await desk.sees(desk.words.scannedInChat);
    await phone.page.getByRole('textbox', { name: phone.words.message }).fill('Hello');
    await phone.page.getByRole('button', { name: phone.words.send, exact: true }).click();
    await phone.readsInChat('Hello');
    assert.deepEqual(desk.heard, ['hello', 'pending', 'scanned']);
  });
});
