// Two digits on the phone, which the person types where they saw the code.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Desk, launchBrowser } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { Phone } from './phone.mjs';
import { shared } from './scope.mjs';
import { WORDS } from './words.mjs';

/** Sockets in a row that fail before the page does without, with the waits between them. */
const FALLBACK_MS = 30_000;
/** Digits that are not these. */
const others = (digits, by = 1) => String((Number(digits) + by) % 100).padStart(2, '0');

describe('number match', () => {
  const stage = shared(async (t) => ({
    browser: await launchBrowser(t),
    gateway: await startGateway(t, { 'scene.number_match': 'always' }),
  }));

  /** Somebody with a phone of theirs and the login page. */
  async function people(t, id, { locale = 'en', ...options } = {}) {
    const { browser, gateway } = stage;
    const user = await gateway.addUser({ id, name: '王小明' });
    const desk = await Desk.open(t, browser, gateway, { locale, ...options });
    return { user, desk, phone: await Phone.of(t, browser, gateway, user, { locale }) };
  }

  /** The digits on the phone, and the page that asks for them. */
  async function isAsked(desk, phone, code, { isNew = true } = {}) {
    await phone.scans(code);
    await phone.seesTheRequest();
    await phone.confirms();
    if (isNew) await phone.consents();
    const digits = await phone.digits();
    assert.match(digits, /^\d\d$/);
    await phone.sees(new URL(stage.gateway.origin).host);
    await desk.sees(desk.words.verifying);
    return digits;
  }

  /** Types digits that are wrong, and sees that a try is gone. */
  async function triesWrong(desk, digits, left) {
    await desk.page.keyboard.type(digits);
    await desk.sees(new RegExp(`^${desk.words.triesLeft(left)} ·`));
  }

  for (const locale of Object.keys(WORDS)) {
    test(`wrong digits, then the right ones, typed by keyboard (${locale})`, async (t) => {
      const { user, desk, phone } = await people(t, `typist-${locale.toLowerCase()}`, { locale });
      const digits = await isAsked(desk, phone, await desk.code());
      await triesWrong(desk, others(digits), 2);
      await desk.sees(desk.words.wrongDigits);
      await desk.page.keyboard.type(digits);
      await desk.isSignedInAs(user.name);
      await phone.page.getByRole('link', { name: phone.words.typed }).click();
      await phone.sees(phone.words.done);
    });
  }

  test('the right digits are pasted', async (t) => {
    const { user, desk, phone } = await people(t, 'paster', { permissions: ['clipboard-read', 'clipboard-write'] });
    const digits = await isAsked(desk, phone, await desk.code());
    await desk.page.evaluate((text) => navigator.clipboard.writeText(text), `${digits[0]} ${digits[1]}`);
    await desk.page.keyboard.press('ControlOrMeta+V');
    await desk.isSignedInAs(user.name);
  });

  test('rejecting with the digits in sight ends it', async (t) => {
    const { desk, phone } = await people(t, 'suspicious');
    await isAsked(desk, phone, await desk.code());
    await phone.rejects();
    await phone.sees(phone.words.refused);
    await desk.sees(desk.words.rejected);
  });

  test('three wrong ones fail the login, and two such logins lock the person out', async (t) => {
    const { desk, phone } = await people(t, 'guesser');
    let code;
    for (const isNew of [true, false]) {
      code = await desk.code({ than: code });
      const digits = await isAsked(desk, phone, code, { isNew });
      await triesWrong(desk, others(digits, 1), 2);
      await triesWrong(desk, others(digits, 2), 1);
      await desk.page.keyboard.type(others(digits, 3));
      await desk.sees(desk.words.failed);
      phone.complaints.expect(/status of 410/);
      await phone.page.getByRole('link', { name: phone.words.typed }).click();
      await phone.sees(phone.words.notCompleted);
      await desk.page.getByRole('button', { name: desk.words.tryAgain }).click();
    }
    phone.complaints.expect(/status of 403/);
    await phone.scans(await desk.code({ than: code }));
    await phone.sees(phone.words.lockedOut);
    await desk.sees(desk.words.refusedByPolicy);
  });

  test('where sockets are blocked the digits go by HTTP', async (t) => {
    const { user, desk, phone } = await people(t, 'blocked', { prepare: (page) => page.routeWebSocket(/./, (socket) => socket.close()) });
    desk.page.setDefaultTimeout(FALLBACK_MS);
    const code = await desk.code({ withinMs: FALLBACK_MS });
    await desk.sees(desk.words.polling);
    const digits = await isAsked(desk, phone, code);
    await triesWrong(desk, others(digits), 2);
    await desk.page.keyboard.type(digits);
    await desk.isSignedInAs(user.name);
  });
});
