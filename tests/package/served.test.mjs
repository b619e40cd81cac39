// What the gateway serves is not what is written: it is small. It has to do the same.

import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startGateway } from '../browser/gateway.mjs';
import { run } from './pack.mjs';

const web = fileURLToPath(new URL('../../web', import.meta.url));
const golden = fileURLToPath(new URL('../golden', import.meta.url));

/** `web/` with the modules that a gateway serves in the place of those that are written. */
async function servedWeb(t) {
  const { origin } = await startGateway(t);
  const folder = await mkdtemp(join(tmpdir(), 'scangate-served-'));
  t.after(() => rm(folder, { recursive: true }));
  const copy = join(folder, 'web');
  for (const name of await readdir(web)) {
    if (name === 'node_modules') await mkdir(copy, { recursive: true });
    else if (name !== 'src') await cp(join(web, name), join(copy, name), { recursive: true });
  }
  await symlink(join(web, 'node_modules'), join(copy, 'node_modules'));
  await mkdir(join(folder, 'tests'));
  await symlink(golden, join(folder, 'tests', 'golden'));
  const all = await readdir(join(web, 'src'), { recursive: true });
  const modules = all.filter((name) => name.endsWith('.js'));
  for (const name of modules) {
    const answer = await fetch(`${origin}/assets/${name}`);
    assert.equal(answer.status, 200, name);
    await mkdir(dirname(join(copy, 'src', name)), { recursive: true });
    await writeFile(join(copy, 'src', name), await answer.text());
  }
  return { copy, modules };
}

test('the modules as they are served pass the tests of those that are written', async (t) => {
  const { copy, modules } = await servedWeb(t);
  for (const name of modules) {
    const [written, served] = await Promise.all([web, copy].map((root) => readFile(join(root, 'src', name), 'utf8')));
    await run(process.execPath, ['--check', join(copy, 'src', name)]);
    assert.ok(served.length < written.length, `${name} is not small`);
  }
  // Those that read the sources are about how they are written.
  const tests = [];
  for (const name of await readdir(join(copy, 'test'))) {
    const text = await readFile(join(copy, 'test', name), 'utf8');
    if (name.endsWith('.test.js') && !/new URL\(['`]\.\.\/src\//.test(text)) tests.push(join('test', name));
  }
  const said = await run(process.execPath, ['--test', '--test-reporter=spec', ...tests], { cwd: copy });
  assert.ok(Number(/^ℹ pass (\d+)$/m.exec(said)?.[1]) > tests.length, said);
});
