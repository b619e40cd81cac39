import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { RENEWALS } from '../src/sdk/scan-login.js';
import { settle } from './fake-time.js';
import { LoginStage } from './login-stage.js';

let stage, block, clock, gateway, login, redial, toPending;

beforeEach(() => {
  stage = new LoginStage();
  ({ block, clock, gateway, login, redial, toPending } = stage);
  login.start();
});

const last = () => gateway.commands.at(-1);

test('it starts with a challenge, and keeps the verifier', async () => {
  assert.equal(login.state.type, 'opening');
  await toPending();
  assert.deepEqual(gateway.commands, [{ type: 'start', challenge: 'challenge-1', locale: 'en', app: 'shop' }]);
  assert.equal(login.state.type, 'pending');
  assert.equal(login.connection, 'websocket');
  assert.equal(login.baton.verifier, 'verifier-1');
});

test('each state is announced', async () => {
  const names = [];
  login.addEventListener('statechange', () => names.push(login.state.type));
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
  assert.deepEqual([login.state.type, login.connection], ['scanned', 'lost']);
  await redial();
  assert.deepEqual(gateway.commands, [{ type: 'resume', scene: 'scene-1', secret: 'secret-1', seq: 2 }]);
  gateway.say(gateway.state('authorized', 3, { grant: 'g', user: {}, replay: true }));
  assert.deepEqual([login.state.type, login.connection], ['authorized', 'websocket']);
});

test('an older event, and one of another scene, change nothing', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 3));
  gateway.say(gateway.state('expired', 2));
  gateway.say(gateway.state('expired', 9, { scene: 'another' }));
  assert.equal(login.state.type, 'scanned');
});

test('a code that expires before visible eyes is renewed in place', async () => {
  await toPending();
  gateway.say(gateway.state('expired', 2));
  assert.equal(login.state.type, 'pending', 'the old code stays until the new one is there');
  assert.deepEqual(last(), { type: 'refresh' });
  gateway.say(gateway.pending());
  assert.equal(login.state.scene, 'scene-2');
  assert.equal(stage.pkces, 1, 'a refresh keeps the challenge');
});

test('five renewals, then a button; pressing it begins anew', async () => {
  await toPending();
  for (let renewal = 0; renewal < RENEWALS; renewal += 1) {
    assert.ok(login.renewsItself);
    gateway.say(gateway.state('expired', 2));
    gateway.say(gateway.pending());
  }
  assert.ok(!login.renewsItself);
  gateway.say(gateway.state('expired', 2));
  assert.equal(login.state.type, 'expired');
  assert.equal(gateway.commands.filter(({ type }) => type === 'refresh').length, RENEWALS);
  login.refresh();
  gateway.say(gateway.pending());
  assert.ok(login.renewsItself);
  assert.equal(login.state.type, 'pending');
});

test('a hidden page does not renew; when it is seen again it does', async () => {
  await toPending();
  stage.visible = false;
  gateway.say(gateway.state('expired', 2));
  assert.equal(login.state.type, 'expired');
  assert.equal(gateway.commands.length, 1);
  stage.visible = true;
  login.wake();
  assert.deepEqual(last(), { type: 'refresh' });
});

test('hidden so long that the gateway hung up: seen again, it starts afresh', async () => {
  await toPending();
  stage.visible = false;
  gateway.say(gateway.state('expired', 2));
  gateway.close(1000);
  stage.visible = true;
  login.wake();
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'start');
});

test('a scanned code that was not confirmed in time is not renewed unasked', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  gateway.say(gateway.state('expired', 3));
  assert.equal(login.state.type, 'expired');
});

test('a refresh refused because the phone was quicker leaves the scan standing', async () => {
  await toPending();
  login.refresh();
  gateway.refuse(40900, 'state_conflict', { ref: 'refresh' });
  gateway.say(gateway.state('scanned', 2));
  assert.equal(login.state.type, 'scanned');
});

test('not you: cancel, then a new code', async () => {
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  login.refresh();
  assert.deepEqual(last(), { type: 'cancel' });
  gateway.say(gateway.state('cancelled', 3));
  assert.deepEqual(last(), { type: 'refresh' });
  gateway.say(gateway.pending());
  assert.deepEqual([login.state.type, login.state.scene], ['pending', 'scene-2']);
});

test('a cancel that nobody here asked for is shown', async () => {
  await toPending();
  gateway.say(gateway.state('cancelled', 2));
  assert.equal(login.state.type, 'cancelled');
});

test('the deadline shows even when the link that would say so is gone', async () => {
  await toPending({ left: 30_000 });
  gateway.say({ type: 'drain', reconnect_in_ms: 40_000 });
  gateway.close(1012);
  clock.advance(32_001);
  assert.equal(login.state.type, 'expired');
  clock.advance(8_000);
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'resume');
  gateway.say(gateway.state('expired', 2, { replay: true }));
  assert.deepEqual(last(), { type: 'refresh' });
});

test('deadlines are counted by the gateway’s clock', async () => {
  gateway.ahead = 3_600_000;
  await toPending({ left: 60_000 });
  assert.equal(login.state.expires_at - login.now(), 60_000);
});

test('a machine whose clock is set while the page is open counts right again from the next code on', async () => {
  await toPending();
  clock.slept(7_200_000);
  gateway.ahead = -7_200_000;
  login.refresh();
  gateway.say(gateway.pending({ left: 60_000 }));
  assert.equal(login.state.expires_at - login.now(), 60_000);
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
  assert.equal(login.state.type, 'waiting');
  assert.equal(login.state.until - clock.now(), 12_000);
  await redial();
  assert.equal(last().type, 'start');
});

test('overload is waited out for 5 s at least', async () => {
  gateway.welcome();
  await settle();
  gateway.refuse(50300, 'overloaded', { error: { retry_after_ms: 100 } });
  gateway.close(1013);
  assert.equal(login.state.until - clock.now(), 5_000);
});

test('when WeChat fails at the start, the page says so while it tries again', async () => {
  gateway.welcome();
  await settle();
  gateway.refuse(50201, 'wechat_unreachable');
  gateway.close(1011);
  assert.deepEqual([login.state.type, login.state.error.code], ['waiting', 50201]);
});

test('stops: refused, taken over, redeemed, outdated', async () => {
  const stops = { 4403: 'failed', 4400: 'failed', 4409: 'taken_over', 4410: 'redeemed', 4426: 'outdated' };
  for (const [code, expected] of Object.entries(stops)) {
    login.refresh();
    gateway.welcome();
    await settle();
    gateway.refuse(40300, 'origin_refused');
    gateway.close(Number(code));
    const { state } = login;
    assert.equal(state.type === 'stopped' ? state.reason : state.type, expected, code);
    assert.equal(clock.next, null, `${code} must not come back`);
  }
});

test('seen again, a page that is over stays as it is: no dialling, no new scene', async () => {
  for (const code of [4403, 4400, 4409, 4410, 4426]) {
    login.refresh();
    gateway.welcome();
    await settle();
    gateway.close(code);
    const { state } = login;
    const dialled = gateway.sockets.length;
    login.wake();
    assert.equal(gateway.sockets.length, dialled, String(code));
    assert.equal(login.state, state, String(code));
  }
});

test('seen again, an ended scene whose link is gone still shows how it ended', async () => {
  for (const [type, more] of [['rejected', { by: 'user' }], ['cancelled', {}], ['failed', { error: { code: 50200, name: 'x', message: '', retryable: false } }]]) {
    for (const end of [() => gateway.close(1000), () => login.suspend()]) {
      login.refresh();
      await toPending();
      gateway.say(gateway.state(type, 2, more));
      const dialled = gateway.sockets.length;
      end();
      login.wake();
      assert.equal(gateway.sockets.length, dialled, type);
      assert.equal(login.state.type, type);
    }
  }
});

test('seen again once the grant is redeemed, it opens no other scene', async () => {
  await toPending();
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: {} }));
  gateway.close(1000);
  login.wake();
  assert.deepEqual([login.state.type, gateway.sockets.length], ['authorized', 1]);
});

test('seen again, a login under way does not sit out the back-off', async () => {
  gateway.close(1006);
  login.wake();
  assert.equal(gateway.sockets.length, 2);
  await toPending();
  gateway.close(1006);
  login.wake();
  gateway.welcome();
  await settle();
  assert.deepEqual([gateway.sockets.length, last().type], [3, 'resume']);
});

test('finished after the grant was redeemed is not news', async () => {
  await toPending();
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: {} }));
  gateway.close(1000);
  assert.equal(login.state.type, 'authorized');
});

test('a failed scene names its error and trace', async () => {
  await toPending();
  const error = { code: 50200, name: 'wechat_failed', message: 'WeChat answered with an error.', retryable: true };
  gateway.say(gateway.state('failed', 2, { error }));
  assert.equal(login.state.error.code, 50200);
  assert.match(login.state.trace_id, /^4bf9/);
});

test('put away and taken out again: a clean close, then a resume', async () => {
  await toPending();
  const { last: socket } = gateway;
  login.suspend();
  assert.equal(socket.closedWith, 1000);
  login.unsuspend();
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'resume');
});

test('without WebCrypto it says that the address is not secure', async () => {
  stage.newPkce = async () => null;
  gateway.welcome();
  await settle();
  assert.deepEqual(login.state, { type: 'stopped', reason: 'insecure' });
  assert.deepEqual(gateway.sockets[0].sent, []);
});

test('where sockets are blocked, the same login goes over HTTP', async () => {
  await block();
  assert.equal(stage.poll.sent[0].type, 'start');
  stage.poll.handlers.event(gateway.pending());
  assert.deepEqual([login.state.type, login.connection], ['pending', 'poll']);
});

test('when HTTP gets no answer, it was not the sockets: they are tried again', async () => {
  await block();
  const dialled = gateway.sockets.length;
  stage.poll.handlers.down({ meaning: 'lost', retryInMs: 400 });
  assert.equal(login.connection, 'lost');
  clock.advance(clock.next);
  assert.equal(gateway.sockets.length, dialled + 1);
  await toPending();
  assert.equal(login.connection, 'websocket');
});

test('cancel ends the scene, and no other follows', async () => {
  await toPending();
  login.cancel();
  assert.deepEqual(last(), { type: 'cancel' });
  gateway.say(gateway.state('cancelled', 2));
  assert.equal(login.state.type, 'cancelled');
  assert.deepEqual(last(), { type: 'cancel' });
  login.cancel();
  assert.equal(gateway.commands.length, 2, 'what is over is not cancelled again');
});

test('cancelled while the link is away: it does not come back for that scene', async () => {
  await toPending();
  gateway.close(1006);
  login.cancel();
  assert.deepEqual([login.state, login.baton, clock.next], [{ type: 'cancelled' }, null, null]);
  login.refresh();
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'start');
});

test('the socket that once worked is tried again when the page is seen again', async () => {
  await toPending();
  gateway.close(1006);
  clock.advance(clock.next);
  await block();
  assert.deepEqual(stage.poll.sent.at(-1), { type: 'resume', scene: 'scene-1', secret: 'secret-1', seq: 1 });
  const dialled = gateway.sockets.length;
  login.wake();
  assert.equal(gateway.sockets.length, dialled + 1);
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'resume');
});
