// The examples that need no build: a page with the element from the gateway, and two programs in a terminal.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launchBrowser, newProfile, see } from '../browser/browser.mjs';
import { readScreen, readSquares } from '../browser/camera.mjs';
import { eventually } from '../browser/eventually.mjs';
import { startGateway } from '../browser/gateway.mjs';
import { Phone } from '../browser/phone.mjs';
import { defer, shared } from '../browser/scope.mjs';
import { install, pack } from './pack.mjs';

const examples = fileURLToPath(new URL('../../web/examples', import.meta.url));
const CLI = { 'apps.cli.name': 'Terminal', 'apps.cli.flows': 'h5', 'apps.cli.allow_missing_origin': true };

describe('examples', () => {
  const stage = shared(async (t) => {
    const page = await startPage(t);
    const gateway = await startGateway(t, { ...CLI, 'apps.default.origins': page.origin });
    page.gateway = gateway.origin;
    return { page, gateway, browser: await launchBrowser(t) };
  });

  async function person(t, id) {
    const user = await stage.gateway.addUser({ id, name: `Person ${id}` });
    return { user, phone: await Phone.of(t, stage.browser, stage.gateway, user) };
  }

  test('plain.html signs somebody in with the element that the gateway serves', async (t) => {
    const { user, phone } = await person(t, 'plain');
    const { context } = await newProfile(t, stage.browser, { viewport: { width: 1280, height: 800 }, locale: 'en' });
    const page = await context.newPage();
    await page.goto(stage.page.origin);
    await phone.signsInForTheFirstTime(await eventually('a readable code', () => readScreen(page)));
    await see(page, `Hello ${user.name}`);
  });

  test('node/login.mjs draws the code in a terminal and waits', async (t) => {
    const folder = await install(t, await pack(t), 'node');
    const { user, phone } = await person(t, 'node');
    const program = start(t, process.execPath, ['login.mjs', stage.gateway.origin, 'cli'], folder);
    const [, text] = await program.says(/Scan with WeChat: (\S+)/);
    assert.equal(readTerminal(program.said), text);
    await phone.scans(text);
    await program.says(/Scanned by somebody/);
    await phone.confirms();
    await phone.consents();
    await program.says(new RegExp(`Signed in as ${user.name}`));
    await isWhoHasTheToken(await program.says(/Authorization: (Bearer \S+)/), user);
    assert.equal(await program.ended, 0, program.said);
  });

  test('node/login.mjs says that it was refused', async (t) => {
    const folder = await install(t, await pack(t), 'node');
    const { phone } = await person(t, 'node-refused');
    const program = start(t, process.execPath, ['login.mjs', stage.gateway.origin, 'cli'], folder);
    const [, text] = await program.says(/Scan with WeChat: (\S+)/);
    await phone.scans(text);
    await phone.rejects();
    await program.says(/Not signed in: rejected/);
    assert.equal(await program.ended, 1, program.said);
  });

  test('curl-sse.sh signs somebody in by HTTP alone', async (t) => {
    const { user, phone } = await person(t, 'curl');
    const program = start(t, './curl-sse.sh', [stage.gateway.origin, 'cli'], examples);
    const [, text] = await program.says(/Scan with WeChat: (\S+)/);
    await phone.signsInForTheFirstTime(text);
    await program.says(/^pending\nscanned\nauthorized$/m);
    const [, token] = await program.says(/"access_token":"([^"]+)"/);
    await isWhoHasTheToken([, `Bearer ${token}`], user);
    assert.equal(await program.ended, 0, program.said);
  });

  async function isWhoHasTheToken([, authorization], user) {
    const answer = await fetch(`${stage.gateway.origin}/api/v1/me`, { headers: { authorization } });
    assert.equal((await answer.json()).data.user.name, user.name);
  }
});

/** Serves plain.html, as somebody's site does that has another gateway than the example. */
async function startPage(t) {
  const page = { origin: '', gateway: '' };
  const html = await readFile(join(examples, 'plain.html'), 'utf8');
  const server = createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html').end(html.replaceAll('http://127.0.0.1:8080', page.gateway));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close().closeAllConnections());
  page.origin = `http://127.0.0.1:${server.address().port}`;
  return page;
}

/** A program that runs until the test ends. */
function start(t, command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const program = {
    said: '',
    ended: once(child, 'close').then(([code]) => code),
    says: (pattern) => eventually(`${command} says ${pattern}`, () => pattern.exec(program.said)),
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (program.said += text));
  defer(t, async () => {
    child.kill('SIGKILL');
    await program.ended;
  });
  return program;
}

/** What a phone reads off a terminal that is held before its camera. */
function readTerminal(said) {
  const rows = [...said.matchAll(/\x1b\[30;107m(.+?)\x1b\[0m/g)].flatMap(([, line]) => [
    [...line].map((block) => '▀█'.includes(block)),
    [...line].map((block) => '▄█'.includes(block)),
  ]);
  return readSquares(rows.slice(0, rows[0].length));
}
