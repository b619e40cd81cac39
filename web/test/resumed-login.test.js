// A login that goes on where another page of the tab left it, and digits that a fallen link must not lose.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Link } from '../src/sdk/link.js';
import { ScanLogin } from '../src/sdk/scan-login.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

const BATON = { scene: 'scene-1', secret: 'kept-secret', seq: 2, verifier: 'kept-verifier', flow: 'website' };

let clock, gateway, login, wishes, pkces;

beforeEach(() => {
  clock = new FakeClock();
  gateway = new FakeGateway(clock);
  pkces = 0;
  wishes = () => ({ locale: 'en' });
  const env = { WebSocket: gateway.WebSocket, clock, random: () => 1, online: () => true };
  const noPoll = { connect() {}, send() {}, wake() {}, close() {} };
  login = new ScanLogin({
    makeLink: (handlers) => new Link(handlers, { makeSocket: (each) => new ReconnectingSocket('ws://gateway', each, env), makeHttp: async () => noPoll }),
    newPkce: async () => ({ verifier: `verifier-${++pkces}`, challenge: `challenge-${pkces}` }),
    clock,
    visible: () => true,
    wishes: () => wishes(),
  });
});

async function welcome() {
  gateway.welcome();
  await settle();
}

async function redial() {
  clock.advance(clock.next);
  await welcome();
}

async function toVerifying() {
  login.start();
  await welcome();
  gateway.say(gateway.pending());
  gateway.say(gateway.state('scanned', 2));
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
}

const last = () => gateway.commands.at(-1);

test('it says resume with what was kept, and gets the grant that its verifier is for', async () => {
  login.start(BATON);
  await welcome();
  assert.deepEqual(gateway.commands, [{ type: 'resume', scene: 'scene-1', secret: 'kept-secret', seq: 2 }]);
  gateway.pending();
  gateway.say(gateway.state('authorized', 4, { grant: 'g', user: {}, replay: true }));
  assert.deepEqual([login.state.type, login.baton.verifier, pkces], ['authorized', 'kept-verifier', 0]);
});

test('what it takes to go on is what the scene is at', async () => {
  assert.equal(login.baton, null);
  login.start(BATON);
  assert.deepEqual(login.baton, BATON);
  await welcome();
  gateway.pending();
  gateway.say(gateway.state('scanned', 3));
  assert.deepEqual(login.baton, { ...BATON, seq: 3 });
});

test('resumed while the code still waits, it is the code that is shown, and its flow', async () => {
  login.start({ ...BATON, seq: 1 });
  await welcome();
  gateway.say(gateway.pending({ replay: true, flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/x' }));
  assert.deepEqual([login.state.type, login.baton.flow], ['pending', 'website']);
});

test('a scene that is gone: a new one, with a verifier of its own', async () => {
  login.start(BATON);
  await welcome();
  gateway.refuse(40401, 'scene_not_found', { ref: 'resume' });
  gateway.close(4404);
  assert.equal(login.baton, null);
  await redial();
  assert.deepEqual(last(), { type: 'start', challenge: 'challenge-1', locale: 'en' });
  gateway.say(gateway.pending());
  assert.equal(login.baton.verifier, 'verifier-1');
});

test('a scene that is redeemed: it stops', async () => {
  login.start(BATON);
  await welcome();
  gateway.refuse(41000, 'scene_redeemed', { ref: 'resume' });
  gateway.close(4410);
  assert.deepEqual([login.state, login.baton, clock.next], [{ type: 'stopped', reason: 'redeemed' }, null, null]);
});

test('a scene that ended meanwhile shows how, and leads on to a new one', async () => {
  login.start(BATON);
  await welcome();
  gateway.pending();
  gateway.say(gateway.state('rejected', 4, { by: 'user', replay: true }));
  assert.equal(login.state.type, 'rejected');
  login.refresh();
  assert.deepEqual(last(), { type: 'refresh' });
  gateway.say(gateway.pending());
  assert.equal(login.baton.verifier, 'kept-verifier', 'a refresh keeps the challenge, so the verifier too');
});

test('website goes from pending to an end', async () => {
  login.start();
  await welcome();
  gateway.say(gateway.pending({ flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/x' }));
  const names = [];
  login.addEventListener('statechange', () => names.push(login.state.type));
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: { name: 'A' } }));
  assert.deepEqual(names, ['authorized']);
});

test('wishes that come after the link fell are not said twice', async () => {
  const late = [];
  wishes = () => new Promise((resolve) => late.push(resolve));
  login.start();
  await welcome();
  gateway.close(1006);
  await redial();
  for (const resolve of late) resolve({ locale: 'en' });
  await settle();
  assert.deepEqual(gateway.commands, [{ type: 'start', challenge: 'challenge-2', locale: 'en' }]);
  gateway.say(gateway.pending());
  assert.equal(login.baton.verifier, 'verifier-2');
});

test('digits are sent, and a wrong code is known by the next state', async () => {
  await toVerifying();
  login.verify('42');
  assert.deepEqual(last(), { type: 'verify', code: '42' });
  gateway.say(gateway.state('verifying', 4, { code_length: 2, tries_left: 2 }));
  assert.deepEqual([login.state.type, login.state.tries_left], ['verifying', 2]);
  gateway.say(gateway.state('failed', 5, { error: { code: 40301, name: 'refused_by_policy', message: 'No.', retryable: false } }));
  assert.equal(login.state.type, 'failed');
});

test('digits under way when the link fell are sent again, if the scene still waits for them', async () => {
  await toVerifying();
  login.verify('42');
  gateway.close(1006);
  await redial();
  assert.equal(last().type, 'resume');
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3, replay: true }));
  assert.deepEqual(last(), { type: 'verify', code: '42' });
});

test('digits that had arrived are not: a try is not to be lost twice', async () => {
  await toVerifying();
  login.verify('42');
  gateway.close(1006);
  await redial();
  gateway.say(gateway.state('verifying', 4, { code_length: 2, tries_left: 2, replay: true }));
  assert.equal(last().type, 'resume');
});

test('digits refused at the wrong moment are not sent again', async () => {
  await toVerifying();
  login.verify('42');
  gateway.refuse(40900, 'state_conflict', { ref: 'verify' });
  gateway.close(1006);
  await redial();
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3, replay: true }));
  assert.equal(last().type, 'resume');
});

test('digits are for the state that asks for them', async () => {
  login.start();
  await welcome();
  gateway.say(gateway.pending());
  login.verify('42');
  assert.equal(last().type, 'start');
});
