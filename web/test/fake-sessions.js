// Plays the gateway's side of sessions, and the cookie that the tabs of one browser share: rotated at most every ten
// seconds, good for ten seconds more, taken for stolen after that.

/** How long a cookie that was rotated out still gets its successor. */
export const GRACE_MS = 10_000;

const ANSWERS = {
  40100: 'unauthenticated',
  40101: 'token_expired',
  40102: 'session_revoked',
};

export class FakeSessions {
  /** The browser's cookie: session and generation. */
  cookie = '';
  /** Method and path of every call. */
  lines = [];
  /** How many calls that may set the cookie were under way at once, at most. */
  most = 0;
  /** The gateway's clock is ahead of the machine's by this. */
  ahead = 0;
  /** Waits, or throws, on the way there; and back. */
  thither = async () => {};
  hither = async () => {};
  #clock;
  #busy = 0;
  #sessions = new Map();
  #tokens = new Map();

  constructor(clock) {
    this.#clock = clock;
  }

  get #now() {
    return this.#clock.now() + this.ahead;
  }

  fetch = async (input, init) => {
    const { url, method, headers } = input instanceof Request ? input : { url: input, ...init, headers: new Headers(init.headers) };
    const { pathname } = new URL(url, 'https://shop.example.com');
    this.lines.push(`${method} ${pathname.replace('/api/v1', '')}`);
    const bearer = headers.get('Authorization')?.replace('Bearer ', '');
    if (!pathname.startsWith('/api/v1')) return new Response(null, { status: this.#tells(bearer) ? 401 : 200 });
    this.most = Math.max(this.most, ++this.#busy);
    const sent = this.cookie;
    try {
      await this.thither();
      const { code = 0, cookie, data, reason } = this.#answer(pathname, sent, bearer);
      await this.hither();
      if (cookie !== undefined) this.cookie = cookie;
      const envelope = code ? { code, name: ANSWERS[code], message: `${ANSWERS[code]}.`, reason } : { code, message: 'ok', data };
      return { status: code ? Math.floor(code / 100) : 200, json: async () => envelope };
    } finally {
      this.#busy -= 1;
    }
  };

  #answer(pathname, sent, bearer) {
    const [id, generation] = sent.split('.');
    const session = this.#sessions.get(id);
    switch (pathname.replace('/api/v1', '')) {
      case '/auth/refresh':
        return this.#refresh(id, session, Number(generation));
      case '/auth/logout':
        if (session) session.over ??= 'signed_out';
        return { cookie: '', data: {} };
      case '/auth/token':
      case '/auth/login':
        if (session) session.over ??= 'replaced';
        return this.#open();
      default:
        return this.#tells(bearer) ?? { data: [] };
    }
  }

  #open() {
    const id = `s${this.#sessions.size + 1}`;
    this.#sessions.set(id, { generation: 1, rotatedAt: this.#now });
    return { cookie: `${id}.1`, data: this.#token(id) };
  }

  #refresh(id, session, generation) {
    if (!session) return { code: 40100 };
    const isYoung = this.#now - session.rotatedAt < GRACE_MS;
    if (generation < session.generation - 1 || (generation < session.generation && !isYoung)) session.over ??= 'reuse';
    if (session.over) return { code: 40102, reason: session.over };
    if (isYoung) return { data: this.#token(id), ...(generation < session.generation && { cookie: `${id}.${session.generation}` }) };
    session.generation += 1;
    session.rotatedAt = this.#now;
    return { cookie: `${id}.${session.generation}`, data: this.#token(id) };
  }

  #token(id) {
    const access_token = `jwt${this.#tokens.size + 1}`;
    this.#tokens.set(access_token, { id, until: this.#now + 600_000 });
    return { access_token, token_type: 'Bearer', expires_in: 600, session_id: id, user: { id: `user of ${id}` } };
  }

  /** What is wrong with a token. */
  #tells(bearer) {
    const token = this.#tokens.get(bearer);
    if (!token) return { code: 40100 };
    const { over } = this.#sessions.get(token.id);
    if (over) return { code: 40102, reason: over };
    return token.until <= this.#now ? { code: 40101 } : undefined;
  }

  /** Somebody signs in, in this browser, before the test begins. */
  signIn() {
    this.cookie = this.#open().cookie;
  }

  /** The session is ended from elsewhere. */
  end(reason, id = this.cookie.split('.')[0]) {
    this.#sessions.get(id).over = reason;
  }

  /** The signing keys are others now: no token is good any more. */
  changeKeys() {
    for (const token of this.#tokens.values()) token.until = 0;
  }
}
