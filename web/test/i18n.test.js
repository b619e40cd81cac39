import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { words as elementEn } from '../src/element/i18n/en.js';
import { words as elementZh } from '../src/element/i18n/zh-cn.js';
import { fill, loadWords } from '../src/element/words.js';
import { en } from '../src/page/i18n/en.js';
import { zhCN } from '../src/page/i18n/zh-cn.js';
import { chooseLocale } from '../src/page/language.js';

const holes = (sentence) => [...sentence.matchAll(/\{\w+\}/g)].map(([hole]) => hole).sort();
const html = (page) => readFileSync(new URL(`../${page}`, import.meta.url), 'utf8');

test('both languages say the same things, with the same holes', () => {
  for (const [one, other] of [[elementEn, elementZh], [en, zhCN]]) {
    assert.deepEqual(Object.keys(one), Object.keys(other));
    for (const key of Object.keys(one)) {
      assert.ok(one[key] && other[key], key);
      assert.deepEqual(holes(one[key]), holes(other[key]), key);
    }
  }
});

test('every word of the element is said somewhere', () => {
  const said = ['presentation', 'view', 'help-dialog'].map((name) => readFileSync(new URL(`../src/element/${name}.js`, import.meta.url), 'utf8')).join('');
  // Ends and flows are said by their names on the wire.
  const byName = ['rejected', 'policy', 'cancelled', 'expired', 'failed', 'taken_over', 'redeemed', 'outdated', 'insecure', 'h5', 'official_account', 'website'];
  for (const key of Object.keys(elementEn)) assert.ok(byName.includes(key) || new RegExp(`(w|words)\\.${key}\\b|'${key}'`).test(said), key);
});

test('a page loads the words of its language alone', async () => {
  assert.equal(await loadWords('en'), elementEn);
  assert.equal(await loadWords('zh-CN'), elementZh);
});

test('the pages only ask for sentences that exist', () => {
  for (const [, key] of html('app.html').matchAll(/data-say="(\w+)"/g)) assert.ok(key in zhCN, key);
});

test('what a page says by itself it says in both languages', () => {
  for (const page of ['index.html', 'app.html']) {
    const count = (lang) => html(page).split(`<span lang="${lang}">`).length;
    assert.equal(count('zh-CN'), count('en'), page);
  }
});

test('nothing on the pages is inline', () => {
  for (const page of ['index.html', 'app.html']) {
    assert.doesNotMatch(html(page), /<style|\sstyle=|\son\w+=|javascript:/);
    assert.doesNotMatch(html(page).replaceAll(/<script type="module" src="[^"]+"><\/script>/g, ''), /<script/);
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
