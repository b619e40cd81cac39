import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { RENEWALS } from '../src/sdk/scan-login.js';
import { settle } from './fake-time.js';
import { LoginStage } from './login-stage.js';

let stage, clock, gateway, login, toAuthorized, toPending;

beforeEach(() => {
  stage = new LoginStage();
  ({ clock, gateway, login, toAuthorized, toPending } = stage);
  login.start();
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

test('redeem turns the grant into a session, once', async () => {
  const asked = [];
  const answer = stage.redeem;
  stage.redeem = (...all) => {
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
  stage.redeem = () => new Promise((resolve) => { release = resolve; });
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
  stage.redeem = async () => { throw Object.assign(new Error(), { error, requestId: 'r1' }); };
  await toAuthorized();
  await assert.rejects(login.redeem(), { name: 'ScanLoginError', message: 'Not valid.' });
  assert.deepEqual(login.state, { type: 'failed', error, trace_id: 'r1' });
  login.refresh();
  await toAuthorized();
  stage.redeem = async () => ({ user: { id: 'u1' }, session_id: 's1' });
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
