// The package as npm makes it, and programs that have installed it.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { defer } from '../browser/scope.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Below this folder, so that what is installed there finds the tools of `node_modules` here. */
const made = fileURLToPath(new URL('.made', import.meta.url));

/** No program here takes as long. */
const PATIENCE_MS = 240_000;

/** Runs a program; what it says on standard output. When it fails, the error has what it said: of tests, which failed. */
export async function run(command, args, options) {
  // A test runner within a test runner would tell the outer one.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const said = await promisify(execFile)(command, args, { env, timeout: PATIENCE_MS, ...options }).catch((failure) => {
    throw new Error(`${command} ${args.join(' ')}\n${failure.stdout.split('failing tests:').pop()}${failure.stderr || failure.message}`);
  });
  return said.stdout;
}

/** A folder that goes when the test ends. */
export async function folderFor(t) {
  await mkdir(made, { recursive: true });
  const folder = await mkdtemp(join(made, 'run-'));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * The path of the tarball. It is made from a copy of `web/`, so that what others read there stays as it is, and once for
 * all tests: its name is the hash of what it is made of.
 */
export async function pack(t) {
  const sources = await sourcesOfPackage();
  const hash = createHash('sha256');
  for (const path of sources) hash.update(`${path}\0`).update(await readFile(join(root, path))).update('\0');
  const tarball = join(made, `${hash.digest('hex')}.tgz`);
  if (existsSync(tarball)) return tarball;

  const folder = await folderFor(t);
  for (const path of sources) await cp(join(root, path), join(folder, path));
  await symlink(join(root, 'web', 'node_modules'), join(folder, 'web', 'node_modules'));
  const [{ filename }] = JSON.parse(await run('npm', ['pack', '--json', '--silent', '--pack-destination', folder], { cwd: join(folder, 'web') }));
  await rename(join(folder, filename), tarball);
  return tarball;
}

async function sourcesOfPackage() {
  const all = await readdir(join(root, 'web'), { recursive: true, withFileTypes: true });
  const files = all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => relative(root, join(parentPath, name)));
  const ours = files.filter((path) => !/^web\/(node_modules|test|types|examples)\//.test(path));
  return [...ours.sort(), 'LICENSE-APACHE', 'LICENSE-MIT'];
}

/** An example in a folder of its own that has the package installed, as whoever begins a project has it. */
export async function install(t, tarball, example) {
  const folder = await folderFor(t);
  await cp(join(root, 'web', 'examples', example), folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  const { type = 'module' } = JSON.parse(await readFile(manifest, 'utf8').catch(() => '{}'));
  // The other dependencies come from the folder above, in the same versions: a test holds that.
  await writeFile(manifest, JSON.stringify({ private: true, type }));
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder });
  return folder;
}
