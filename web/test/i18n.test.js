import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { en } from '../src/element/i18n/en.js';
import { chooseLocale, fill } from '../src/element/i18n/language.js';
import { zhCN } from '../src/element/i18n/zh-cn.js';

const holes = (sentence) => [...sentence.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();

test('both languages say the same things, with the same holes', () => {
  assert.deepEqual(Object.keys(en), Object.keys(zhCN));
  for (const key of Object.keys(en)) {
    assert.ok(en[key] && zhCN[key], key);
    assert.deepEqual(holes(en[key]), holes(zhCN[key]), key);
  }
});

test('the pages only ask for sentences that exist', () => {
  for (const page of ['index.html', 'app.html']) {
    const html = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8');
    for (const [, key] of html.matchAll(/data-say="(\w+)"/g)) assert.ok(key in zhCN, `${page}: ${key}`);
  }
});

test('nothing on the pages is inline', () => {
  for (const page of ['index.html', 'app.html']) {
    const html = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8');
    assert.doesNotMatch(html, /<style|\sstyle=|\son\w+=|javascript:/);
    assert.doesNotMatch(html.replaceAll(/<script type="module" src="[^"]+"><\/script>/g, ''), /<script/);
  }
});

test('the address goes before the choice, the choice before the browser', () => {
  const choose = (search, stored, ...languages) => chooseLocale({ search, stored, languages });
  assert.equal(choose('?lang=en', 'zh-CN', 'zh-CN'), 'en');
  assert.equal(choose('?lang=xx', 'zh-CN', 'en'), 'zh-CN');
  assert.equal(choose('', null, 'fr', 'zh-TW', 'en'), 'zh-CN');
  assert.equal(choose('', null, 'fr'), 'en');
});

test('holes are filled, also with what looks like a pattern', () => {
  assert.equal(fill('{name}: {count}', { name: '$&', count: 3 }), '$&: 3');
});
