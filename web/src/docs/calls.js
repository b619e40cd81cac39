// The calls of openapi.json, one section each.

import { code, example, folded, joined, listing, make, table } from './make.js';
import { inline, prose } from './prose.js';
import { kind, nameOf, shape } from './shapes.js';

/** @import { Schema } from './shapes.js' */
/** @import { Part } from './make.js' */

/** @typedef {{ schema?: Schema, example?: unknown }} Media */
/** @typedef {{ $ref?: string, name: string, in: string, description?: string, required?: boolean, schema: Schema, example?: unknown }} Parameter */
/** @typedef {{ $ref?: string, description: string, headers?: Record<string, { $ref?: string, description?: string }>, content?: Record<string, Media> }} Answer */
/**
 * @typedef {object} Operation
 * @property {string} operationId
 * @property {string[]} tags
 * @property {string} summary
 * @property {string} [description]
 * @property {Record<string, string[]>[]} security
 * @property {Parameter[]} [parameters]
 * @property {{ content: Record<string, Media> }} [requestBody]
 * @property {Record<string, Answer>} responses
 */
/**
 * @typedef {object} OpenApi
 * @property {{ title: string, description: string }} info
 * @property {{ name: string, description: string }[]} tags
 * @property {Record<string, Record<string, Operation> & { servers?: unknown }>} paths
 * @property {{ schemas: Record<string, Schema>, securitySchemes: Record<string, { description: string }> } & Record<string, Record<string, any>>} components
 */
/** @typedef {{ method: string, path: string, operation: Operation, server: string }} Call */

/** Every call, in the order of the document. @param {OpenApi} api @param {string} origin @returns {Call[]} */
export function callsOf(api, origin) {
  return Object.entries(api.paths).flatMap(([path, { servers, ...operations }]) => {
    const server = servers ? /** @type {{ url: string }[]} */ (servers)[0]?.url ?? origin : origin;
    return Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation, server }));
  });
}

/** @param {OpenApi} api @param {Call} call @returns {Part[]} */
export function callParts(api, call) {
  const { operation } = call;
  const parameters = (operation.parameters ?? []).map((parameter) => followed(api, parameter));
  const body = operation.requestBody?.content['application/json'];
  return [
    make('p', { class: 'summary' }, ...inline(operation.summary)),
    ...prose(operation.description),
    make('p', { class: 'muted' }, ...needed(api, operation)),
    ...(parameters.length ? [make('h4', {}, 'Parameters'), parameterTable(parameters)] : []),
    ...(body ? [make('h4', {}, 'Body'), ...shape(named(api, body.schema ?? {}), 'Body')] : []),
    make('h4', {}, 'Try it'),
    listing(curl(call, parameters, body), 'curl'),
    make('h4', {}, 'Answers'),
    ...Object.entries(operation.responses).map(([status, answer]) => answerPart(api, status, followed(api, answer))),
  ];
}

/**
 * What a reference leads to.
 * @template {{ $ref?: string }} T
 * @param {OpenApi} api
 * @param {T} part
 * @returns {T}
 */
function followed(api, part) {
  if (!part.$ref) return part;
  const [group = '', name = ''] = part.$ref.split('/').slice(-2);
  return api.components[group]?.[name];
}

/** A schema itself, where there is only its name. @param {OpenApi} api @param {Schema} schema */
function named(api, schema) {
  return schema.$ref ? api.components.schemas[nameOf(schema.$ref)] ?? schema : schema;
}

/** @param {OpenApi} api @param {Operation} operation @returns {Part[]} */
function needed(api, { security }) {
  const ways = security.flatMap((way) => Object.keys(way));
  if (ways.length === 0) return ['Nobody has to be signed in.'];
  const told = ways.map((name) => [code(name), ': ', ...inline(api.components.securitySchemes[name]?.description.split('\n')[0])]);
  const optional = security.some((way) => Object.keys(way).length === 0);
  return [optional ? 'Takes, but does not need, ' : 'Needs ', ...joined(told, ' Or ')];
}

/** @param {Parameter[]} parameters */
function parameterTable(parameters) {
  const rows = parameters.map(({ name, in: place, description, required, schema }) => {
    const optional = required ? null : make('span', { class: 'optional' }, ' optional');
    return [[code(name), optional], [`${place}, `, ...kind(schema)], inline(description)];
  });
  return table('Parameters', ['parameter', 'type', ''], rows);
}

/** @param {OpenApi} api @param {string} status @param {Answer} answer */
function answerPart(api, status, answer) {
  const headers = Object.entries(answer.headers ?? {}).filter(([name]) => name !== 'X-Request-Id');
  const [media, content] = Object.entries(answer.content ?? {})[0] ?? [];
  // An error's description is a list; what it is about stands in the first line.
  const isList = answer.description.startsWith('- ');
  const summary = [make('strong', { class: `status s${status[0]}` }, status), ' ', ...(isList ? [namesOf(answer.description)] : inline(answer.description))];
  return folded(summary,
    ...(isList ? prose(answer.description) : []),
    ...headers.map(([name, header]) => make('p', {}, code(name), ': ', ...inline(followed(api, header).description))),
    ...(media && media !== 'application/json' ? [make('p', {}, code(media))] : []),
    ...(content?.schema && !isList ? shape(content.schema, `Body of ${status}`) : []),
    content?.example === undefined ? null : example(content.example, `Example of ${status}`),
  );
}

/** The names in a list of errors. @param {string} list */
function namesOf(list) {
  return [...list.matchAll(/^- `\d+` (\w+)/gm)].map(([, name]) => name).join(', ');
}

/** The call as a line for a shell. @param {Call} call @param {Parameter[]} parameters @param {Media} [body] */
export function curl({ method, path, operation, server }, parameters, body) {
  /** @param {Parameter} parameter */
  const value = ({ name, example: shown, schema }) => String(shown ?? schema.const ?? `{${name}}`);
  const filled = parameters.filter((each) => each.in === 'path').reduce((url, each) => url.replace(`{${each.name}}`, value(each)), path);
  const query = parameters.filter((each) => each.in === 'query').map((each) => `${each.name}=${value(each)}`).join('&');
  const isApi = path.startsWith('/api/') && method !== 'GET';
  const [way] = operation.security.flatMap((each) => Object.keys(each));
  return [
    `curl${method === 'GET' ? '' : ` -X ${method}`}${path.endsWith('/events') ? ' -N' : ''} ${quoted(server + filled + (query && `?${query}`))}`,
    ...parameters.filter((each) => each.in === 'header' && each.required).map((each) => `-H ${quoted(`${each.name}: ${value(each)}`)}`),
    ...(isApi ? [`-H ${quoted(`Origin: ${server}`)}`] : []),
    ...(way === 'bearer' || way === 'admin' ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    ...(way === 'scene' ? ['-H "Authorization: Scene $SECRET"'] : []),
    ...(way === 'refreshCookie' ? ['-b cookies.txt -c cookies.txt'] : []),
    ...(body ? [`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify(body.example ?? {}))}`] : []),
  ].join(' \\\n  ');
}

/** @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
