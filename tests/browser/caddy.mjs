// Caddy before a gateway and a back end.

import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { directoryFor, freePorts, launch, LOGIN, shipped } from './proxy.mjs';

const CADDY = process.env.CADDY ?? ['/usr/bin/caddy', '/usr/local/bin/caddy'].find(existsSync);

/**
 * The site as it is shipped; gives its port.
 * @param {import('node:test').TestContext} t stops it when it ends
 */
export async function startCaddy(t, { plain, backend }, { cert, key }) {
  if (!CADDY) throw new Error('no Caddy here: `apt-get install caddy`, or set CADDY to its path');
  const [tls] = await freePorts(1);
  const directory = await directoryFor(t);
  const site = await shipped('caddy/Caddyfile', [
    ['login.example.com {', `${LOGIN}:${tls} {`],
    ['/etc/ssl/login.example.com.pem', cert],
    ['/etc/ssl/login.example.com.key', key],
    ['127.0.0.1:8080', `127.0.0.1:${plain}`],
    ['127.0.0.1:3000', `127.0.0.1:${backend}`],
  ]);
  const own = '{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n';
  await writeFile(join(directory, 'Caddyfile'), own + site);
  const env = { ...process.env, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };
  await launch(t, CADDY, ['run', '--adapter', 'caddyfile', '--config', join(directory, 'Caddyfile')], tls, env);
  return tls;
}
