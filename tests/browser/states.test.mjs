// Every state of the login page as people see it who need it most: four times as large, in the dark, without motion.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { shortcomings } from './accessibility.mjs';
import { launchBrowser } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { shared } from './scope.mjs';
import { STATES, reach } from './states.mjs';
import { WORDS } from './words.mjs';

/** A window of 1280 × 1024 at 400 %. */
const ZOOMED = [['light', 320, 256], ['dark', 320, 256]];

describe('states', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t) }));

  for (const locale of Object.keys(WORDS)) {
    for (const name of Object.keys(STATES)) {
      test(`${name} is accessible at 400 % (${locale})`, async (t) => {
        const { page } = await reach(t, stage.browser, name, locale);
        assert.deepEqual(await shortcomings(page, [], ZOOMED), []);
      });
    }
  }

  test('the card keeps its size from state to state', async (t) => {
    for (const locale of Object.keys(WORDS)) {
      const sizes = new Map();
      for (const name of Object.keys(STATES)) {
        const { page } = await reach(t, stage.browser, name, locale);
        const { width, height } = await page.locator('#card').boundingBox();
        sizes.set(name, `${width} × ${height}`);
        await page.context().close();
      }
      assert.deepEqual([...sizes].filter(([, size]) => size !== '376 × 516'), [], locale);
    }
  });

  test('in forced colours the card has an edge, buttons have one, and the code stays black on white', async (t) => {
    const { page } = await reach(t, stage.browser, 'last-seconds', 'en', { forcedColors: 'active', colorScheme: 'dark' });
    const styleOf = (selector, name) => page.locator(selector).first().evaluate((element, name) => getComputedStyle(element)[name], name);
    assert.equal(await styleOf('#card', 'borderTopWidth'), '1px');
    assert.equal(await styleOf('#beside button', 'borderTopStyle'), 'solid');
    assert.notEqual(await styleOf('#beside button', 'borderTopColor'), 'rgba(0, 0, 0, 0)');
    assert.equal(await styleOf('#plate', 'backgroundColor'), 'rgb(255, 255, 255)');
    assert.deepEqual(await shortcomings(page), []);
  });

  test('the code is kept by keyboard', async (t) => {
    const { page, gateway } = await reach(t, stage.browser, 'last-seconds', 'en');
    const focused = () => page.evaluate(() => document.querySelector('scan-login').shadowRoot.activeElement?.textContent);
    for (let press = 0; press < 5 && (await focused()) !== WORDS.en.keep; press += 1) await page.keyboard.press('Tab');
    assert.equal(await focused(), WORDS.en.keep);
    await page.keyboard.press('Enter');
    await eventually('a new code is asked for', () => gateway.heard.at(-1).type === 'refresh');
  });
});
