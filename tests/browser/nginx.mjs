// The gateway as it is run: behind nginx, by https.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startGateway } from './gateway.mjs';
import { certify, directoryFor, freePorts, launch, LOGIN, shipped } from './proxy.mjs';

const NGINX = process.env.NGINX ?? ['/usr/sbin/nginx', '/usr/bin/nginx'].find(existsSync);
const WECHAT = 'open.weixin.localhost';

/**
 * A gateway behind nginx; `wechat` is the origin of WeChat's pages.
 * @param {import('node:test').TestContext} t stops both when it ends
 * @param {Record<string, string | number>} settings `section.key` to value; `{origin}` in one is the gateway's
 * @param {object} [options]
 * @param {boolean} [options.wechatByHttps] on a site of its own, not where the sandbox listens
 * @param {number} [options.backend] the port of a back end to guard
 * @param {string[]} [options.besides] further names of this machine, by which nginx answers with an empty page
 */
export async function startBehindNginx(t, settings = {}, { wechatByHttps = true, backend, besides = [] } = {}) {
  if (!NGINX) throw new Error('no nginx here: `apt-get install nginx-light`, or set NGINX to its path');
  const [tls, plain] = await freePorts(2);
  const wechat = `https://${WECHAT}:${tls}`;
  const origin = `https://${LOGIN}:${tls}`;
  const own = Object.entries(settings).map(([key, value]) => [key, String(value).replaceAll('{origin}', origin)]);
  const gateway = await startGateway(t, {
    'server.bind': `127.0.0.1:${plain}`,
    'server.public_url': origin,
    'server.trusted_proxies': '127.0.0.1/32',
    ...(wechatByHttps && { 'wechat.open_base': wechat }),
    ...Object.fromEntries(own),
  });
  const directory = await directoryFor(t);
  const pair = await certify(directory, [LOGIN, WECHAT, ...besides]);
  const ports = { tls, plain, backend };
  await configure(directory, ports, pair, gateway.sandbox, besides);
  await launch(t, NGINX, ['-p', directory, '-e', 'stderr', '-c', join(directory, 'nginx.conf')], tls);
  return { gateway, wechat, pair, ports };
}

/** What is shipped with this machine's names, and WeChat and others beside it. */
async function configure(directory, { tls, plain, backend }, { cert, key }, sandbox, besides) {
  const site = await shipped(backend ? 'nginx/guarded.conf' : 'nginx/scangate.conf', [
    ['listen 443 ssl;', `listen 127.0.0.1:${tls} ssl;`],
    ['server_name login.example.com;', `server_name ${LOGIN};`],
    ['/etc/ssl/login.example.com.pem;', `${cert};`],
    ['/etc/ssl/login.example.com.key;', `${key};`],
    ['http://127.0.0.1:8080', `http://127.0.0.1:${plain}`],
    ...(backend ? [['http://127.0.0.1:3000', `http://127.0.0.1:${backend}`]] : []),
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
  const server = (names, location) => `
    server {
        listen 127.0.0.1:${tls} ssl;
        server_name ${names};
        ssl_certificate     ${cert};
        ssl_certificate_key ${key};
        location / { ${location} }
    }`;
  const page = 'default_type text/html; return 200 "<!doctype html><title>another</title><link rel=icon href=data:,>";';
  await writeFile(join(directory, 'nginx.conf'), `
daemon off;
master_process off;
pid ${directory}/pid;
events {}
http {
    access_log off;
    ${temporary.join('\n    ')}
    ${site}
    ${server(WECHAT, `proxy_pass ${sandbox};`)}
    ${besides.length ? server(besides.join(' '), page) : ''}
}
`);
}
