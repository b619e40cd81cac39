// Proof of the tab that asked (RFC 7636, S256): the challenge goes out, the verifier stays in memory.

/** @typedef {{ verifier: string, challenge: string }} Pkce */

/**
 * Needs a secure context (https, or localhost); throws `NotSupported` elsewhere.
 * @param {Crypto} crypto
 * @returns {Promise<Pkce>}
 */
export async function newPkce(crypto) {
  if (!crypto.subtle) throw new NotSupported();
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return { verifier, challenge: base64url(new Uint8Array(digest)) };
}

/** The browser offers no WebCrypto on this address. */
export class NotSupported extends Error {
  constructor() {
    super('WebCrypto needs a secure context');
    this.name = 'NotSupported';
  }
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
