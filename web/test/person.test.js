import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { Window } from 'happy-dom';

import { showFace } from '../src/element/elements.js';

const AVATAR = 'https://login.example.com/avatars/q83vEjRWeJCrze8SNFZ4kA';

let holder, images;

beforeEach(() => {
  globalThis.document = new Window().document;
  holder = document.createElement('span');
  images = [];
  const create = document.createElement.bind(document);
  document.createElement = (name) => {
    const element = create(name);
    images.push(element);
    return element;
  };
});

test('a person without a picture has a letter', () => {
  showFace(holder, { name: '李小龙' });
  assert.equal(holder.textContent, '李');
  assert.equal(images.length, 0);
});

test('the picture takes the place of the letter when it has come, and tells nobody where it is shown', () => {
  showFace(holder, { name: 'Zoë', avatar: AVATAR });
  assert.equal(holder.textContent, 'Z');
  const [image] = images;
  assert.deepEqual([image.src, image.referrerPolicy, image.alt], [AVATAR, 'no-referrer', '']);
  image.dispatchEvent(new image.ownerDocument.defaultView.Event('load'));
  assert.deepEqual([...holder.children], [image]);
});

test('a picture that does not come leaves the letter', () => {
  showFace(holder, { name: 'Zoë', avatar: AVATAR });
  images[0].dispatchEvent(new images[0].ownerDocument.defaultView.Event('error'));
  assert.equal(holder.textContent, 'Z');
  assert.equal(holder.children.length, 0);
});

test('a picture that comes late is not shown for somebody else', () => {
  showFace(holder, { name: 'Zoë', avatar: AVATAR });
  showFace(holder, { name: 'Amy' });
  images[0].dispatchEvent(new images[0].ownerDocument.defaultView.Event('load'));
  assert.equal(holder.textContent, 'A');
});
