// The wire as the gateway writes it down: every event and command has its file in tests/golden.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { asEvent, decode } from '../src/sdk/protocol.js';

const folder = new URL('../../tests/golden/', import.meta.url);
const skip = existsSync(folder) ? false : 'there is no tests/golden yet';

/** What this page can say, with the fields each command needs. */
const COMMANDS = {
  start: { challenge: 'string' },
  resume: { scene: 'string', secret: 'string', seq: 'number' },
  refresh: {},
  verify: { code: 'string' },
  cancel: {},
  attach: { access_token: 'string' },
  pong: {},
};

/** Each file holds one object, or a list of them. */
function read(prefix) {
  return readdirSync(folder).filter((name) => name.startsWith(prefix) && name.endsWith('.json')).flatMap((name) => {
    const content = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    return [content].flat().map((value) => ({ name, value }));
  });
}

test('every golden event is understood', { skip }, () => {
  for (const { name, value } of read('event-')) assert.deepEqual(decode(JSON.stringify(value)), value, name);
});

/** What this page can hear. */
const EVENT_TYPES = [
  'pending', 'scanned', 'verifying', 'authorized', 'rejected', 'expired', 'cancelled', 'failed',
  'hello', 'ping', 'drain', 'error', 'attached', 'session_revoked',
];

test('every event type this page knows has its golden file, and no other', { skip }, () => {
  const there = new Set(read('event-').map(({ value }) => asEvent(value)?.type));
  assert.deepEqual([...there].sort(), [...EVENT_TYPES].sort());
});

test('every golden command is one this page could say', { skip }, () => {
  const commands = read('command-');
  for (const { name, value } of commands) {
    const fields = COMMANDS[value.type];
    assert.ok(fields, `${name}: unknown command ${value.type}`);
    for (const [field, kind] of Object.entries(fields)) assert.equal(typeof value[field], kind, `${name}: ${field}`);
  }
  const there = new Set(commands.map(({ value }) => value.type));
  for (const type of Object.keys(COMMANDS)) assert.ok(there.has(type), `no golden file for ${type}`);
});
