import assert from 'node:assert/strict';
import { test } from 'node:test';

import { destination } from '../src/page/destination.js';

const ORIGIN = 'https://login.example.com';
const from = (path) => destination(new URL(path, ORIGIN), '/app');

test('people go on to the page they wanted', () => {
  assert.equal(from('/'), '/app');
  assert.equal(from('/?lang=en#top'), '/app');
  assert.equal(from('/#return=/reports/7?a=1&b=%2F#part'), `${ORIGIN}/reports/7?a=1&b=%2F#part`);
  assert.equal(from('/?app=shop#return=/cart?app=other'), `${ORIGIN}/cart?app=other`);
});

test('in the place of a page they go on to that page', () => {
  assert.equal(from('/reports/7?a=1'), `${ORIGIN}/reports/7?a=1`);
});

test('nobody is led to another site', () => {
  const elsewhere = [
    '//evil.example', '/\\evil.example', '\\\\evil.example', '/\t/evil.example', 'https://evil.example/',
    'javascript:alert(1)', 'data:text/html,x', 'blob:https://login.example.com/x', 'http://login.example.com/',
    'https://login.example.com@evil.example/', 'https://login.example.com.evil.example/', 'https://[',
  ];
  for (const page of elsewhere) {
    const here = { hash: `#return=${page}`, href: `${ORIGIN}/`, origin: ORIGIN, pathname: '/' };
    assert.equal(destination(here, '/app'), '/app', page);
  }
  // As a path this would leave the origin; as a whole address it does not.
  assert.equal(from('/#return=/.//evil.example'), `${ORIGIN}//evil.example`);
});
