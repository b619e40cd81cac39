// The whole of the SDK, as a page calls it, over a network that the test plays.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { createScanLogin } from '../src/sdk/index.js';
import { FakeGateway } from './fake-gateway.js';
import { settle } from './fake-time.js';

let gateway, login, calls, answers, kept;

beforeEach(() => {
  gateway = new FakeGateway({ now: Date.now });
  calls = [];
  answers = [];
  kept = new Map();
  Object.assign(globalThis, {
    WebSocket: gateway.WebSocket,
    localStorage: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) },
    fetch: async (url, request) => {
      calls.push({ line: `${request.method} ${url}`, ...request, json: JSON.parse(request.body) });
      return answers.shift() ?? new Promise(() => {});
    },
  });
});

afterEach(() => login.close());

const begin = (options) => {
  login = createScanLogin({ baseUrl: 'https://login.example.com/', locale: 'en', ...options });
  return login;
};
const turn = async () => {
  await settle();
  await new Promise(setImmediate);
};
const ok = (data, status = 200) => new Response(JSON.stringify({ code: 0, message: 'ok', data }), { status });
/** Until the code that is loaded when needed is there. */
async function until(fact) {
  for (let turns = 0; !fact(); turns += 1) {
    assert.ok(turns < 1_000, 'it never came');
    await turn();
  }
}

test('it dials the gateway at once and says what the options say', async () => {
  begin({ app: 'shop', flow: 'website', returnTo: 'https://shop.example.com/' });
  assert.equal(gateway.last.url, 'wss://login.example.com/api/v1/ws');
  gateway.open();
  await until(() => gateway.commands.length);
  const [{ challenge, ...said }] = gateway.commands;
  assert.match(challenge, /^[\w-]{43}$/);
  assert.deepEqual(said, { type: 'start', app: 'shop', flow: 'website', return_to: 'https://shop.example.com/', locale: 'en' });
});

test('what is not known yet can be asked for just before it is said', async () => {
  begin({ app: 'never said', wishes: async () => ({ flow: 'h5', locale: 'zh-CN' }) });
  gateway.open();
  await until(() => gateway.commands.length);
  const [{ challenge: _, ...said }] = gateway.commands;
  assert.deepEqual(said, { type: 'start', flow: 'h5', locale: 'zh-CN' });
});

async function authorized() {
  gateway.welcome();
  await until(() => gateway.commands.length);
  gateway.say(gateway.pending());
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: { name: 'Ann' } }));
}

test('the grant is redeemed with the verifier of the challenge', async () => {
  begin();
  await authorized();
  answers.push(ok({ user: { id: 'u1', name: 'Ann' }, session_id: 's1', access_token: 't', expires_in: 600 }));
  const session = await login.result();
  assert.equal(session.access_token, 't');
  assert.deepEqual([calls[0].line, calls[0].credentials, calls[0].json.grant], ['POST https://login.example.com/api/v1/auth/token', 'include', 'g']);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(calls[0].json.verifier));
  assert.equal(gateway.commands[0].challenge, Buffer.from(digest).toString('base64url'));
});

test('a session client keeps the tokens to itself', async () => {
  const given = [];
  begin({ session: { redeem: async (...all) => given.push(all) && { user: { id: 'u1' }, session_id: 's1' } } });
  await authorized();
  assert.deepEqual(await login.result(), { type: 'signed_in', user: { id: 'u1' }, session_id: 's1' });
  assert.deepEqual([given.length, given[0][0], calls.length], [1, 'g', 0]);
});

test('without WebSocket the login goes over HTTP, and the next page knows', async () => {
  delete globalThis.WebSocket;
  const scene = gateway.pending();
  let stream;
  answers.push(ok(scene, 201), new Response(new ReadableStream({ start: (out) => { stream = out; } })));
  begin();
  await until(() => calls.length === 2);
  assert.deepEqual(calls.map(({ line }) => line), ['POST https://login.example.com/api/v1/scenes', 'GET https://login.example.com/api/v1/scenes/scene-1/events']);
  stream.enqueue(new TextEncoder().encode(`data: ${JSON.stringify(gateway.state('scanned', 2))}\n\n`));
  await until(() => login.state.type === 'scanned');
  assert.equal(login.connection, 'sse');
  assert.match(kept.get('scangate.link'), /^sse \d+$/);
  login.close();
  globalThis.WebSocket = gateway.WebSocket;
  const dialled = gateway.sockets.length;
  begin();
  await until(() => calls.at(-1).line.endsWith('/scenes'));
  assert.equal(gateway.sockets.length, dialled, 'no socket is tried for an hour');
  login.close();
  kept.set('scangate.link', `sse ${Date.now() - 3_600_001}`);
  begin();
  assert.equal(gateway.sockets.length, dialled + 1, 'then the network may be another');
});

test('storage that is forbidden, or holds nonsense, does no harm', () => {
  for (const getItem of [() => { throw new Error('forbidden'); }, () => 'nonsense', () => '']) {
    globalThis.localStorage = { getItem };
    begin();
    assert.equal(gateway.last.url, 'wss://login.example.com/api/v1/ws');
    login.close();
  }
});

test('a signal ends it, also one that was aborted before', async () => {
  const controller = new AbortController();
  begin({ signal: controller.signal });
  const result = login.result();
  controller.abort();
  assert.deepEqual(login.state, { type: 'stopped', reason: 'closed' });
  await assert.rejects(result, { name: 'ScanLoginError' });
  begin({ signal: controller.signal });
  assert.deepEqual([login.state.type, gateway.last.closedWith], ['stopped', 1000]);
});

test('a login of another page of this tab is gone on with', async () => {
  begin({ resume: { scene: 's', secret: 'x', seq: 2, verifier: 'v', flow: 'h5' } });
  gateway.open();
  assert.deepEqual(gateway.commands, [{ type: 'resume', scene: 's', secret: 'x', seq: 2 }]);
});
