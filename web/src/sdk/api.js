// The gateway's JSON over HTTP: one call, its envelope, its errors.

/** @import { Clock } from './clock.js' */
/** @import { Locale, WireError } from './protocol.js' */

const API = '/api/v1';
const CALL_MS = 15_000;

/** The gateway answered with an error. */
export class ApiError extends Error {
  /**
   * @param {WireError} error
   * @param {string} [requestId] for the support
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
 * @property {string} baseUrl of the gateway, without a slash at its end
 * @property {typeof fetch} fetch
 * @property {Clock} clock
 * @property {() => Locale} locale the language error messages come back in
 */

export class Api {
  #env;

  /** @param {ApiEnv} env */
  constructor(env) {
    this.#env = env;
  }

  /**
   * @param {string} path below the API's base
   * @param {Call} [call]
   * @returns {Promise<unknown>} the answer's `data`
   */
  get(path, call) {
    return this.#send('GET', path, call);
  }

  /**
   * @param {string} path
   * @param {Call} [call]
   * @returns {Promise<unknown>}
   */
  post(path, call) {
    return this.#send('POST', path, { body: {}, ...call });
  }

  /**
   * @param {string} path
   * @param {Call} [call]
   * @returns {Promise<unknown>}
   */
  delete(path, call) {
    return this.#send('DELETE', path, { body: {}, ...call });
  }

  /**
   * An answer that comes bit by bit; its end is the caller's to bound, by the signal.
   * @param {string} path
   * @param {Call} call
   * @returns {Promise<ReadableStream<Uint8Array>>}
   */
  async stream(path, call) {
    const response = await this.#fetch('GET', path, call, call.signal);
    if (!response.ok) await read(response);
    if (!response.ok || !response.body) throw new NoAnswer(response.status);
    return response.body;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Call} [call]
   */
  async #send(method, path, call = {}) {
    const limit = new AbortController();
    const abort = () => limit.abort();
    call.signal?.addEventListener('abort', abort);
    const cancel = this.#env.clock.after(call.limitMs ?? CALL_MS, abort);
    try {
      return await read(await this.#fetch(method, path, call, limit.signal));
    } finally {
      cancel();
      call.signal?.removeEventListener('abort', abort);
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Call} call
   * @param {AbortSignal} [signal]
   */
  async #fetch(method, path, { authorization, body }, signal) {
    const { baseUrl, fetch, locale } = this.#env;
    const headers = {
      'Accept-Language': locale(),
      ...(authorization && { Authorization: authorization }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
    };
    try {
      return await fetch(baseUrl + API + path, {
        method, headers, body: body === undefined ? null : JSON.stringify(body), credentials: 'include', cache: 'no-store', signal: signal ?? null,
      });
    } catch (cause) {
      throw new NoAnswer(cause);
    }
  }
}

/** @param {Response} response */
async function read(response) {
  /** @type {Envelope} */
  const envelope = await response.json().catch((cause) => {
    throw new NoAnswer(cause);
  });
  if (typeof envelope?.code !== 'number') throw new NoAnswer(envelope);
  if (envelope.code === 0) return envelope.data;
  throw new ApiError(asWireError(envelope, response.status), envelope.request_id);
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
