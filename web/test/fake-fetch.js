// Answers to calls over HTTP, given in order, and what was asked.

export class FakeFetch {
  /** Every call, the oldest first. */
  calls = [];
  /** What comes next: an answer, or a function that throws or waits. */
  answers = [];

  fetch = async (url, request) => {
    this.calls.push({ path: url.replace('/api/v1', ''), ...request, json: request.body && JSON.parse(request.body) });
    const next = this.answers.shift();
    const answer = typeof next === 'function' ? await next() : next;
    return { status: answer.status, json: async () => answer.body };
  };

  /** Method and path of every call. */
  get lines() {
    return this.calls.map(({ method, path }) => `${method} ${path}`);
  }
}

export const ok = (data) => ({ status: 200, body: { code: 0, message: 'ok', data } });
export const no = (code, name, more) => ({ status: Math.floor(code / 100), body: { code, name, message: `${name}.`, request_id: 'r1', ...more } });
export const lost = () => { throw new TypeError('network'); };

/** An answer that comes when the test says so. */
export function held(answer) {
  let release;
  const wait = new Promise((resolve) => { release = () => resolve(answer); });
  return { answer: () => wait, release };
}
