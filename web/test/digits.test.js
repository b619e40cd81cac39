// The number match: the phone shows two digits, the browser must send them.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { LANGUAGES, Stage } from './fake-page.js';
import { settle } from './fake-time.js';

const { en } = LANGUAGES;

let stage, part, field, digits;

const verifying = (seq, tries_left) => stage.gateway.state('verifying', seq, { code_length: 2, tries_left, expires_at: stage.clock.now() + 60_000 });
const sent = () => stage.login.did;

/** What is done by hand raises events; what code does to a field raises none. */
function type(text) {
  field.value = text;
  field.dispatchEvent(new stage.window.Event('input'));
}

function paste(text) {
  const event = new stage.window.Event('paste', { cancelable: true });
  event.clipboardData = { getData: () => text };
  field.dispatchEvent(event);
}

beforeEach(async () => {
  stage = new Stage();
  ({ part } = stage);
  await stage.show(stage.scanned());
  await stage.show(verifying(3, 3));
  field = part('field');
  digits = part('digits');
});

test('it asks for two digits, with the tries and the time left', async () => {
  assert.equal(part('card').className, 'digits');
  assert.equal(part('status').textContent, en.verifying);
  assert.equal(part('hint').textContent, 'Tries left: 3 · 60 s left');
  stage.clock.advance(20_000);
  await settle();
  assert.equal(part('hint').textContent, 'Tries left: 3 · 40 s left');
});

test('the field brings the number keys up, takes a code from the system, and is named by what is asked', () => {
  assert.deepEqual([field.inputMode, field.autocomplete, field.maxLength], ['numeric', 'one-time-code', 2]);
  assert.equal(field.getAttribute('aria-labelledby'), 'status');
});

test('the person may type at once', () => {
  assert.equal(stage.root.activeElement, field);
  assert.equal(digits.dataset.filled, '0');
});

test('the focus that went to the sentence goes on to the field', async () => {
  const other = new Stage();
  await other.show({ type: 'expired' });
  other.button('renew').focus();
  other.button('renew').click();
  await other.show(other.pending());
  assert.equal(other.root.activeElement, other.part('status'));
  await other.show(other.gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
  assert.equal(other.root.activeElement, other.part('field'));
});

test('two digits are sent by themselves, one is not', () => {
  type('4');
  assert.deepEqual([sent(), digits.dataset.filled], [[], '1']);
  type('4x7');
  assert.deepEqual(sent(), ['47']);
});

test('the same digits are sent once, and again when they were changed', () => {
  type('47');
  type('47');
  assert.deepEqual(sent(), ['47']);
  type('4');
  type('48');
  assert.deepEqual(sent(), ['47', '48']);
});

test('a paste is taken for its digits', () => {
  paste(' code: 0 9 ');
  assert.deepEqual([field.value, sent()], ['09', ['09']]);
});

test('wrong digits: the boxes are empty again, shaken, and the next digit goes into the first', async () => {
  type('47');
  await stage.show(verifying(4, 2));
  assert.deepEqual([field.value, digits.dataset.filled], ['', '0']);
  assert.equal(stage.root.activeElement, field);
  assert.equal(part('status').textContent, en.wrong);
  const first = digits.dataset.shake;
  await stage.show(verifying(5, 1));
  assert.notEqual(digits.dataset.shake, first, 'a second movement needs a name of its own');
  assert.ok(!['no', undefined].includes(first));
});

test('wrong digits stay wrong when the link falls and is back', async () => {
  await stage.show(verifying(4, 2));
  await stage.show(stage.login.state, 'lost');
  await stage.show(verifying(4, 2));
  assert.equal(part('status').textContent, en.wrong);
});

test('digits that were not wrong are not shaken, nor emptied by the seconds', async () => {
  type('4');
  stage.clock.advance(10_000);
  await settle();
  assert.deepEqual([field.value, digits.dataset.shake], ['4', 'no']);
});

test('the tries left are said aloud, the seconds are not', async () => {
  assert.equal(part('aloud').getAttribute('role'), 'status');
  assert.equal(part('aloud').textContent, 'Tries left: 3');
  await stage.show(verifying(4, 2));
  assert.equal(part('aloud').textContent, 'Tries left: 2');
  const observer = new stage.window.MutationObserver(() => {});
  for (const spoken of ['aloud', 'status']) observer.observe(part(spoken), { childList: true, characterData: true, subtree: true });
  stage.clock.advance(30_000);
  await settle();
  assert.deepEqual(observer.takeRecords(), []);
  await stage.show(stage.authorized({ name: 'A' }));
  assert.equal(part('aloud').textContent, '');
});

test('not you? is there too', () => {
  stage.button('renew').click();
  assert.equal(sent().at(-1), 'refresh');
});

test('after the third, or by policy, the page says what it is', async () => {
  const error = { code: 40003, name: 'wrong_digits', message: 'The digits did not match.' };
  await stage.show(stage.gateway.state('failed', 6, { error }));
  assert.deepEqual([digits.hidden, part('hint').textContent], [true, error.message]);
  for (const [locale, words] of Object.entries(LANGUAGES)) {
    await stage.speak(locale);
    await stage.show(stage.gateway.state('rejected', 4, { by: 'policy', reason: 'number_match' }));
    assert.equal(part('status').textContent, words.policy);
    assert.match(part('note').textContent, /^number_match · 4bf9/);
  }
});
