// One login in a page that is seen, and a gateway that says what the test wants.

import { Link } from '../src/sdk/link.js';
import { ScanLogin } from '../src/sdk/scan-login.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

class FakePoll {
  transport = 'poll';
  sent = [];
  constructor(handlers) { this.handlers = handlers; }
  connect() { this.handlers.open(); }
  send(command) { this.sent.push(command); }
  wake() {}
  close() {}
}

export class LoginStage {
  clock = new FakeClock();
  gateway = new FakeGateway(this.clock);
  visible = true;
  /** How many were made. */
  pkces = 0;
  /** The newest link over HTTP. */
  poll = null;

  newPkce = async () => {
    this.pkces += 1;
    return { verifier: `verifier-${this.pkces}`, challenge: `challenge-${this.pkces}` };
  };

  redeem = async () => ({ user: { id: 'u1', name: 'Ann' }, session_id: 's1', access_token: 't', expires_in: 600 });

  #env = { WebSocket: this.gateway.WebSocket, clock: this.clock, random: () => 1, online: () => true };

  #makeHttp = async (each) => {
    this.poll = new FakePoll(each);
    return this.poll;
  };

  login = new ScanLogin({
    makeLink: (handlers) => new Link(handlers, {
      makeSocket: (each) => new ReconnectingSocket('ws://gateway', each, this.#env), makeHttp: this.#makeHttp,
    }),
    newPkce: () => this.newPkce(),
    redeem: (...all) => this.redeem(...all),
    clock: this.clock,
    visible: () => this.visible,
    wishes: () => ({ locale: 'en', app: 'shop' }),
  });

  toPending = async (more) => {
    this.gateway.welcome();
    await settle();
    this.gateway.say(this.gateway.pending(more));
  };

  toAuthorized = async () => {
    await this.toPending();
    this.gateway.say(this.gateway.state('authorized', 2, { grant: 'g', user: { name: 'Ann' } }));
  };

  redial = async () => {
    this.clock.advance(this.clock.next);
    this.gateway.welcome();
    await settle();
  };

  /** No socket comes about. */
  block = async () => {
    for (let strike = 0; strike < 3; strike += 1) {
      this.gateway.close(1006);
      if (strike < 2) this.clock.advance(this.clock.next);
    }
    await settle();
  };
}
