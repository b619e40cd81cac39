// The viewer of the documents, with the documents themselves.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { Window } from 'happy-dom';

const { document } = new Window();
for (const [name, value] of Object.entries({ document, navigator: {} })) Object.defineProperty(globalThis, name, { value, configurable: true });
const { callParts, callsOf, curl } = await import('../src/docs/calls.js');
const { make } = await import('../src/docs/make.js');
const { messageParts, messagesOf } = await import('../src/docs/messages.js');
const { prose } = await import('../src/docs/prose.js');

const read = (name) => JSON.parse(readFileSync(new URL(`../${name}`, import.meta.url), 'utf8'));
const calls = read('openapi.json');
const messages = read('asyncapi.json');
const html = (parts) => make('div', {}, ...parts).innerHTML;

test('prose has paragraphs, lists, code and emphasis, and no markup of its own', () => {
  assert.equal(html(prose('One\nline.\n\n- *a*\n- `b`\n  and **`c`-* d**')), '<p>One line.</p><ul><li><em>a</em></li><li><code>b</code> and <strong><code>c</code>-* d</strong></li></ul>');
  assert.equal(html(prose('<img src=x> & so on')), '<p>&lt;img src=x&gt; &amp; so on</p>');
});

test('every call can be drawn, with all its answers', () => {
  const all = callsOf(calls, 'https://login.example.com');
  assert.ok(all.length > 20);
  for (const call of all) {
    const text = make('div', {}, ...callParts(calls, call)).textContent;
    for (const status of Object.keys(call.operation.responses)) assert.ok(text.includes(status), `${call.path}: ${status}`);
    assert.doesNotMatch(text, /undefined|\[object/, call.path);
  }
});

test('every message can be drawn, and is said by one side', () => {
  const all = [...messagesOf(messages, 'receive'), ...messagesOf(messages, 'send')];
  assert.deepEqual(all.map(({ name }) => name).sort(), Object.keys(messages.components.messages).sort());
  for (const message of all) {
    const text = make('div', {}, ...messageParts(messages, message)).textContent;
    assert.doesNotMatch(text, /undefined|\[object/, message.name);
  }
});

test('a call is quoted for a shell', () => {
  const [call] = callsOf({ paths: { '/api/v1/things/{id}': { post: { operationId: 'x', security: [{ scene: [] }] } } } }, 'https://a.example');
  const id = { name: 'id', in: 'path', schema: {}, example: '7' };
  const line = curl(call, [id], { example: { say: "it's" } });
  assert.equal(line, [
    "curl -X POST 'https://a.example/api/v1/things/7'", "-H 'Origin: https://a.example'", '-H "Authorization: Scene $SECRET"',
    "-H 'Content-Type: application/json'", String.raw`-d '{"say":"it'\''s"}'`,
  ].join(' \\\n  '));
});
