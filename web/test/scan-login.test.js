import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Link } from '../src/sdk/link.js';
import { RENEWALS, ScanLogin } from '../src/sdk/scan-login.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeClock, settle } from './fake-time.js';

let clock, gateway, login, visible, pkces, newPkce, poll, redeem;

class FakePoll {
  transport = 'poll';
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
  redeem = async () => ({ user: { id: 'u1', name: 'Ann' }, session_id: 's1', access_token: 't', expires_in: 600 });
  const env = { WebSocket: gateway.WebSocket, clock, random: () => 1, online: () => true };
  login = new ScanLogin({
    makeLink: (handlers) => new Link(handlers, {
      makeSocket: (each) => new ReconnectingSocket('ws://gateway', each, env), makeHttp: async (each) => new FakePoll(each),
    }),
    newPkce: () => newPkce(),
    redeem: (...all) => redeem(...all),
    clock,
    visible: () => visible,
    wishes: () => ({ locale: 'en', app: 'shop' }),
  });
  login.start();
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
  assert.equal(pkces, 1, 'a refresh keeps the challenge');
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
  visible = false;
  gateway.say(gateway.state('expired', 2));
  assert.equal(login.state.type, 'expired');
  assert.equal(gateway.commands.length, 1);
  visible = true;
  login.wake();
  assert.deepEqual(last(), { type: 'refresh' });
});

test('hidden so long that the gateway hung up: seen again, it starts afresh', async () => {
  await toPending();
  visible = false;
  gateway.say(gateway.state('expired', 2));
  gateway.close(1000);
  visible = true;
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
  newPkce = async () => null;
  gateway.welcome();
  await settle();
  assert.deepEqual(login.state, { type: 'stopped', reason: 'insecure' });
  assert.deepEqual(gateway.sockets[0].sent, []);
});

async function block() {
  for (let strike = 0; strike < 3; strike += 1) {
    gateway.close(1006);
    if (strike < 2) clock.advance(clock.next);
  }
  await settle();
}

test('where sockets are blocked, the same login goes over HTTP', async () => {
  await block();
  assert.equal(poll.sent[0].type, 'start');
  poll.handlers.event(gateway.pending());
  assert.deepEqual([login.state.type, login.connection], ['pending', 'poll']);
});

test('when HTTP gets no answer, it was not the sockets: they are tried again', async () => {
  await block();
  const dialled = gateway.sockets.length;
  poll.handlers.down({ meaning: 'lost', retryInMs: 400 });
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

test('each new state has an event of its name, a change of the connection only statechange', async () => {
  const heard = [];
  for (const name of ['pending', 'scanned', 'statechange']) login.addEventListener(name, ({ type, detail }) => heard.push([type, detail.type]));
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  gateway.close(1006);
  assert.deepEqual(heard, [
    ['statechange', 'opening'], ['pending', 'pending'], ['statechange', 'pending'],
    ['scanned', 'scanned'], ['statechange', 'scanned'], ['statechange', 'scanned'],
  ]);
});

async function toAuthorized() {
  await toPending();
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: { name: 'Ann' } }));
}

test('redeem turns the grant into a session, once', async () => {
  const asked = [];
  const { redeem: answer } = { redeem };
  redeem = (...all) => {
    asked.push(all);
    return answer();
  };
  await toAuthorized();
  const [first, second] = await Promise.all([login.redeem(), login.redeem()]);
  assert.equal(first, second);
  assert.deepEqual(asked, [['g', 'verifier-1']]);
  assert.deepEqual(login.state, { type: 'signed_in', user: { id: 'u1', name: 'Ann' }, session_id: 's1', access_token: 't', expires_in: 600 });
  assert.equal(gateway.last.closedWith, 1000);
});

test('while it redeems, no deadline and no fallen link takes the person away', async () => {
  let release;
  redeem = () => new Promise((resolve) => { release = resolve; });
  await toAuthorized();
  const redeemed = login.redeem();
  clock.advance(600_000);
  assert.equal(login.state.type, 'authorized');
  release({ user: { id: 'u1' }, session_id: 's1' });
  await redeemed;
  assert.equal(login.state.type, 'signed_in');
});

test('a grant that is refused has failed, with the error and the number to quote', async () => {
  const error = { code: 40002, name: 'bad_grant', message: 'Not valid.', retryable: false };
  redeem = async () => { throw Object.assign(new Error(), { error, requestId: 'r1' }); };
  await toAuthorized();
  await assert.rejects(login.redeem(), { name: 'ScanLoginError', message: 'Not valid.' });
  assert.deepEqual(login.state, { type: 'failed', error, trace_id: 'r1' });
  login.refresh();
  await toAuthorized();
  redeem = async () => ({ user: { id: 'u1' }, session_id: 's1' });
  assert.equal((await login.redeem()).type, 'signed_in', 'the next grant is another matter');
});

test('without a grant there is nothing to redeem', async () => {
  await toPending();
  await assert.rejects(login.redeem(), { name: 'ScanLoginError' });
  assert.equal(login.state.type, 'pending');
  gateway.say(gateway.state('authorized', 2, { grant: 'g', user: {} }));
  assert.equal((await login.redeem()).type, 'signed_in');
});

test('result: waits, redeems, answers the session', async () => {
  const result = login.result();
  await toPending();
  gateway.say(gateway.state('scanned', 2));
  await settle();
  gateway.say(gateway.state('authorized', 3, { grant: 'g', user: {} }));
  assert.equal((await result).user.name, 'Ann');
  assert.equal((await login.result()).user.name, 'Ann', 'asked again, it is still so');
});

test('result: rejects with the state that the login ended in', async () => {
  const result = login.result();
  await toPending();
  gateway.say(gateway.state('rejected', 2, { by: 'user' }));
  await assert.rejects(result, ({ name, state }) => name === 'ScanLoginError' && state.by === 'user');
});

test('result: a code that renews itself is no end, one that does not is', async () => {
  const result = login.result();
  await toPending();
  for (let renewal = 0; renewal < RENEWALS; renewal += 1) {
    gateway.say(gateway.state('expired', 2));
    gateway.say(gateway.pending());
    await settle();
  }
  gateway.say(gateway.state('expired', 2));
  await assert.rejects(result, ({ state }) => state.type === 'expired');
});

test('one can iterate over the states, the latest first, until it is over', async () => {
  const seen = [];
  const all = (async () => {
    for await (const state of login) {
      seen.push(state.type);
      if (state.type === 'authorized') await login.redeem();
    }
  })();
  await toPending();
  await settle();
  gateway.say(gateway.state('scanned', 2));
  gateway.say(gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
  await settle();
  gateway.say(gateway.state('authorized', 4, { grant: 'g', user: {} }));
  await all;
  assert.deepEqual(seen, ['opening', 'pending', 'verifying', 'authorized', 'signed_in']);
});

test('close: nothing more is said or heard, and whoever waits is told', async () => {
  const result = login.result();
  await toPending();
  login.close();
  assert.deepEqual([login.state, login.signal.aborted, gateway.last.closedWith, clock.next], [{ type: 'stopped', reason: 'closed' }, true, 1000, null]);
  await assert.rejects(result, ({ state }) => state.reason === 'closed');
  login.wake();
  login.unsuspend();
  assert.equal(gateway.sockets.length, 1);
});

test('closed while the first command was being made, it is never said', async () => {
  gateway.welcome();
  login.close();
  await settle();
  assert.deepEqual(gateway.commands, []);
});

test('the socket that once worked is tried again when the page is seen again', async () => {
  await toPending();
  gateway.close(1006);
  clock.advance(clock.next);
  await block();
  assert.deepEqual(poll.sent.at(-1), { type: 'resume', scene: 'scene-1', secret: 'secret-1', seq: 1 });
  const dialled = gateway.sockets.length;
  login.wake();
  assert.equal(gateway.sockets.length, dialled + 1);
  gateway.welcome();
  await settle();
  assert.equal(last().type, 'resume');
});
