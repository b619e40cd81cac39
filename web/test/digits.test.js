// The number match: the phone shows two digits, the browser must send them.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { decode } from '../src/sdk/protocol.js';
import { en } from '../src/element/i18n/en.js';
import { zhCN } from '../src/element/i18n/zh-cn.js';
import { Stage } from './fake-page.js';

let stage, part, field;

const verifying = (seq, tries_left, wrong = false) => ({
  name: 'verifying', wrong, event: stage.gateway.state('verifying', seq, { code_length: 2, tries_left, expires_at: stage.clock.now() + 60_000 }),
});

/** What is done by hand raises events; what code does to a field raises none. */
function type(text) {
  field.value = text;
  field.dispatchEvent(new stage.document.defaultView.Event('input'));
}

function paste(text) {
  const event = new stage.document.defaultView.Event('paste', { cancelable: true });
  event.clipboardData = { getData: () => text };
  field.dispatchEvent(event);
}

beforeEach(async () => {
  stage = new Stage();
  ({ part } = stage);
  field = part('digits');
  await stage.show(verifying(3, 3));
});

test('the wire says how many digits and how many tries', () => {
  const event = { type: 'verifying', seq: 3, scene: 's', at: 1, expires_at: 2, trace_id: 't', code_length: 2, tries_left: 3 };
  assert.deepEqual(decode(JSON.stringify(event)), event);
  assert.equal(decode(JSON.stringify({ ...event, tries_left: undefined })), null);
});

test('it asks for two digits, with the tries and the time left', () => {
  assert.equal(part('card').dataset.mood, 'digits');
  assert.equal(part('sentence').textContent, en.verifyingSentence);
  assert.equal(part('detail').textContent, 'Tries left: 3 · 60 s left');
  stage.clock.advance(20_000);
  assert.equal(part('detail').textContent, 'Tries left: 3 · 40 s left');
});

test('the field brings the number keys up and takes a code from the system', () => {
  assert.deepEqual([field.inputMode, field.autocomplete, field.maxLength], ['numeric', 'one-time-code', 2]);
  assert.equal(field.getAttribute('aria-label'), en.verifyingLabel);
});

test('the person may type at once', () => {
  assert.equal(stage.document.activeElement, field);
  assert.equal(part('boxes').dataset.filled, '0');
});

test('two digits are sent by themselves, one is not', () => {
  type('4');
  assert.deepEqual([stage.session.did, part('boxes').dataset.filled], [['start'], '1']);
  type('4x7');
  assert.equal(stage.session.did.at(-1), '47');
});

test('the same digits are sent once, and again when they were changed', () => {
  type('47');
  type('47');
  assert.deepEqual(stage.session.did, ['start', '47']);
  type('4');
  type('48');
  assert.deepEqual(stage.session.did, ['start', '47', '48']);
});

test('a paste is taken for its digits', () => {
  paste(' code: 0 9 ');
  assert.equal(field.value, '09');
  assert.equal(stage.session.did.at(-1), '09');
});

test('wrong digits: the boxes are empty again, shaken, and the next digit goes into the first', async () => {
  type('47');
  stage.document.body.focus();
  await stage.show(verifying(4, 2, true));
  assert.deepEqual([field.value, part('boxes').dataset.filled], ['', '0']);
  assert.equal(stage.document.activeElement, field);
  assert.equal(part('sentence').textContent, en.wrongDigits);
  const first = part('boxes').dataset.shake;
  await stage.show(verifying(5, 1, true));
  assert.notEqual(part('boxes').dataset.shake, first, 'a second movement needs a name of its own');
  assert.ok(!['no', undefined].includes(first));
});

test('digits that were not wrong are not shaken, nor emptied by the seconds', () => {
  type('4');
  stage.clock.advance(10_000);
  assert.deepEqual([field.value, part('boxes').dataset.shake], ['4', 'no']);
});

test('the tries left are said aloud, the seconds are not', async () => {
  assert.equal(part('aloud').getAttribute('role'), 'status');
  assert.equal(part('aloud').textContent, 'Tries left: 3');
  await stage.show(verifying(4, 2, true));
  assert.equal(part('aloud').textContent, 'Tries left: 2');
  const observer = new stage.document.defaultView.MutationObserver(() => {});
  for (const spoken of ['aloud', 'sentence']) observer.observe(part(spoken), { childList: true, characterData: true, subtree: true });
  stage.clock.advance(30_000);
  assert.deepEqual(observer.takeRecords(), []);
  await stage.show(stage.authorized({ name: 'A' }));
  assert.equal(part('aloud').textContent, '');
});

test('not you? is there too', () => {
  stage.button('cancel').click();
  assert.equal(stage.session.did.at(-1), 'cancel');
});

test('after the third, or by policy, the page says what it is', async () => {
  const error = { code: 40301, name: 'refused_by_policy', message: 'The digits did not match.' };
  await stage.show({ name: 'failed', error });
  assert.deepEqual([field.hidden, part('detail').textContent], [true, error.message]);
  for (const language of [zhCN, en]) {
    stage.strings = language;
    await stage.show({ name: 'rejected', event: stage.gateway.state('rejected', 4, { by: 'policy', reason: 'number_match' }) });
    assert.equal(part('sentence').textContent, language.rejectedByPolicy);
    assert.equal(part('detail').textContent, language.rejectedByPolicyDetail);
    assert.match(part('reference').textContent, /^number_match · 4bf9/);
  }
});
