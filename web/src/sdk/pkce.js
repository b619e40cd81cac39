// Proof of the tab that asked (RFC 7636, S256): the challenge goes out, the verifier stays in memory.

/** @typedef {{ verifier: string, challenge: string }} Pkce */

/**
 * `null` where there is no secure context (https, or localhost).
 * @param {Crypto} crypto
 * @returns {Promise<Pkce | null>}
 */
export async function newPkce(crypto) {
  if (!crypto.subtle) return null;
  const verifier = base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  return { verifier, challenge: base64url(new Uint8Array(digest)) };
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
