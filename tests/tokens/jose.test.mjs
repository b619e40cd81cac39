// Access tokens as jose sees them, with the keys it finds in the JWKS.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from 'jose';

const CLAIMS = ['iss', 'aud', 'sub', 'client_id', 'sid', 'iat', 'nbf', 'exp', 'jti'];
const TOKENS = JSON.parse(readFileSync(process.env.TOKENS, 'utf8'));

/** The token with one character of a part replaced. */
function changed(token, index, at = 10) {
  const parts = token.split('.');
  const other = parts[index][at] === 'A' ? 'B' : 'A';
  parts[index] = parts[index].slice(0, at) + other + parts[index].slice(at + 1);
  return parts.join('.');
}

for (const [algorithm, tokens] of Object.entries(TOKENS)) {
  const keys = createRemoteJWKSet(new URL(`${tokens.origin}/.well-known/jwks.json`));
  const settings = {
    algorithms: [algorithm],
    typ: 'at+jwt',
    issuer: tokens.origin,
    audience: 'default',
    requiredClaims: CLAIMS,
    clockTolerance: 5,
  };
  const verify = (token, other = {}) => jwtVerify(token, keys, { ...settings, ...other });

  test(`${algorithm}: tokens of both keys verify`, async () => {
    const kids = new Set();
    for (const token of [tokens.retired, tokens.signing]) {
      const { payload, protectedHeader } = await verify(token);
      assert.equal(protectedHeader.alg, algorithm);
      assert.deepEqual(Object.keys(payload).sort(), [...CLAIMS].sort());
      kids.add(protectedHeader.kid);
    }
    assert.deepEqual([...kids].sort(), [...tokens.kids].sort());
  });

  test(`${algorithm}: others do not`, async () => {
    for (const token of [tokens.retired, tokens.signing]) {
      await assert.rejects(verify(changed(token, 1)), errors.JWSSignatureVerificationFailed);
      await assert.rejects(verify(changed(token, 2)), errors.JWSSignatureVerificationFailed);
      await assert.rejects(verify(token, { audience: 'shop' }), { claim: 'aud' });
      await assert.rejects(verify(token, { issuer: 'http://127.0.0.1' }), { claim: 'iss' });
      await assert.rejects(verify(token, { typ: 'JWT' }), { claim: 'typ' });
      const late = new Date(Date.now() + 606_000);
      await assert.rejects(verify(token, { currentDate: late }), errors.JWTExpired);
      const others = Object.keys(TOKENS).filter((name) => name !== algorithm);
      await assert.rejects(verify(token, { algorithms: others }), errors.JOSEAlgNotAllowed);
    }
  });

  test(`${algorithm}: nothing is known of a key of another gateway`, async () => {
    const [other] = Object.keys(TOKENS).filter((name) => name !== algorithm);
    const { kid } = decodeProtectedHeader(TOKENS[other].signing);
    assert.ok(!tokens.kids.includes(kid));
    const all = { algorithms: Object.keys(TOKENS), issuer: TOKENS[other].origin };
    await assert.rejects(verify(TOKENS[other].signing, all), errors.JWKSNoMatchingKey);
  });
}
