// The package in a project of React and one of Vue, each built by Vite, on another origin than the gateway's.

import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { launchBrowser, newProfile, see } from '../browser/browser.mjs';
import { readScreen } from '../browser/camera.mjs';
import { eventually } from '../browser/eventually.mjs';
import { startGateway } from '../browser/gateway.mjs';
import { Phone } from '../browser/phone.mjs';
import { freePorts } from '../browser/proxy.mjs';
import { shared } from '../browser/scope.mjs';
import { install, pack } from './pack.mjs';
import { serveBuilt } from './vite.mjs';

describe('a fresh Vite project', () => {
  const stage = shared(async (t) => {
    const ports = await freePorts(2);
    const origins = ports.map((port) => `http://127.0.0.1:${port}`);
    return {
      browser: await launchBrowser(t),
      tarball: await pack(t),
      gateway: await startGateway(t, { 'apps.default.origins': origins.join(',') }),
      ports: { react: ports[0], vue: ports[1] },
    };
  });

  async function served(t, example) {
    process.env.VITE_GATEWAY = stage.gateway.origin;
    const headers = { 'content-security-policy': await policy() };
    return serveBuilt(t, await install(t, stage.tarball, example), { port: stage.ports[example], headers });
  }

  /** What the README asks for, and besides that as little as a program can do with. What it forbids fails the test. */
  async function policy() {
    const readme = await readFile(new URL('../../web/README.md', import.meta.url), 'utf8');
    const [, asked] = /^## Content Security Policy\n\n```\n([^]+?)^```/m.exec(readme);
    const { origin, host } = new URL(stage.gateway.origin);
    const ours = asked.replaceAll('https://login.example.com', origin).replaceAll('wss://login.example.com', `ws://${host}`);
    const lines = ours.split('\n').map((line) => line.replace(/ *#.*/, '')).join(' ');
    return `default-src 'none'; ${lines.replace('script-src', "script-src 'self'")} base-uri 'none'; require-trusted-types-for 'script'`;
  }

  async function signsIn(t, address, id) {
    const { gateway, browser } = stage;
    const user = await gateway.addUser({ id, name: `Person ${id}` });
    const phone = await Phone.of(t, browser, gateway, user);
    const { context } = await newProfile(t, browser, { viewport: { width: 1280, height: 800 }, locale: 'en' });
    const page = await context.newPage();
    await page.goto(address);
    await see(page, 'Scan with WeChat to sign in');
    await phone.signsInForTheFirstTime(await eventually('a readable code', () => readScreen(page)));
    await see(page, `Hello ${user.name}`);
  }

  for (const example of ['react', 'vue']) {
    test(`${example}: the headless login and the element sign somebody in`, async (t) => {
      const address = await served(t, example);
      await signsIn(t, address, `${example}-headless`);
      await signsIn(t, `${address}#element`, `${example}-element`);
    });
  }
});
