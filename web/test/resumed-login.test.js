// A login that goes on where another page of the tab left it, and digits that a fallen link must not lose.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Link } from '../src/sdk/link.js';
import { LoginSession } from '../src/sdk/login-session.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

const BATON = { scene: 'scene-1', secret: 'kept-secret', seq: 2, verifier: 'kept-verifier', flow: 'website' };

let clock, gateway, session, wishes, pkces;

beforeEach(() => {
  clock = new FakeClock();
  gateway = new FakeGateway(clock);
  pkces = 0;
  wishes = () => ({ locale: 'en' });
  const env = { WebSocket: gateway.WebSocket, clock, random: () => 1, online: () => true };
  const noPoll = { connect() {}, send() {}, wake() {}, close() {} };
  session = new LoginSession({
    makeLink: (handlers) => new Link((each) => new ReconnectingSocket('ws://gateway', each, env), () => noPoll, handlers),
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
  session.start();
  await welcome();
  gateway.say(gateway.pending());
  gateway.say(gateway.state('scanned', 2));
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
}

const last = () => gateway.commands.at(-1);

test('it says resume with what was kept, and gets the grant that its verifier is for', async () => {
  session.start(BATON);
  await welcome();
  assert.deepEqual(gateway.commands, [{ type: 'resume', scene: 'scene-1', secret: 'kept-secret', seq: 2 }]);
  gateway.pending();
  gateway.say(gateway.state('authorized', 4, { grant: 'g', user: {}, replay: true }));
  assert.deepEqual([session.state.name, session.verifier, pkces], ['authorized', 'kept-verifier', 0]);
});

test('what it takes to go on is what the scene is at', async () => {
  assert.equal(session.baton, null);
  session.start(BATON);
  assert.deepEqual(session.baton, BATON);
  await welcome();
  gateway.pending();
  gateway.say(gateway.state('scanned', 3));
  assert.deepEqual(session.baton, { ...BATON, seq: 3 });
});

test('resumed while the code still waits, it is the code that is shown, and its flow', async () => {
  session.start({ ...BATON, seq: 1 });
  await welcome();
  gateway.say(gateway.pending({ replay: true, flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/x' }));
  assert.deepEqual([session.state.name, session.flow], ['pending', 'website']);
});

test('a scene that is gone: a new one, with a verifier of its own', async () => {
  session.start(BATON);
  await welcome();
  gateway.refuse(40401, 'scene_not_found', { ref: 'resume' });
  gateway.close(4404);
  assert.equal(session.baton, null);
  await redial();
  assert.deepEqual(last(), { type: 'start', challenge: 'challenge-1', locale: 'en' });
  assert.equal(session.verifier, 'verifier-1');
});

test('a scene that is redeemed: it stops', async () => {
  session.start(BATON);
  await welcome();
  gateway.refuse(41000, 'scene_redeemed', { ref: 'resume' });
  gateway.close(4410);
  assert.deepEqual([session.state, session.baton, clock.next], [{ name: 'stopped', why: 'redeemed' }, null, null]);
});

test('a scene that ended meanwhile shows how, and leads on to a new one', async () => {
  session.start(BATON);
  await welcome();
  gateway.pending();
  gateway.say(gateway.state('rejected', 4, { by: 'user', replay: true }));
  assert.equal(session.state.name, 'rejected');
  session.renew();
  assert.deepEqual(last(), { type: 'refresh' });
  gateway.say(gateway.pending());
  assert.equal(session.verifier, 'kept-verifier', 'a refresh keeps the challenge, so the verifier too');
});

test('to begin with another flow it gives the old code up, and says start again', async () => {
  session.start();
  await welcome();
  gateway.say(gateway.pending());
  const [old] = gateway.sockets;
  wishes = () => ({ locale: 'en', flow: 'website' });
  session.startOver();
  assert.deepEqual([old.sent.at(-1), old.closedWith], [{ type: 'cancel' }, 1000]);
  await welcome();
  assert.deepEqual(gateway.commands, [{ type: 'start', challenge: 'challenge-2', locale: 'en', flow: 'website' }]);
});

test('a pending that has nothing to show, or no address to frame, has failed', async () => {
  session.start();
  await welcome();
  for (const embed_url of [undefined, 'javascript:alert(1)', '/relative']) {
    gateway.say(gateway.pending({ flow: 'website', qr: undefined, embed_url }));
    assert.deepEqual([session.state.name, session.state.error.name], ['failed', 'flow_unknown'], embed_url);
  }
});

test('website goes from pending to an end', async () => {
  session.start();
  await welcome();
  gateway.say(gateway.pending({ flow: 'website', qr: undefined, embed_url: 'https://open.weixin.qq.com/x' }));
  const names = [];
  session.addEventListener('change', () => names.push(session.state.name));
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: { name: 'A' } }));
  assert.deepEqual(names, ['authorized']);
});

test('wishes that come after the link fell are not said twice', async () => {
  const late = [];
  wishes = () => new Promise((resolve) => late.push(resolve));
  session.start();
  await welcome();
  gateway.close(1006);
  await redial();
  for (const resolve of late) resolve({ locale: 'en' });
  await settle();
  assert.deepEqual(gateway.commands, [{ type: 'start', challenge: 'challenge-2', locale: 'en' }]);
  assert.equal(session.verifier, 'verifier-2');
});

test('digits are sent, and a wrong code is known by the next state', async () => {
  await toVerifying();
  assert.equal(session.state.wrong, false);
  session.verify('42');
  assert.deepEqual(last(), { type: 'verify', code: '42' });
  gateway.say(gateway.state('verifying', 4, { code_length: 2, tries_left: 2 }));
  assert.deepEqual([session.state.wrong, session.state.event.tries_left], [true, 2]);
  gateway.say(gateway.state('failed', 5, { error: { code: 40301, name: 'refused_by_policy', message: 'No.', retryable: false } }));
  assert.equal(session.state.name, 'failed');
});

test('digits under way when the link fell are sent again, if the scene still waits for them', async () => {
  await toVerifying();
  session.verify('42');
  gateway.close(1006);
  await redial();
  assert.equal(last().type, 'resume');
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3, replay: true }));
  assert.deepEqual(last(), { type: 'verify', code: '42' });
  assert.equal(session.state.wrong, false);
});

test('digits that had arrived are not: a try is not to be lost twice', async () => {
  await toVerifying();
  session.verify('42');
  gateway.close(1006);
  await redial();
  gateway.say(gateway.state('verifying', 4, { code_length: 2, tries_left: 2, replay: true }));
  assert.equal(last().type, 'resume');
  assert.equal(session.state.wrong, true);
});

test('digits refused at the wrong moment are not sent again', async () => {
  await toVerifying();
  session.verify('42');
  gateway.refuse(40900, 'state_conflict', { ref: 'verify' });
  gateway.close(1006);
  await redial();
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3, replay: true }));
  assert.equal(last().type, 'resume');
});

test('digits are for the state that asks for them', async () => {
  session.start();
  await welcome();
  gateway.say(gateway.pending());
  session.verify('42');
  assert.equal(last().type, 'start');
});
