// `/docs`: what a developer finds there.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { shortcomings } from './accessibility.mjs';
import { launchBrowser, newProfile } from './browser.mjs';
import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { shared } from './scope.mjs';

async function open(t, { browser, gateway }, hash = '') {
  const { context } = await newProfile(t, browser, { viewport: { width: 1280, height: 800 }, permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  await page.goto(`${gateway.origin}/docs${hash}`);
  await page.locator('main[aria-busy=false]').waitFor();
  return page;
}

const section = (page, name) => page.getByRole('article', { name, exact: true });

describe('the documents', () => {
  const stage = shared(async (t) => ({ browser: await launchBrowser(t), gateway: await startGateway(t) }));

  test('a call and an event are found by searching', async (t) => {
    const page = await open(t, stage);
    await page.keyboard.press('/');
    await page.keyboard.type('POST /auth/token');
    await section(page, 'POST /auth/token').waitFor();
    assert.equal(await section(page, 'GET /config').isVisible(), false);
    await page.getByRole('searchbox').fill('grant verifier');
    await section(page, 'authorized').waitFor();
    assert.equal(await section(page, 'hello').isVisible(), false);
    await page.getByRole('searchbox').fill('nothing is called this');
    await page.getByRole('status').getByText('0 found').waitFor({ state: 'attached' });
    await page.getByRole('searchbox').fill('');
    await section(page, 'hello').waitFor();
  });

  test('every section has an address, and every link leads to one', async (t) => {
    const page = await open(t, stage, '#message-authorized');
    await eventually('the section of the address is in view', () =>
      section(page, 'authorized').evaluate((article) => {
        const { top } = article.getBoundingClientRect();
        return top >= 0 && top < window.innerHeight / 2;
      }));
    await section(page, 'authorized').getByRole('link', { name: 'Person' }).click();
    assert.equal(new URL(page.url()).hash, '#type-Person');
    const dead = await page.evaluate(() =>
      [...document.querySelectorAll('a[href^="#"]')].map((link) => link.hash.slice(1)).filter((id) => !document.getElementById(id)));
    assert.deepEqual(dead, []);
  });

  test('a call is taken along as curl, and works', async (t) => {
    const page = await open(t, stage, '#call-openScene');
    await section(page, 'POST /scenes').getByRole('button', { name: 'Copy' }).first().click();
    await section(page, 'POST /scenes').getByRole('button', { name: 'Copied' }).waitFor();
    const curl = await page.evaluate(() => navigator.clipboard.readText());
    const [, url] = /^curl -X POST '([^']+)'/.exec(curl);
    const headers = Object.fromEntries([...curl.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value]));
    const [, body] = /-d '(.+)'$/.exec(curl);
    const answer = await fetch(url, { method: 'POST', headers, body });
    assert.equal(answer.status, 201);
    assert.equal((await answer.json()).data.type, 'pending');
  });

  test('it is for everybody', async (t) => {
    const page = await open(t, stage);
    await page.locator('details').evaluateAll((all) => all.forEach((one) => (one.open = true)));
    await page.setViewportSize({ width: 320, height: 800 });
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, 'nothing is too wide');
    // Some of each kind: axe would take half a minute for all that is alike.
    await page.getByRole('searchbox').fill('grant verifier');
    assert.deepEqual(await shortcomings(page), []);
  });
});
