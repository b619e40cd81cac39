// What a page pays for each part, as a bundler makes it: minified, packed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { build } from 'esbuild';

const KB = 1_024;
const source = (path) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

/** What is left out: what is loaded later, what belongs to the layers below, or all that is imported. @typedef {'later' | 'below' | 'all'} Out */

/** @param {Out[]} out */
const leaveOut = (...out) => ({
  name: 'leave-out',
  setup({ onResolve }) {
    onResolve({ filter: /^\./ }, ({ path, kind }) => {
      const isOut = { later: kind === 'dynamic-import', below: path.startsWith('../'), all: true };
      return out.some((each) => isOut[each]) ? { path, external: true } : undefined;
    });
  },
});

async function bytesOf(entry, out) {
  const { outputFiles } = await build({
    entryPoints: [source(entry)], bundle: true, minify: true, charset: 'utf8', format: 'esm', write: false, plugins: [leaveOut(...out)],
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

/** What is there when a code is to be shown; what comes after it; all of it. */
const BUDGETS = [
  ['the SDK, until it needs HTTP', 'sdk/index.js', ['later'], 4 * KB],
  ['the element without the SDK, until there is a code', 'element/index.js', ['later', 'below'], 8 * KB],
  ['English', 'element/i18n/en.js', [], 1.25 * KB],
  ['Chinese', 'element/i18n/zh-cn.js', [], 1.5 * KB],
  ['what is shown once a phone has scanned', 'element/after-scan.js', ['all'], 1.25 * KB],
  ['the help', 'element/help-dialog.js', ['all'], 1.25 * KB],
  ['the element and the SDK, until there is a code', 'element/index.js', ['later'], 11.75 * KB],
  ['everything, both languages too', 'element/index.js', [], 18.5 * KB],
];

for (const [name, entry, out, budget] of BUDGETS) {
  test(`${name}: ${budget / KB} kB at most`, async (t) => {
    const bytes = await bytesOf(entry, out);
    t.diagnostic(`${bytes} bytes`);
    assert.ok(bytes <= budget, `${bytes} bytes`);
  });
}
