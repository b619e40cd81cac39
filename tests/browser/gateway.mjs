// Starts the gateway as a user would: the binary, a data directory of its own, ports that are free.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually } from './eventually.mjs';
import { defer } from './scope.mjs';

const BINARY = process.env.SCANGATE_BINARY ?? fileURLToPath(new URL('../../target/debug/scangate', import.meta.url));
const START_MS = 20_000;
const STOP_MS = 15_000;

/** What the gateway prints when it is up, by the words before the address. */
const ADDRESSES = { page: /\blogin page\s+(https?:\S+)/, phone: /\bphone\s+(http:\S+)/, admin: /\badmin\s+(http:\S+)/ };

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * @param {import('node:test').TestContext} t stops the gateway when it ends
 * @param {Record<string, string | number>} settings `section.key` to value
 */
export async function startGateway(t, settings = {}) {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run \`cargo build\` first`);
  const dataDir = await mkdtemp(join(tmpdir(), 'scangate-browser-'));
  const gateway = new Gateway(dataDir, settings);
  defer(t, async () => {
    try {
      await gateway.stop();
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
  await gateway.start();
  return gateway;
}

class Gateway {
  /** The login page, the simulated phone and the admin listener. @type {{ page: string, phone: string, admin: string }} */
  addresses;
  #dataDir;
  #settings;
  #child;
  #output = '';

  constructor(dataDir, settings) {
    this.#dataDir = dataDir;
    this.#settings = settings;
  }

  /** The origin of the public listener. */
  get origin() {
    return new URL(this.addresses.page).origin;
  }

  /** The origin of the sandbox. */
  get sandbox() {
    return new URL(this.addresses.phone).origin;
  }

  /** All it has printed. */
  get output() {
    return this.#output;
  }

  /** Starts it; a second time on the addresses of the first. */
  async start() {
    const host = (name) => (this.addresses ? new URL(this.addresses[name]).host : '127.0.0.1:0');
    const settings = {
      'server.bind': host('page'),
      'server.admin_bind': host('admin'),
      'sandbox.bind': host('phone'),
      'server.data_dir': this.#dataDir,
      // There is no balancer that has to notice.
      'server.drain_delay_ms': 0,
      ...this.#settings,
    };
    const args = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('SCANGATE_')));
    const child = spawn(BINARY, ['serve', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    this.#child = child;
    const from = this.#output.length;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#output += text));
    }
    this.addresses = await eventually('the gateway prints where it listens', () => {
      const text = this.#output.slice(from);
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the gateway ended:\n${text}`);
      const found = Object.entries(ADDRESSES).map(([name, line]) => [name, line.exec(text)?.[1]]);
      return found.every(([, address]) => address) ? Object.fromEntries(found) : null;
    }, START_MS);
    await eventually('the gateway is ready', async () => {
      const answer = await fetch(new URL('/readyz', this.addresses.admin)).catch(() => null);
      return answer?.ok;
    }, START_MS);
  }

  /** Ends it without a word, as a power cut does. */
  async kill() {
    await this.#end('SIGKILL');
  }

  /** Ends it as an operator does. */
  async stop() {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    await this.#end('SIGTERM');
    if (child.exitCode !== 0) {
      throw new Error(`the gateway did not stop well (${child.exitCode ?? child.signalCode}):\n${this.#output}`);
    }
  }

  async #end(signal) {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const deadline = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(deadline);
  }

  /** A person with a simulated phone. @param {{ id: string, name: string }} user */
  async addUser(user) {
    const answer = await fetch(new URL('/sandbox/api/users', this.sandbox), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ follower: false, snapshot: false, ...user }),
    });
    if (answer.status !== 201) throw new Error(`POST /sandbox/api/users: ${answer.status} ${await answer.text()}`);
    return user;
  }
}
