// What npm would publish: what is in it, whether tools understand it, whether its types hold.

import assert from 'node:assert/strict';
import { copyFile, readFile, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

import { shared } from '../browser/scope.mjs';
import { install, pack, run } from './pack.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const own = (path) => fileURLToPath(new URL(path, import.meta.url));
/** Runs a program of `node_modules`. */
const tool = (path, args, options) => run(process.execPath, [own(`node_modules/${path}`), ...args], options);
const STRICT = {
  target: 'es2022', lib: ['es2022', 'dom', 'dom.iterable'], types: [], strict: true, exactOptionalPropertyTypes: true,
  noUnusedLocals: true, noEmit: true,
};
const json = async (path) => JSON.parse(await readFile(path, 'utf8'));

describe('the package', () => {
  const stage = shared(async (t) => {
    const tarball = await pack(t);
    const project = await install(t, tarball, 'node');
    return { tarball, project, installed: join(project, 'node_modules/@scangate/scan-login') };
  });

  test('has the version of the gateway', async () => {
    const [, version] = /^\[workspace\.package\]\nversion = "(.+)"$/m.exec(await readFile(join(root, 'Cargo.toml'), 'utf8'));
    assert.equal((await json(join(stage.installed, 'package.json'))).version, version);
  });

  test('holds what is of use to others, and no dependency', async () => {
    const files = (await run('tar', ['-tzf', stage.tarball])).trim().split('\n').map((path) => path.replace(/^package\//, ''));
    const top = new Set(files.map((path) => path.split('/').slice(0, /^(src|types)\//.test(path) ? 2 : 1).join('/')));
    assert.deepEqual([...top].sort(), [
      'LICENSE-APACHE', 'LICENSE-MIT', 'PROTOCOL.md', 'README.md', 'custom-elements.json', 'package.json',
      'src/element', 'src/sdk', 'src/session', 'types/element', 'types/sdk', 'types/session',
    ]);
    const written = files.filter((path) => /^src\/.*\.js$/.test(path));
    for (const path of written) assert.ok(files.includes(path.replace(/^src(.*)\.js$/, 'types$1.d.ts')), `${path} has no types`);
    const { dependencies, peerDependencies } = await json(join(stage.installed, 'package.json'));
    assert.deepEqual({ ...dependencies, ...peerDependencies }, {});
  });

  test('publint finds nothing', async () => {
    const { messages, pkg } = await publint({ pkgDir: stage.installed, pack: false, strict: true });
    assert.deepEqual(messages.map((message) => formatMessage(message, pkg)), []);
  });

  test('types are where tools look for them', async () => {
    await tool('@arethetypeswrong/cli/dist/index.js', [stage.tarball, '--profile', 'esm-only', '--no-color', '--exclude-entrypoints', 'custom-elements.json']);
  });

  for (const [version, compiler, moduleResolution] of [[7, 'typescript', 'bundler'], [7, 'typescript', 'nodenext'], [5, 'typescript-5', 'bundler']]) {
    test(`its types hold in TypeScript ${version} under ${moduleResolution}`, async () => {
      const { project } = stage;
      await copyFile(own('consumer.ts'), join(project, 'consumer.ts'));
      const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution;
      const compilerOptions = { module, moduleResolution, ...STRICT };
      await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
      await tool(`${compiler}/bin/tsc`, [], { cwd: project });
    });
  }

  test('the example of React holds its types', async (t) => {
    const folder = await install(t, stage.tarball, 'react');
    await tool('typescript/bin/tsc', [], { cwd: folder });
  });

  test('the example of Vue holds its types, those of the templates too', async (t) => {
    const folder = await install(t, stage.tarball, 'vue');
    // It cannot work with TypeScript 7 yet.
    const check = "require('vue-tsc').run(require.resolve('typescript-5/lib/tsc'))";
    await run(process.execPath, ['--eval', check], { cwd: folder });
  });

  test('examples ask for the versions that are tried here', async () => {
    const { version } = await json(join(stage.installed, 'package.json'));
    const { devDependencies } = await json(own('package.json'));
    const tried = { ...devDependencies, '@scangate/scan-login': `^${version}` };
    for (const example of ['react', 'vue']) {
      const wanted = await json(join(root, 'web/examples', example, 'package.json'));
      for (const [name, range] of Object.entries({ ...wanted.dependencies, ...wanted.devDependencies })) {
        const alias = example === 'vue' && name === 'typescript' ? tried['typescript-5'].split('@').pop() : tried[name];
        assert.equal(range, alias, `${name} of ${example}`);
      }
    }
  });

  test('a server that renders pages can import all of it', async () => {
    const { exports } = await json(join(stage.installed, 'package.json'));
    const entries = Object.keys(exports).filter((path) => !path.endsWith('.json')).map((path) => join('@scangate/scan-login', path.replace('*', 'en')));
    assert.ok(entries.includes('@scangate/scan-login/define'));
    await run(process.execPath, ['--input-type=module', '--eval', entries.map((path) => `import '${path}';`).join('')], { cwd: stage.project });
  });

  test('it is as small as its README says', async () => {
    const readme = await readFile(join(stage.installed, 'README.md'), 'utf8');
    const rows = [...readme.matchAll(/^\| `@scangate\/scan-login(.*?)`.* \| ([\d.]+) kB \| (?:([\d.]+) kB.*|–) \|$/gm)];
    assert.equal(rows.length, 3);
    for (const [, entry, ...said] of rows) {
      const sizes = await sizesOf(join(stage.installed, 'src', entry || 'sdk', 'index.js'));
      for (const [at, bytes] of sizes.entries()) {
        const bound = 1000 * Number(said[at] ?? 0);
        // A bound that is far off says nothing.
        assert.ok(bytes <= bound && bytes >= 0.9 * bound, `${entry}: ${bytes} bytes, and the README says ${bound}`);
      }
    }
  });

  test('its manifest tells editors what the element has', async () => {
    const { modules } = await json(join(stage.installed, 'custom-elements.json'));
    const element = modules.flatMap(({ declarations }) => declarations).find(({ tagName }) => tagName === 'scan-login');
    const { attributes, events, slots, cssParts, cssProperties } = element;
    for (const { name, description, default: preset } of [attributes, events, slots, cssParts, cssProperties].flat()) {
      assert.ok(description || preset, `${name} is not described`);
    }
    const names = (list) => list.map(({ name }) => name).sort();
    const source = await sourceOf('element');
    const found = (pattern) => [...new Set([...source.matchAll(pattern)].map(([, name]) => name))].sort();
    assert.deepEqual(names(cssProperties), found(/var\((--scan-[a-z-]+)/g));
    assert.deepEqual(names(slots), found(/'slot[^']*', \{ name: '([a-z-]+)'/g));
    const parts = [...found(/h\('[a-z]+#([a-z-]+)'/g), ...found(/part(?:: |', )[`']([a-z-]+)/g)];
    assert.deepEqual(names(cssParts).filter((name) => !parts.includes(name)), []);
    const readme = await readFile(join(stage.installed, 'README.md'), 'utf8');
    for (const name of [attributes, slots, cssParts, cssProperties].flatMap(names)) assert.ok(readme.includes(name), `the README does not name ${name}`);
    for (const name of names(attributes)) assert.match(source, new RegExp(`(['{ ])${name}\\1?: `), name);
    // Both ways: a name too many and one too few are errors.
    await writeFile(join(stage.project, 'events.ts'), `import type { ScanLoginElementEvents } from '@scangate/scan-login/element';
      export const events: Record<keyof ScanLoginElementEvents, string> = ${JSON.stringify(Object.fromEntries(names(events).map((name) => [name, ''])))};`);
    await tool('typescript/bin/tsc', ['--strict', '--noEmit', '--module', 'nodenext', '--ignoreConfig', 'events.ts'], { cwd: stage.project });
  });

  /** What a bundle of that module is on the wire: what is loaded at once, and what when it is needed. */
  async function sizesOf(module) {
    const { outputFiles, metafile } = await esbuild.build({
      entryPoints: [module], bundle: true, minify: true, charset: 'utf8', format: 'esm', splitting: true, outdir: 'out', write: false, metafile: true,
    });
    const bytes = Object.fromEntries(outputFiles.map(({ path, contents }) => [relative('', path), gzipSync(contents, { level: 9 }).length]));
    const first = new Set([Object.keys(bytes).find((path) => metafile.outputs[path].entryPoint?.endsWith('index.js'))]);
    for (const path of first) {
      for (const { kind, path: next } of metafile.outputs[path].imports) if (kind === 'import-statement') first.add(next);
    }
    const sum = (paths) => paths.reduce((all, path) => all + bytes[path], 0);
    return [sum([...first]), sum(Object.keys(bytes).filter((path) => !first.has(path)))];
  }

  /** All modules of a layer, without their documentation. */
  async function sourceOf(layer) {
    const folder = join(stage.installed, 'src', layer);
    const files = (await readdir(folder)).filter((name) => name.endsWith('.js'));
    const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
    return texts.join('').replace(/\/\*\*[^]*?\*\//g, '');
  }
});
