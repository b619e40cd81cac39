// web/asyncapi.yaml as AsyncAPI's own parser reads it, and the golden files as its messages.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';

import { Parser } from '@asyncapi/parser';
import Ajv from 'ajv';

const root = new URL('../../', import.meta.url);
const read = (name) => readFileSync(new URL(name, root), 'utf8');

/** Reads a document; whatever the parser has to say about it fails the test. */
async function parsed(name) {
  const { document, diagnostics } = await new Parser().parse(read(name));
  assert.deepEqual(diagnostics.map(({ message, path }) => `${path.join('/')}: ${message}`), []);
  return document;
}

describe('asyncapi.yaml', () => {
  const stage = parsed('web/asyncapi.yaml');

  test('is AsyncAPI 3.1, and so is asyncapi.json, word by word', async () => {
    assert.equal((await stage).version(), '3.1.0');
    const [yaml, json] = [await stage, await parsed('web/asyncapi.json')].map((document) => JSON.stringify(document.json()));
    assert.equal(yaml, json);
  });

  test('has each command as received and each event as sent', async () => {
    const document = await stage;
    const names = (operations) => new Set(operations.flatMap((operation) => operation.messages().all().map((message) => message.name())));
    const golden = (kind) => new Set(readdirSync(new URL('tests/golden', root)).flatMap((name) => new RegExp(`^${kind}-(.+)\\.json$`).exec(name)?.[1] ?? []));
    assert.deepEqual([...names(document.operations().filterByReceive())].sort(), [...golden('command')].sort());
    assert.deepEqual([...names(document.operations().filterBySend())].sort(), [...golden('event')].sort());
  });

  test('describes every golden file', async () => {
    const ajv = new Ajv({ strict: false, allErrors: true });
    for (const message of (await stage).components().messages().all()) {
      const fits = ajv.compile(message.payload().json());
      const [name] = readdirSync(new URL('tests/golden', root)).filter((file) => /^(command|event)-/.test(file) && file.endsWith(`-${message.name()}.json`));
      const frames = [JSON.parse(read(`tests/golden/${name}`))].flat();
      assert.ok(frames.length > 0, name);
      for (const frame of frames) assert.ok(fits(frame), `${name}: ${ajv.errorsText(fits.errors)}`);
      assert.deepEqual(message.examples().all().map((example) => example.payload()), frames);
      assert.ok(!fits({ ...frames[0], type: 'other' }), `${name}: anything fits`);
    }
  });
});
