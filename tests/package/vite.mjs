// A program that Vite has built, on an origin of its own.

import { build, preview } from 'vite';

import { defer } from '../browser/scope.mjs';

/**
 * Builds what is in a folder, and serves it until the test ends.
 * @param {import('node:test').TestContext} t
 * @param {string} root
 * @param {import('vite').CommonServerOptions} place
 * @returns {Promise<string>} its address
 */
export async function serveBuilt(t, root, place) {
  await build({ root, logLevel: 'error' });
  const server = await preview({ root, logLevel: 'silent', preview: { host: '127.0.0.1', strictPort: true, ...place } });
  defer(t, () => server.close());
  return server.resolvedUrls.local[0];
}
