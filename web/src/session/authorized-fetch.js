// Calls that carry the access token, and are made once more when it was refused.

/**
 * What calls get their tokens from.
 * @typedef {object} Tokens
 * @property {() => Promise<string>} get one that is good; rejects where there is none
 * @property {(refused: string) => Promise<string>} another than the one that was refused; empty where there is none
 */
/**
 * @typedef {object} FetchEnv
 * @property {typeof fetch} fetch
 * @property {(url: string | URL) => boolean} isOurs whether calls to that address may carry the token
 * @property {Tokens} tokens
 */

/**
 * A call with the token. One that is refused, the gateway's clock or keys being others by now, is made once more with
 * a new one, if there is one.
 * @template T
 * @param {Tokens} tokens
 * @param {(token: string) => Promise<T>} call
 * @param {(outcome: T) => boolean} isRefused
 * @returns {Promise<T>}
 */
export async function withToken({ get, another }, call, isRefused) {
  const token = await get();
  const first = await call(token);
  const second = isRefused(first) && await another(token);
  return second ? call(second) : first;
}

/** @param {FetchEnv} env @returns {typeof fetch} */
export function authorizedFetch({ fetch, isOurs, tokens }) {
  return async (input, init) => {
    const given = input instanceof Request ? input : null;
    if (!isOurs(given?.url ?? /** @type {string | URL} */ (input))) return fetch(input, init);
    // What is left of a Request that was sent is not its body.
    const first = new Request(given?.clone() ?? input, init);
    if (first.headers.has('Authorization')) return fetch(first);
    first.signal.throwIfAborted();
    const isStream = init?.body instanceof ReadableStream;
    /** @type {Response | undefined} */
    let answer;
    const send = async (/** @type {string} */ token) => {
      void answer?.body?.cancel();
      const request = answer ? new Request(input, init) : first;
      request.headers.set('Authorization', `Bearer ${token}`);
      return (answer = await fetch(request));
    };
    // After a redirect to another origin it is not the token that was refused: it did not go there.
    const isRefused = (/** @type {Response} */ { status, url }) => status === 401 && !isStream && isOurs(url);
    return unlessAborted(first.signal, withToken(tokens, send, isRefused));
  };
}

/** Nobody who calls off waits for a token. @template T @param {AbortSignal} signal @param {Promise<T>} promise @returns {Promise<T>} */
function unlessAborted(signal, promise) {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    promise.then(resolve, reject);
  });
}
