// The gateway's JSON over HTTP: one call, its envelope, its errors.

/** @import { Clock } from './clock.js' */
/** @import { Locale, WireError } from './protocol.js' */

export const API = '/api/v1';

/** The gateway's socket. @param {string} baseUrl the gateway's origin */
export function socketUrl(baseUrl) {
  return `${baseUrl.replace(/^http/, 'ws')}${API}/ws`;
}

/** The gateway answered with an error. */
export class ApiError extends Error {
  /**
   * @param {WireError} error
   * @param {string | undefined} requestId
   */
  constructor(error, requestId) {
    super(error.message);
    this.name = 'ApiError';
    this.error = error;
    this.requestId = requestId;
  }
}

/** Whether the gateway knows no living session behind the call. @param {unknown} cause @returns {cause is ApiError} */
export function isUnauthenticated(cause) {
  return cause instanceof ApiError && Math.floor(cause.error.code / 100) === 401;
}

/** No answer, or none of the gateway's: it is not known whether the call was carried out. */
export class NoAnswer extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super('no answer from the gateway', { cause });
    this.name = 'NoAnswer';
  }
}

/**
 * @typedef {object} Call
 * @property {string} [authorization] the whole header
 * @property {unknown} [body] of a POST or DELETE; `{}` by default
 * @property {AbortSignal} [signal]
 * @property {number} [limitMs] how long an answer may take
 */

/** @typedef {{ code: number, name?: string, message: string, data?: unknown, request_id?: string, retry_after_ms?: number, reason?: string }} Envelope */

/**
 * @typedef {object} ApiEnv
 * @property {string} [baseUrl] the gateway's origin; the page's own without it
 * @property {typeof fetch} fetch
 * @property {Clock} clock
 * @property {() => Locale} locale the language error messages come back in
 */

const CALL_MS = 15_000;

export class Api {
  #env;

  /** @param {ApiEnv} env */
  constructor(env) {
    this.#env = env;
  }

  /**
   * @param {string} path below the API's base
   * @param {Call} [call]
   */
  get(path, call = {}) {
    return this.#send('GET', path, call);
  }

  /**
   * @param {string} path
   * @param {Call} [call]
   */
  post(path, call = {}) {
    return this.#send('POST', path, { body: {}, ...call });
  }

  /**
   * @param {string} path
   * @param {Call} [call]
   */
  delete(path, call = {}) {
    return this.#send('DELETE', path, { body: {}, ...call });
  }

  /**
   * @param {'GET' | 'POST' | 'DELETE'} method
   * @param {string} path
   * @param {Call} call
   * @returns {Promise<unknown>} the answer's `data`
   */
  async #send(method, path, { authorization, body, signal, limitMs = CALL_MS }) {
    /** @type {Record<string, string>} */
    const headers = { Accept: 'application/json', 'Accept-Language': this.#env.locale() };
    if (authorization) headers.Authorization = authorization;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const payload = body === undefined ? null : JSON.stringify(body);
    const limit = new AbortController();
    const abort = () => limit.abort();
    signal?.addEventListener('abort', abort);
    const cancel = this.#env.clock.after(limitMs, abort);
    const { status, envelope } = await this.#exchange(path, {
      method, headers, body: payload, credentials: 'include', cache: 'no-store', signal: limit.signal,
    }).finally(() => {
      cancel();
      signal?.removeEventListener('abort', abort);
    });
    if (envelope.code === 0) return envelope.data;
    throw new ApiError(asWireError(envelope, status), envelope.request_id);
  }

  /**
   * @param {string} path
   * @param {RequestInit} request
   */
  async #exchange(path, request) {
    try {
      const response = await this.#env.fetch((this.#env.baseUrl ?? '') + API + path, request);
      const envelope = await response.json();
      if (typeof envelope?.code !== 'number') throw new TypeError('not an envelope');
      return { status: response.status, envelope: /** @type {Envelope} */ (envelope) };
    } catch (cause) {
      throw new NoAnswer(cause);
    }
  }
}

/**
 * @param {Envelope} envelope
 * @param {number} status
 * @returns {WireError}
 */
function asWireError({ code, name = '', message, retry_after_ms: wait, reason }, status) {
  const retryable = status === 408 || status === 429 || status >= 500;
  return { code, name, message, retryable, ...(wait !== undefined && { retry_after_ms: wait }), ...(reason && { reason }) };
}
