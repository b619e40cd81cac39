// What the package holds besides what is written: types for TypeScript, the element's manifest for editors, licences.
// Made for each package, and kept out of git, so that they cannot be older than the sources.

import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
const run = (tool, ...args) => execFileSync(join(here, 'node_modules', '.bin', tool), args, { cwd: here, stdio: 'inherit' });

rmSync(join(here, 'types'), { recursive: true, force: true });
run('tsc', '--project', 'tsconfig.types.json');
// The compiler leaves out those that are written by hand.
for (const name of readdirSync(join(here, 'src'), { recursive: true })) {
  if (name.endsWith('.d.ts')) copyFileSync(join(here, 'src', name), join(here, 'types', name));
}
run('cem', 'analyze', '--globs', 'src/element/scan-login-element.js', '--globs', 'src/element/define.js', '--quiet');
for (const licence of ['LICENSE-APACHE', 'LICENSE-MIT']) copyFileSync(join(here, '..', licence), join(here, licence));
