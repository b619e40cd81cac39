// JSON Schemas as tables and words. What has a name is a link to its own section.

import { code, joined, make, table } from './make.js';
import { inline } from './prose.js';

/** @import { Part } from './make.js' */

/**
 * The part of JSON Schema that the documents use.
 * @typedef {object} Schema
 * @property {string} [$ref]
 * @property {string} [title]
 * @property {string} [description]
 * @property {string | string[]} [type]
 * @property {unknown} [const]
 * @property {unknown[]} [enum]
 * @property {Schema[]} [oneOf]
 * @property {Schema[]} [anyOf]
 * @property {Schema[]} [allOf]
 * @property {Schema} [items]
 * @property {Record<string, Schema>} [properties]
 * @property {string[]} [required]
 * @property {string} [pattern]
 * @property {unknown} [default]
 */

/** The last word of a reference. @param {string} reference */
export function nameOf(reference) {
  return reference.slice(reference.lastIndexOf('/') + 1);
}

/** What it is, in a few words. @param {Schema} schema @returns {Part[]} */
export function kind(schema) {
  if (schema.$ref) return [make('a', { href: `#type-${nameOf(schema.$ref)}` }, nameOf(schema.$ref))];
  if (schema.const !== undefined) return [code(JSON.stringify(schema.const))];
  if (schema.enum) return joined(schema.enum.map((value) => [code(JSON.stringify(value))]), ' or ');
  const choice = schema.oneOf ?? schema.anyOf;
  if (choice) return joined(choice.map(kind), ' or ');
  if (schema.items) return ['list of ', ...kind(schema.items)];
  return [[schema.type ?? 'anything'].flat().join(' or ')];
}

/** All of it. @param {Schema} schema @param {string} label @returns {Part[]} */
export function shape(schema, label) {
  if (schema.allOf) return schema.allOf.flatMap((part) => (part.$ref ? [make('p', {}, ...kind(part), ', where:')] : shape(part, label)));
  if (schema.properties) return [fields(schema, label)];
  if (schema.oneOf?.every((choice) => choice.const !== undefined)) return [values(schema.oneOf, label)];
  return [make('p', {}, ...kind(schema))];
}

/** @param {Schema} schema @param {string} label */
function fields({ properties = {}, required = [] }, label) {
  const names = [...required.filter((name) => name in properties), ...Object.keys(properties).filter((name) => !required.includes(name))];
  if (names.length === 0) return make('p', {}, 'No fields.');
  const rows = names.map((name) => {
    const field = /** @type {Schema} */ (properties[name]);
    const more = [field.pattern && ['matches ', code(field.pattern)], field.default !== undefined && ['by default ', code(String(field.default))]];
    const notes = more.flatMap((note) => (note ? [' (', ...note, ')'] : []));
    return [[code(name), required.includes(name) ? null : make('span', { class: 'optional' }, ' optional')], kind(field), [...inline(field.description), ...notes]];
  });
  return table(label, ['field', 'type', ''], rows);
}

/** @param {Schema[]} all @param {string} label */
function values(all, label) {
  const titled = all.some(({ title }) => title);
  const rows = all.map((value) => [[code(String(value.const))], ...(titled ? [[value.title]] : []), inline(value.description)]);
  return table(label, titled ? ['value', 'name', ''] : ['value', ''], rows);
}
