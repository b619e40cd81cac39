import assert from 'node:assert/strict';
import { test } from 'node:test';

import { newPkce } from '../src/sdk/pkce.js';

test('the challenge is the S256 of the verifier; without WebCrypto there is none', async () => {
  const { verifier, challenge } = await newPkce(globalThis.crypto);
  assert.match(verifier, /^[\w-]{43}$/);
  const digest = await globalThis.crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  assert.equal(challenge, Buffer.from(digest).toString('base64url'));
  assert.equal(await newPkce({}), null);
});
