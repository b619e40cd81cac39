import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { ApiError, NoAnswer } from '../src/sdk/api.js';
import { SessionList } from '../src/page/session-list.js';
import { settle } from './fake-time.js';

let client, list;
const session = (id, more) => ({ id, current: false, app: 'default', browser: 'Chrome', system: 'Windows', ip: '192.0.2.1', created_at: 1, last_seen_at: 1, ...more });
const refused = (code) => new ApiError({ code, name: '', message: '', retryable: false }, undefined);
const ids = () => list.state.sessions.map(({ id }) => id);

beforeEach(() => {
  client = { all: [session('old'), session('here', { current: true }), session('new', { last_seen_at: 2 })], asked: 0 };
  client.sessions = async () => {
    client.asked += 1;
    return client.all;
  };
  client.endSession = async (id) => { client.all = client.all.filter((each) => each.id !== id); };
  list = new SessionList(client);
});

test('this session comes first, then those used last', async () => {
  assert.equal(list.state.name, 'loading');
  await list.load();
  assert.deepEqual(ids(), ['here', 'new', 'old']);
});

test('a list that cannot be read can be asked for again; one that was read stays', async () => {
  const { sessions } = client;
  client.sessions = async () => { throw new NoAnswer(null); };
  await list.load();
  assert.equal(list.state.name, 'failed');
  client.sessions = sessions;
  await list.load();
  client.sessions = async () => { throw refused(50300); };
  await list.load();
  assert.equal(ids().length, 3);
});

test('a session is shown as ending until it is ended, and the list is read again', async () => {
  await list.load();
  let release;
  const { endSession } = client;
  client.endSession = (id) => new Promise((resolve) => { release = () => resolve(endSession(id)); });
  const ended = list.end('old');
  assert.deepEqual([...list.state.ending], ['old']);
  release();
  assert.equal(await ended, true);
  assert.deepEqual(ids(), ['here', 'new']);
  assert.equal(list.state.ending.size, 0);
  assert.equal(client.asked, 2);
});

test('a session that could not be ended stays, and that is said until the next try', async () => {
  await list.load();
  const { endSession } = client;
  client.endSession = async () => { throw refused(50300); };
  assert.equal(await list.end('old'), false);
  assert.deepEqual([ids().length, list.state.notEnded, list.state.ending.size], [3, true, 0]);
  client.endSession = endSession;
  await list.end('old');
  assert.equal(list.state.notEnded, false);
});

test('an answer that was overtaken by a later one is not shown', async () => {
  const answers = [];
  client.sessions = () => new Promise((resolve) => answers.push(resolve));
  const both = [list.load(), list.load()];
  answers[1]([session('late')]);
  await settle();
  answers[0]([session('early')]);
  await Promise.all(both);
  assert.deepEqual(ids(), ['late']);
});
