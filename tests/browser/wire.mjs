// The network between a browser and the gateway, which can be cut and mended.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

import { freePorts } from './proxy.mjs';
import { startGateway } from './gateway.mjs';
import { defer } from './scope.mjs';

export class Wire {
  #server = createServer((near) => this.#join(near));
  #ends = new Set();
  #to;
  #isCut = false;

  constructor(to) {
    this.#to = to;
  }

  /** Listens until the test ends. @param {number} port @param {number} to the port behind it */
  static async between(t, port, to) {
    const wire = new Wire(to);
    await once(wire.#server.listen(port, '127.0.0.1'), 'listening');
    defer(t, async () => {
      wire.cut();
      await once(wire.#server.close(), 'close');
    });
    return wire;
  }

  /** Every connection ends, and no new one comes through. */
  cut() {
    this.#isCut = true;
    for (const end of this.#ends) end.destroy();
  }

  mend() {
    this.#isCut = false;
  }

  #join(near) {
    if (this.#isCut) return near.destroy();
    const far = connect(this.#to, '127.0.0.1');
    for (const [end, other] of [[near, far], [far, near]]) {
      this.#ends.add(end);
      end.pipe(other);
      end.on('error', () => other.destroy()).on('close', () => {
        this.#ends.delete(end);
        other.destroy();
      });
    }
  }
}

/** A gateway that browsers reach over a wire. */
export async function startGatewayBehindWire(t, settings) {
  const [near, far] = await freePorts(2);
  const wire = await Wire.between(t, near, far);
  const gateway = await startGateway(t, { 'server.bind': `127.0.0.1:${far}`, 'server.public_url': `http://127.0.0.1:${near}`, ...settings });
  return { gateway, wire };
}
