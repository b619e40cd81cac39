import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Link } from '../src/sdk/link.js';
import { LoginSession, RENEWALS } from '../src/sdk/login-session.js';
import { NotSupported } from '../src/sdk/pkce.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

let clock, gateway, session, visible, pkces, newPkce, poll;

class FakePoll {
  sent = [];
  constructor(handlers) {
    this.handlers = handlers;
    poll = this;
  }
  connect() { this.handlers.open(); }
  send(command) { this.sent.push(command); }
  wake() {}
  close() {}
}

beforeEach(() => {
  clock = new FakeClock();
  gateway = new FakeGateway(clock);
  visible = true;
  pkces = 0;
  newPkce = async () => {
    pkces += 1;
    return { verifier: `verifier-${pkces}`, challenge: `challenge-${pkces}` };
  };
  const env = { WebSocket: gateway.WebSocket, clock, random: () => 1, online: () => true };
  session = new LoginSession({
    makeLink: (handlers) => new Link((each) => new ReconnectingSocket('ws://gateway', each, env), (each) => new FakePoll(each), handlers),
    newPkce: () => newPkce(),
    clock,
    visible: () => visible,
    wishes: () => ({ locale: 'en', app: 'shop' }),
  });
  session.start();
});

async function toPending(more) {
  gateway.welcome();
  await settle();
  gateway.say(gateway.pending(more));
}

async function redial() {
  clock.advance(clock.next);
  gateway.welcome();
  await settle();
}

const last = () => gateway.commands.at(-1);

test('it starts with a challenge, and keeps the verifier', async () => {
  assert.equal(session.state.name, 'opening');
  await toPending();
  assert.deepEqual(gateway.commands, [{ type: 'start', challenge: 'challenge-1', locale: 'en', app: 'shop' }]);
  assert.equal(session.state.name, 'pending');
  assert.equal(session.connection, 'live');
  assert.equal(session.verifier, 'verifier-1');
});

test('each state is announced', async () => {
  const names = [];
  session.addEventListener('change', () => names.push(session.state.name));
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
  gateway.say(gateway.state('authorized', 4, { grant: 'g', user: {} }));
  assert.deepEqual(names, ['opening', 'pending', 'scanned', 'verifying', 'authorized']);
});

test('after a lost link it resumes with scene, secret and the last seq; the code stays', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  gateway.close(1006);
  assert.deepEqual([session.state.name, session.connection], ['scanned', 'lost']);
  await redial();
  assert.deepEqual(gateway.commands, [{ type: 'resume', scene: 'scene-1', secret: 'secret-1', seq: 2 }]);
  gateway.say(gateway.state('authorized', 3, { grant: 'g', user: {}, replay: true }));
  assert.deepEqual([session.state.name, session.connection], ['authorized', 'live']);
});

test('an older event, and one of another scene, change nothing', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 3));
  gateway.say(gateway.state('expired', 2));
  gateway.say(gateway.state('expired', 9, { scene: 'another' }));
  assert.equal(session.state.name, 'scanned');
});

test('a code that expires before visible eyes is renewed in place', async () => {
  await toPending();
  gateway.say(gateway.state('expired', 2));
  assert.equal(session.state.name, 'pending', 'the old code stays until the new one is there');
  assert.deepEqual(last(), { type: 'refresh' });
  gateway.say(gateway.pending());
  assert.equal(session.state.event.scene, 'scene-2');
  assert.equal(pkces, 1, 'a refresh keeps the challenge');
});

test('five renewals, then a button; pressing it begins anew', async () => {
  await toPending();
  for (let renewal = 0; renewal < RENEWALS; renewal += 1) {
    assert.ok(session.renewsItself);
    gateway.say(gateway.state('expired', 2));
    gateway.say(gateway.pending());
  }
  assert.ok(!session.renewsItself);
  gateway.say(gateway.state('expired', 2));
  assert.equal(session.state.name, 'expired');
  assert.equal(gateway.commands.filter(({ type }) => type === 'refresh').length, RENEWALS);
  session.renew();
  gateway.say(gateway.pending());
  assert.ok(session.renewsItself);
  assert.equal(session.state.name, 'pending');
});

test('a hidden page does not renew; when it is seen again it does', async () => {
  await toPending();
  visible = false;
  gateway.say(gateway.state('expired', 2));
  assert.equal(session.state.name, 'expired');
  assert.equal(gateway.commands.length, 1);
  visible = true;
  session.wake();
  assert.deepEqual(last(), { type: 'refresh' });
});

test('hidden so long that the gateway hung up: seen again, it starts afresh', async () => {
  await toPending();
  visible = false;
  gateway.say(gateway.state('expired', 2));
  gateway.close(1000);
  visible = true;
  session.wake();
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'start');
});

test('a scanned code that was not confirmed in time is not renewed unasked', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  gateway.say(gateway.state('expired', 3));
  assert.equal(session.state.name, 'expired');
});

test('a refresh refused because the phone was quicker leaves the scan standing', async () => {
  await toPending();
  session.renew();
  gateway.refuse(40900, 'state_conflict', { ref: 'refresh' });
  gateway.say(gateway.state('scanned', 2));
  assert.equal(session.state.name, 'scanned');
});

test('not you: cancel, then a new code', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  session.cancel();
  assert.deepEqual(last(), { type: 'cancel' });
  gateway.say(gateway.state('cancelled', 3));
  assert.deepEqual(last(), { type: 'refresh' });
  gateway.say(gateway.pending());
  assert.deepEqual([session.state.name, session.state.event.scene], ['pending', 'scene-2']);
});

test('a cancel that nobody here asked for is shown', async () => {
  await toPending();
  gateway.say(gateway.state('cancelled', 2));
  assert.equal(session.state.name, 'cancelled');
});

test('the deadline shows even when the link that would say so is gone', async () => {
  await toPending({ left: 30_000 });
  gateway.say({ type: 'drain', reconnect_in_ms: 40_000 });
  gateway.close(1012);
  clock.advance(32_001);
  assert.equal(session.state.name, 'expired');
  clock.advance(8_000);
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'resume');
  gateway.say(gateway.state('expired', 2, { replay: true }));
  assert.deepEqual(last(), { type: 'refresh' });
});

test('deadlines are counted by the gateway’s clock', async () => {
  gateway.open();
  gateway.hello({ now: clock.now() + 3_600_000 });
  await settle();
  gateway.say(gateway.pending({ expires_at: clock.now() + 3_660_000 }));
  assert.equal(session.state.event.expires_at - session.now(), 60_000);
});

test('a scene the gateway no longer knows is started again', async () => {
  await toPending();
  gateway.close(1006);
  await redial();
  gateway.refuse(40401, 'scene_not_found', { ref: 'resume' });
  gateway.close(4404);
  await redial();
  assert.deepEqual(last(), { type: 'start', challenge: 'challenge-2', locale: 'en', app: 'shop' });
});

test('too slow with the first command: it says it again', async () => {
  gateway.open();
  gateway.close(4408);
  await redial();
  assert.equal(last().type, 'start');
});

test('a limit is waited out, with the time to count', async () => {
  gateway.welcome();
  await settle();
  gateway.refuse(42900, 'rate_limited', { error: { retry_after_ms: 12_000 } });
  gateway.close(4429);
  assert.equal(session.state.name, 'waiting');
  assert.equal(session.state.until - clock.now(), 12_000);
  await redial();
  assert.equal(last().type, 'start');
});

test('overload is waited out for 5 s at least', async () => {
  gateway.welcome();
  await settle();
  gateway.refuse(50300, 'overloaded', { error: { retry_after_ms: 100 } });
  gateway.close(1013);
  assert.equal(session.state.until - clock.now(), 5_000);
});

test('when WeChat fails at the start, the page says so while it tries again', async () => {
  gateway.welcome();
  await settle();
  gateway.refuse(50201, 'wechat_unreachable');
  gateway.close(1011);
  assert.deepEqual([session.state.name, session.state.error.code], ['waiting', 50201]);
});

test('stops: refused, taken over, redeemed, outdated', async () => {
  const stops = { 4403: 'failed', 4400: 'failed', 4409: 'taken_over', 4410: 'redeemed', 4426: 'outdated' };
  for (const [code, expected] of Object.entries(stops)) {
    session.renew();
    gateway.welcome();
    await settle();
    gateway.refuse(40300, 'origin_refused');
    gateway.close(Number(code));
    const { state } = session;
    assert.equal(state.name === 'stopped' ? state.why : state.name, expected, code);
    assert.equal(clock.next, null, `${code} must not come back`);
  }
});

test('seen again, a page that is over stays as it is: no dialling, no new scene', async () => {
  for (const code of [4403, 4400, 4409, 4410, 4426]) {
    session.renew();
    gateway.welcome();
    await settle();
    gateway.close(code);
    const { state } = session;
    const dialled = gateway.sockets.length;
    session.wake();
    assert.equal(gateway.sockets.length, dialled, String(code));
    assert.equal(session.state, state, String(code));
  }
});

test('seen again, an ended scene whose link is gone still shows how it ended', async () => {
  for (const [type, more] of [['rejected', { by: 'user' }], ['cancelled', {}], ['failed', { error: { code: 50200, name: 'x', message: '', retryable: false } }]]) {
    for (const end of [() => gateway.close(1000), () => session.suspend()]) {
      session.renew();
      await toPending();
      gateway.say(gateway.state(type, 2, more));
      const dialled = gateway.sockets.length;
      end();
      session.wake();
      assert.equal(gateway.sockets.length, dialled, type);
      assert.equal(session.state.name, type);
    }
  }
});

test('seen again once the grant is redeemed, it opens no other scene', async () => {
  await toPending();
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: {} }));
  gateway.close(1000);
  session.wake();
  assert.deepEqual([session.state.name, gateway.sockets.length], ['authorized', 1]);
});

test('seen again, a login under way does not sit out the back-off', async () => {
  gateway.close(1006);
  session.wake();
  assert.equal(gateway.sockets.length, 2);
  await toPending();
  gateway.close(1006);
  session.wake();
  gateway.welcome();
  await settle();
  assert.deepEqual([gateway.sockets.length, last().type], [3, 'resume']);
});

test('finished after the grant was redeemed is not news', async () => {
  await toPending();
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: {} }));
  gateway.close(1000);
  assert.equal(session.state.name, 'authorized');
});

test('a failed scene names its error and trace', async () => {
  await toPending();
  const error = { code: 50200, name: 'wechat_failed', message: 'WeChat answered with an error.', retryable: true };
  gateway.say(gateway.state('failed', 2, { error }));
  assert.equal(session.state.error.code, 50200);
  assert.match(session.state.reference, /^4bf9/);
});

test('put away and taken out again: a clean close, then a resume', async () => {
  await toPending();
  const { last: socket } = gateway;
  session.suspend();
  assert.equal(socket.closedWith, 1000);
  session.unsuspend();
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'resume');
});

test('without WebCrypto it says that the address is not secure', async () => {
  newPkce = async () => { throw new NotSupported(); };
  gateway.welcome();
  await settle();
  assert.deepEqual(session.state, { name: 'stopped', why: 'insecure' });
  assert.deepEqual(gateway.sockets[0].sent, []);
});

async function block() {
  for (let strike = 0; strike < 3; strike += 1) {
    gateway.close(1006);
    if (clock.next !== null) clock.advance(clock.next);
  }
  await settle();
}

test('where sockets are blocked, the same login goes over HTTP', async () => {
  await block();
  assert.equal(poll.sent[0].type, 'start');
  poll.handlers.event(gateway.pending());
  assert.deepEqual([session.state.name, session.connection], ['pending', 'polling']);
});

test('where HTTP is not offered either, the page says that live updates are blocked', async () => {
  await block();
  const error = { code: 40400, name: 'not_found', message: '', retryable: false };
  poll.handlers.down({ code: 4403, meaning: 'refused', error, retryInMs: null });
  assert.deepEqual(session.state, { name: 'stopped', why: 'blocked' });
});

test('when HTTP gets no answer, it was not the sockets: they are tried again', async () => {
  await block();
  const dialled = gateway.sockets.length;
  poll.handlers.down({ code: 1006, meaning: 'lost', retryInMs: 400 });
  assert.equal(session.connection, 'lost');
  clock.advance(clock.next);
  assert.equal(gateway.sockets.length, dialled + 1);
  await toPending();
  assert.equal(session.connection, 'live');
});
