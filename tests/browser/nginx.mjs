// The gateway as it is run: behind nginx, by https, with WeChat on another site. The names end in .localhost, which
// browsers find on this machine by themselves.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { eventually } from './eventually.mjs';
import { startGateway } from './gateway.mjs';
import { defer } from './scope.mjs';

const NGINX = process.env.NGINX ?? ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
/** What operators are given to begin with. */
const EXAMPLE = fileURLToPath(new URL('../../config/nginx/scangate.conf', import.meta.url));
const LOGIN = 'login.scangate.localhost';
const WECHAT = 'open.weixin.localhost';
const START_MS = 10_000;

/**
 * A gateway behind nginx; `wechat` is the origin of WeChat's pages.
 * @param {import('node:test').TestContext} t stops both when it ends
 * @param {Record<string, string | number>} settings `section.key` to value
 */
export async function startBehindNginx(t, settings = {}) {
  if (!NGINX) throw new Error('no nginx here: `apt-get install nginx-light`, or set NGINX to its path');
  const [tls, plain] = await freePorts(2);
  const wechat = `https://${WECHAT}:${tls}`;
  const gateway = await startGateway(t, {
    'server.bind': `127.0.0.1:${plain}`,
    'server.public_url': `https://${LOGIN}:${tls}`,
    'server.trusted_proxies': '127.0.0.1/32',
    'wechat.open_base': wechat,
    ...settings,
  });
  const directory = await mkdtemp(join(tmpdir(), 'scangate-nginx-'));
  defer(t, () => rm(directory, { recursive: true, force: true }));
  await certify(directory);
  await configure(directory, tls, plain, gateway.sandbox);
  await start(t, directory, tls);
  return { gateway, wechat };
}

/** Ports that nobody has right now. @param {number} count */
async function freePorts(count) {
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

/** A certificate for both names, signed by itself. */
async function certify(directory) {
  const names = `subjectAltName=DNS:${LOGIN},DNS:${WECHAT}`;
  const files = ['-keyout', join(directory, 'key.pem'), '-out', join(directory, 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', ['req', '-x509', ...key, '-days', '2', '-subj', `/CN=${LOGIN}`, '-addext', names, ...files]);
}

/** The example with this machine's names, and WeChat beside it. */
async function configure(directory, tls, plain, sandbox) {
  const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(directory, name));
  const example = await readFile(EXAMPLE, 'utf8');
  const changes = [
    ['listen 443 ssl;', `listen 127.0.0.1:${tls} ssl;`],
    ['server_name login.example.com;', `server_name ${LOGIN};`],
    ['/etc/ssl/login.example.com.pem;', `${cert};`],
    ['/etc/ssl/login.example.com.key;', `${key};`],
    ['http://127.0.0.1:8080;', `http://127.0.0.1:${plain};`],
  ];
  const site = changes.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) throw new Error(`${EXAMPLE} has not one ${from}`);
    return text.replace(from, to);
  }, example);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
  await writeFile(join(directory, 'nginx.conf'), `
daemon off;
master_process off;
pid ${directory}/pid;
events {}
http {
    access_log off;
    ${temporary.join('\n    ')}
    ${site}
    server {
        listen 127.0.0.1:${tls} ssl;
        server_name ${WECHAT};
        ssl_certificate     ${cert};
        ssl_certificate_key ${key};
        location / { proxy_pass ${sandbox}; }
    }
}
`);
}

async function start(t, directory, tls) {
  const child = spawn(NGINX, ['-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const gone = once(child, 'exit');
  process.once('exit', () => child.kill('SIGKILL'));
  defer(t, async () => {
    child.kill('SIGTERM');
    await gone;
  });
  await eventually('nginx listens', async () => {
    if (child.exitCode !== null) throw new Error(`nginx ended:\n${output}`);
    return isOpen(tls);
  }, START_MS);
}

async function isOpen(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.once('error', () => resolve(false)).once('connect', () => socket.end());
  });
}
