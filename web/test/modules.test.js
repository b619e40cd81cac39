// The shape of the code: imports run one way, and each page preloads what it needs, no more.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'node:test';

const source = new URL('../src/', import.meta.url);
const read = (url) => readFileSync(url, 'utf8');

function importsOf(module) {
  const found = read(new URL(module, source)).matchAll(/^(?:import|export) .* from '(\.[^']+)';$/gm);
  return [...found].map(([, path]) => posix.join(posix.dirname(module), path));
}

function reach(module, path = [], seen = new Set()) {
  assert.ok(!path.includes(module), `a circle: ${[...path, module].join(' → ')}`);
  for (const next of importsOf(module)) {
    seen.add(next);
    reach(next, [...path, module], seen);
  }
  return seen;
}

const modules = readdirSync(source, { recursive: true }).map(String).filter((name) => name.endsWith('.js'));

test('imports have no circles', () => {
  for (const module of modules) reach(module);
});

/** Who may import whom: each folder stands on those named after it, and on itself. */
const LAYERS = { sdk: [], session: ['sdk'], element: ['sdk', 'session'], page: ['sdk', 'session', 'element'], docs: [] };

test('imports run down the layers', () => {
  for (const module of modules) {
    const [layer] = module.split('/');
    for (const next of importsOf(module)) assert.ok([layer, ...LAYERS[layer]].includes(next.split('/')[0]), `${module} imports ${next}`);
  }
});

test('the wire, time and back-off import nothing', () => {
  for (const module of ['sdk/protocol.js', 'sdk/backoff.js', 'sdk/clock.js']) assert.deepEqual(importsOf(module), [], module);
});

/** What hands the browser to the others. */
const BROWSER = ['sdk/index.js', 'sdk/page-life.js', 'sdk/transport-memory.js', 'session/index.js'];

test('the login and the session themselves know no page', () => {
  const headless = modules.filter((name) => /^(sdk|session)\//.test(name) && !BROWSER.includes(name));
  for (const module of headless) {
    assert.doesNotMatch(read(new URL(module, source)), /\b(document|window|navigator|localStorage)\./, module);
  }
});

test('pages preload exactly the modules they reach', () => {
  for (const [page, entry] of [['index.html', 'page/login.js'], ['app.html', 'page/app.js'], ['docs.html', 'docs/docs.js']]) {
    const html = read(new URL(`../${page}`, import.meta.url));
    const preloaded = [...html.matchAll(/rel="modulepreload" href="\/assets\/([^"]+)"/g)].map(([, path]) => path);
    assert.deepEqual(preloaded.sort(), [...reach(entry)].sort(), page);
  }
});

test('no script sets markup', () => {
  for (const module of modules) assert.doesNotMatch(read(new URL(module, source)), /innerHTML|outerHTML|insertAdjacentHTML|document\.write/, module);
});

test('files stay readable: 400 lines at most', () => {
  for (const module of modules) assert.ok(read(new URL(module, source)).split('\n').length <= 400, module);
});
