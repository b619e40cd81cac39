import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { authorizedFetch } from '../src/session/authorized-fetch.js';

let answers, sent, tokens, call;
const OURS = 'https://shop.example.com/api/orders';
const THEIRS = 'https://elsewhere.example.net/api/orders';
const ok = () => new Response('ok');
const refused = () => new Response('no', { status: 401 });

/** An answer from that address, as after a redirect. */
const from = (url, answer) => Object.defineProperty(answer, 'url', { value: url });
/** What came with the last call: the token, or what stood in its place. */
const shown = () => sent.at(-1).headers.get('Authorization');

beforeEach(() => {
  answers = [];
  sent = [];
  tokens = { list: ['first', 'second'], asked: 0, get: async () => tokens.list[0] };
  tokens.another = async () => {
    tokens.asked += 1;
    tokens.list.shift();
    return tokens.list[0] ?? '';
  };
  call = authorizedFetch({
    fetch: async (input, init) => {
      const request = new Request(input, init);
      sent.push(Object.assign(request, { said: request.body && await request.text() }));
      request.signal.throwIfAborted();
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer;
    },
    isOurs: (url) => new URL(url, 'https://shop.example.com').origin === 'https://shop.example.com',
    tokens: { get: () => tokens.get(), another: (refused) => tokens.another(refused) },
  });
});

test('a call to an allowed origin carries the token, whatever form it has, and keeps what it brought', async () => {
  const headers = { 'X-Trace': 't1' };
  for (const input of [OURS, new URL(OURS), new Request(OURS, { headers })]) {
    answers.push(ok());
    const init = input instanceof Request ? undefined : { headers, method: 'POST', body: 'milk' };
    assert.equal(await (await call(input, init)).text(), 'ok');
    assert.equal(shown(), 'Bearer first');
    assert.equal(sent.at(-1).headers.get('X-Trace'), 't1');
    assert.equal(sent.at(-1).said, init ? 'milk' : null);
  }
});

test('what `init` says goes before what a Request says', async () => {
  answers.push(ok());
  await call(new Request(OURS, { method: 'POST', body: 'milk', headers: { 'X-Trace': 't1' } }), { body: 'bread', headers: { 'X-Trace': 't2' } });
  assert.deepEqual([sent[0].method, sent[0].said, sent[0].headers.get('X-Trace'), shown()], ['POST', 'bread', 't2', 'Bearer first']);
});

test('a call to any other origin goes out as it is, without a token, and asks for none', async () => {
  tokens.get = () => assert.fail('no token is asked for');
  for (const input of [THEIRS, new URL(THEIRS), new Request(THEIRS), 'http://shop.example.com/api/orders', 'https://shop.example.com:8443/']) {
    answers.push(refused());
    assert.equal((await call(input)).status, 401);
    assert.equal(shown(), null);
  }
  assert.equal(tokens.asked, 0);
});

test('a call that brings its own Authorization keeps it', async () => {
  tokens.get = () => assert.fail('no token is asked for');
  answers.push(refused());
  assert.equal((await call(OURS, { headers: { Authorization: 'Basic eA==' } })).status, 401);
  assert.equal(shown(), 'Basic eA==');
});

for (const [what, input, init] of [
  ['a text', OURS, { method: 'POST', body: 'milk' }],
  ['bytes', OURS, { method: 'POST', body: new TextEncoder().encode('milk') }],
  ['the body of a Request', new Request(OURS, { method: 'POST', body: 'milk' }), undefined],
]) {
  test(`refused, it is made once more with a new token, and ${what} is sent again`, async () => {
    const first = refused();
    answers.push(first, ok());
    assert.equal((await call(input, init)).status, 200);
    assert.deepEqual(sent.map(({ said }) => said), ['milk', 'milk']);
    assert.deepEqual(sent.map(({ headers }) => headers.get('Authorization')), ['Bearer first', 'Bearer second']);
    assert.equal(tokens.asked, 1);
    assert.ok(first.bodyUsed, 'the connection is free again');
  });
}

test('refused twice, the second answer is the answer', async () => {
  answers.push(refused(), new Response('still no', { status: 401 }));
  assert.equal(await (await call(OURS)).text(), 'still no');
  assert.equal(sent.length, 2);
});

test('where there is no other token, the first answer is the answer', async () => {
  tokens.list = ['first'];
  answers.push(refused());
  assert.equal(await (await call(OURS)).text(), 'no');
});

test('a stream is sent once', async () => {
  answers.push(refused());
  const body = new Blob(['milk']).stream();
  assert.equal(await (await call(OURS, { method: 'POST', body, duplex: 'half' })).text(), 'no');
  assert.deepEqual([sent.length, sent[0].said, tokens.asked], [1, 'milk', 0]);
});

test('401 from where a redirect led says nothing of the token', async () => {
  answers.push(from(THEIRS, refused()));
  assert.equal((await call(OURS)).status, 401);
  assert.equal(tokens.asked, 0);
  answers.push(from(`${OURS}/1`, refused()), ok());
  assert.equal((await call(OURS)).status, 200);
});

test('other answers, and none, come through as they are', async () => {
  for (const status of [204, 302, 403, 500]) {
    answers.push(new Response(null, { status }));
    assert.equal((await call(OURS)).status, status);
  }
  answers.push(new TypeError('Failed to fetch'));
  await assert.rejects(call(OURS), /Failed to fetch/);
  await assert.rejects(call('http://['), TypeError);
});

test('without a token nothing is sent', async () => {
  tokens.get = async () => { throw new Error('signed out'); };
  await assert.rejects(call(OURS, { method: 'POST', body: 'milk' }), /signed out/);
  assert.equal(sent.length, 0);
});

test('who calls off does not wait for a token', async () => {
  const off = new AbortController();
  tokens.get = () => new Promise(() => {});
  const called = [call(OURS, { signal: off.signal }), call(new Request(OURS, { signal: off.signal }))];
  off.abort(new Error('enough'));
  for (const each of called) await assert.rejects(each, /enough/);
  tokens.get = () => assert.fail('no token is asked for');
  await assert.rejects(call(OURS, { signal: off.signal }), /enough/);
  assert.equal(sent.length, 0);
});
