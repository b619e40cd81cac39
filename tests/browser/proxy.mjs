// What all proxies before a gateway have in common: a name, a certificate, ports, and the files that operators are given
// to begin with. The names end in .localhost, which browsers find on this machine by themselves.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { eventually } from './eventually.mjs';
import { defer } from './scope.mjs';

/** The gateway's name. */
export const LOGIN = 'login.scangate.localhost';
const START_MS = 10_000;

/** Ports that nobody has right now. @param {number} count */
export async function freePorts(count) {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

/** A directory that goes when the test ends. */
export async function directoryFor(t) {
  const directory = await mkdtemp(join(tmpdir(), 'scangate-proxy-'));
  defer(t, () => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** A certificate for these names, signed by itself: `cert.pem` and `key.pem` in the directory. */
export async function certify(directory, names) {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(directory, name));
  const alternatives = `subjectAltName=${names.map((name) => `DNS:${name}`)}`;
  const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert];
  await promisify(execFile)('openssl', ['req', '-x509', ...made, '-days', '2', '-subj', `/CN=${names[0]}`, '-addext', alternatives]);
  return { cert, key };
}

/**
 * A file of config/ as it is shipped, with these of its texts replaced wherever they stand.
 * @param {string} file @param {[from: string, to: string][]} changes
 */
export async function shipped(file, changes) {
  const path = fileURLToPath(new URL(`../../config/${file}`, import.meta.url));
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${path} has no ${from}`);
    return text.replaceAll(from, to);
  }, await readFile(path, 'utf8'));
}

/** Runs a proxy until the test ends, and waits until it listens. */
export async function launch(t, command, args, port, env = process.env) {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const gone = once(child, 'exit');
  process.once('exit', () => child.kill('SIGKILL'));
  defer(t, async () => {
    child.kill('SIGTERM');
    await gone;
  });
  await eventually(`${command} listens`, async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended:\n${output}`);
    return isOpen(port);
  }, START_MS);
}

async function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false)).once('connect', () => socket.end());
  });
}
