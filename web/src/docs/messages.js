// The channels and messages of asyncapi.json.

import { code, example, folded, make } from './make.js';
import { inline, prose } from './prose.js';
import { nameOf, shape } from './shapes.js';

/** @import { Schema } from './shapes.js' */
/** @import { Part } from './make.js' */

/** @typedef {{ $ref: string }} Link */
/** @typedef {{ name: string, summary: string, payload: Link, examples: { payload: unknown }[] }} Message */
/** @typedef {{ address: string, title: string, summary: string, description: string, messages: Record<string, Link> }} Channel */
/** @typedef {{ action: 'send' | 'receive', channel: Link, messages: Link[] }} Exchange */
/**
 * @typedef {object} AsyncApi
 * @property {{ title: string, description: string }} info
 * @property {Record<string, Channel>} channels
 * @property {Record<string, Exchange>} operations
 * @property {{ messages: Record<string, Message>, schemas: Record<string, Schema> }} components
 */

/** The messages that the gateway receives, or sends. @param {AsyncApi} api @param {'send' | 'receive'} action @returns {Message[]} */
export function messagesOf(api, action) {
  const links = Object.values(api.operations).filter((exchange) => exchange.action === action).flatMap(({ messages }) => messages);
  const names = new Set(links.map(({ $ref }) => nameOf($ref)));
  return [...names].flatMap((name) => api.components.messages[name] ?? []);
}

/** @param {Channel} channel @returns {Part[]} */
export function channelParts(channel) {
  const links = Object.keys(channel.messages).flatMap((name) => [make('a', { href: `#message-${name}` }, code(name)), ' ']);
  return [make('p', { class: 'summary' }, code(channel.address)), make('p', {}, ...inline(channel.summary)), ...prose(channel.description), make('p', {}, ...links)];
}

/** @param {AsyncApi} api @param {Message} message @returns {Part[]} */
export function messageParts(api, { name, summary, payload, examples }) {
  const schema = api.components.schemas[nameOf(payload.$ref)] ?? payload;
  return [
    make('p', { class: 'summary' }, ...inline(summary)),
    ...shape(schema, `Fields of ${name}`),
    ...examples.map((each, at) => folded([at ? `Example ${at + 1}` : 'Example'], example(each.payload, `Example ${at + 1} of ${name}`))),
  ];
}
