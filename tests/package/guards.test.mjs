// The recipes for routes that are for who is signed in, in a program whose proxy leads /api to the gateway.

import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launchBrowser, newProfile, NOBODY_HERE, see } from '../browser/browser.mjs';
import { readScreen } from '../browser/camera.mjs';
import { eventually } from '../browser/eventually.mjs';
import { startGateway } from '../browser/gateway.mjs';
import { Phone } from '../browser/phone.mjs';
import { freePorts } from '../browser/proxy.mjs';
import { shared } from '../browser/scope.mjs';
import { install, pack } from './pack.mjs';
import { serveBuilt } from './vite.mjs';

const FRAMEWORKS = ['react', 'vue'];
const path = (name) => fileURLToPath(new URL(name, import.meta.url));

describe('a guarded route', () => {
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

  async function served(t, framework) {
    const root = await install(t, stage.tarball, 'guards');
    for (const from of ['guards/index.html', `guards/${framework}/main.jsx`]) await cp(path(from), join(root, from.split('/').pop()));
    const proxy = { '/api': { target: stage.gateway.origin, changeOrigin: true, ws: true } };
    return serveBuilt(t, root, { port: stage.ports[framework], proxy });
  }

  for (const framework of FRAMEWORKS) {
    test(`${framework}: leads to the login and back, and out of all tabs`, async (t) => {
      const address = await served(t, framework);
      const { gateway, browser } = stage;
      const user = await gateway.addUser({ id: framework, name: `Person ${framework}` });
      const phone = await Phone.of(t, browser, gateway, user);
      const { context, complaints } = await newProfile(t, browser, { viewport: { width: 1280, height: 800 }, locale: 'en' });
      complaints.expect(NOBODY_HERE);
      const page = await context.newPage();
      await page.goto(`${address}orders`);
      await page.waitForURL(/\/login/);
      await phone.signsInForTheFirstTime(await eventually('a readable code', () => readScreen(page)));
      await page.waitForURL(`${address}orders`);
      await see(page, `Orders of ${user.name}`);

      const other = await context.newPage();
      await other.goto(`${address}orders`);
      await see(other, `Orders of ${user.name}`);
      await other.getByRole('button', { name: 'Sign out' }).click();
      for (const each of [page, other]) await each.waitForURL(/\/login/);
      const answer = await page.request.get(`${address}api/v1/me`);
      assert.equal(answer.status(), 401);
    });
  }
});
