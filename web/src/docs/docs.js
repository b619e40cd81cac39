// `/docs`: openapi.json and asyncapi.json on one page. Every section has an address; the search hides what does not match.

import { callParts, callsOf } from './calls.js';
import { make } from './make.js';
import { channelParts, messageParts, messagesOf } from './messages.js';
import { prose } from './prose.js';
import { shape } from './shapes.js';

/** @import { OpenApi } from './calls.js' */
/** @import { AsyncApi } from './messages.js' */
/** @import { Part } from './make.js' */

/** @typedef {{ id: string, title: Part[], parts: Part[] }} Entry */
/** @typedef {{ id: string, title: string, intro: Part[], entries: Entry[] }} Chapter */

/** @template {HTMLElement} [T=HTMLElement] @param {string} part @returns {T} */
const find = (part) => /** @type {T} */ (document.querySelector(`[data-part="${part}"]`));

/** @param {OpenApi} calls @param {AsyncApi} messages @returns {Chapter[]} */
function chaptersOf(calls, messages) {
  const all = callsOf(calls, location.origin);
  const types = { ...calls.components.schemas, ...messages.components.schemas };
  const said = /** @type {const} */ ([['receive', 'commands', 'Commands', 'What a page says on the socket.'], ['send', 'events', 'Events', 'What the gateway says on sockets and streams.']]);
  return [
    { id: 'calls', title: 'Calls', intro: prose(calls.info.description), entries: [] },
    ...calls.tags.map(({ name, description }) => ({
      id: `tag-${name.replaceAll(' ', '-')}`,
      title: name,
      intro: prose(description),
      entries: all.filter(({ operation }) => operation.tags.includes(name)).map((call) => ({
        id: `call-${call.operation.operationId}`,
        title: [make('span', { class: 'method' }, call.method), ' ', call.path.replace('/api/v1', '')],
        parts: [make('p', { class: 'muted' }, call.server + call.path), ...callParts(calls, call)],
      })),
    })),
    {
      id: 'messages',
      title: 'Messages',
      intro: prose(messages.info.description),
      entries: Object.entries(messages.channels).map(([name, channel]) => ({ id: `channel-${name}`, title: [channel.title], parts: channelParts(channel) })),
    },
    ...said.map(([action, id, title, intro]) => ({
      id,
      title,
      intro: prose(intro),
      entries: messagesOf(messages, action).map((message) => ({ id: `message-${message.name}`, title: [message.name], parts: messageParts(messages, message) })),
    })),
    {
      id: 'types',
      title: 'Types',
      intro: prose('What the parts of calls and messages are. `wire.d.ts` of the SDK has the same for TypeScript.'),
      entries: Object.entries(types).sort(([one], [other]) => one.localeCompare(other)).map(([name, type]) => ({
        id: `type-${name}`,
        title: [name],
        parts: [...prose(type.description), ...shape(type, name)],
      })),
    },
  ];
}

/** @param {Chapter[]} chapters */
function draw(chapters) {
  const sections = chapters.map(({ id, title, intro, entries }) => make('section', { id, 'aria-labelledby': `${id}-name` },
    make('h2', { id: `${id}-name` }, title),
    ...intro,
    ...entries.map((entry) => make('article', { id: entry.id, 'aria-labelledby': `${entry.id}-name` },
      make('h3', { id: `${entry.id}-name` }, make('a', { href: `#${entry.id}` }, ...entry.title)), ...entry.parts)),
  ));
  const links = chapters.map(({ id, title, entries }) => make('li', {},
    make('a', { href: `#${id}` }, title),
    make('ul', {}, ...entries.map((entry) => make('li', {}, make('a', { href: `#${entry.id}` }, ...entry.title.map((part) => (part instanceof Node ? part.cloneNode(true) : part)))))),
  ));
  find('content').replaceChildren(...sections);
  find('contents').replaceChildren(make('details', { open: '' }, make('summary', {}, 'Contents'), make('ul', {}, ...links)));
}

/** Shows only what has all the words. @param {string} text */
function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const article of document.querySelectorAll('article')) {
    const has = `${article.id} ${article.textContent}`.toLowerCase();
    article.hidden = !words.every((word) => has.includes(word));
    found += Number(!article.hidden);
    const link = document.querySelector(`nav a[href="#${CSS.escape(article.id)}"]`);
    link?.parentElement?.toggleAttribute('hidden', article.hidden);
  }
  document.body.classList.toggle('filtered', words.length > 0);
  for (const section of document.querySelectorAll('section')) section.hidden = words.length > 0 && !section.querySelector('article:not([hidden])');
  find('found').textContent = words.length ? `${found} found` : '';
}

/** The section in the address, once it is there. */
function goThere() {
  const there = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  there?.scrollIntoView();
}

async function start() {
  const [calls, messages] = await Promise.all(['/openapi.json', '/asyncapi.json'].map(async (path) => (await fetch(path)).json()));
  draw(chaptersOf(calls, messages));
  if (matchMedia('(max-width: 60rem)').matches) find('contents').querySelector('details')?.removeAttribute('open');
  const search = /** @type {HTMLInputElement} */ (find('search'));
  search.addEventListener('input', () => filter(search.value));
  addEventListener('keydown', (event) => {
    if (event.key !== '/' || document.activeElement === search) return;
    event.preventDefault();
    search.focus();
  });
  // A link may lead to what the search hides.
  addEventListener('hashchange', () => {
    if (document.getElementById(decodeURIComponent(location.hash.slice(1)))?.hidden) filter((search.value = ''));
    goThere();
  });
  goThere();
  find('content').setAttribute('aria-busy', 'false');
}

start().catch((error) => {
  find('content').replaceChildren(make('p', { role: 'alert' }, `The documents could not be read (${error.message}). Please reload the page.`));
});
