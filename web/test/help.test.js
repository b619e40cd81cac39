// Help for whoever has only the device that shows the code.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { LANGUAGES, Stage } from './fake-page.js';
import { settle } from './fake-time.js';

const { en } = LANGUAGES;

let stage, part;

beforeEach(() => {
  stage = new Stage();
  ({ part } = stage);
});

/** The help, opened by its button. */
async function opens(state) {
  await stage.show(state);
  stage.button('help').click();
  assert.ok(part('dialog').open);
}

async function press(id) {
  part(id).click();
  await settle();
}

test('it copies the link of the code', async () => {
  const state = stage.pending();
  await opens(state);
  await press('copy');
  assert.deepEqual([stage.copied, part('outcome').textContent], [[state.qr.text], en.copied]);
});

test('where the clipboard is out of reach, the link is there to copy by hand', async () => {
  stage.copy = () => { throw new Error('denied'); };
  const state = stage.pending();
  await opens(state);
  await press('copy');
  assert.equal(part('outcome').textContent, state.qr.text);
});

test('it saves the code as a picture; where that fails the link is there', async () => {
  const state = stage.pending();
  await opens(state);
  await press('save');
  assert.deepEqual([stage.saved, part('outcome').textContent], [[state.qr.svg], en.saved]);
  stage.save = () => { throw new Error('no canvas'); };
  await press('save');
  assert.equal(part('outcome').textContent, state.qr.text);
});

test('the code of an official account is of no use as a link, and the help does not say so', async () => {
  for (const [flow, hidden] of [['official_account', true], ['h5', false]]) {
    await opens(stage.pending({ flow }));
    assert.deepEqual(['copy', 'link', 'save'].map((id) => part(id).hidden), [hidden, hidden, false], flow);
    part('dialog').close();
  }
});

test('it goes with the code, and is about the new one when that is renewed', async () => {
  await opens(stage.pending());
  const renewed = stage.pending();
  await stage.show(renewed);
  await press('copy');
  assert.deepEqual(stage.copied, [renewed.qr.text]);
  await stage.show(stage.scanned());
  assert.equal(part('dialog').open, false);
});

test('a phone outside WeChat keeps the code and says how one phone is enough', async () => {
  Object.assign(stage.host, { device: 'phone', returnTo: 'https://shop.example.com/' });
  await stage.show(stage.pending());
  assert.deepEqual([part('card').className, stage.button('leave')], ['code', null]);
  assert.equal(stage.button('help').textContent, en.onlyPhone);
  assert.equal(stage.button('help').getAttribute('part'), 'button plain');
  await opens(stage.login.state);
  assert.equal(part('title').textContent, en.onlyPhone);
});
