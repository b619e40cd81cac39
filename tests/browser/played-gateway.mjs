// The login page with a gateway that says what a test tells it to: for states that are hard to bring about.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { defer } from './scope.mjs';

const WEB = fileURLToPath(new URL('../../web/', import.meta.url));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
/** What stands where WeChat's page would. */
const WECHAT = `<!doctype html><meta charset="utf-8"><title>WeChat</title>
<body style="margin:0;font:14px sans-serif;text-align:center;color:#373737"><p style="margin:24px 0 16px;font-size:20px">微信登录</p>
<div style="width:220px;height:220px;margin:auto;background:repeating-conic-gradient(#111 0 25%,#fff 0 50%) 0 0/20px 20px"></div>
<p>使用微信扫一扫登录<br>"Shop"</p><script>document.title = 'runs'</script>`;

/** @param {import('node:test').TestContext} t @param {object} [config] over what `GET /config` says */
export async function playGateway(t, config = {}) {
  const gateway = new PlayedGateway(config);
  await gateway.listen();
  defer(t, () => gateway.shut());
  return gateway;
}

class PlayedGateway {
  /** Every command heard, the heartbeat aside. */
  heard = [];
  /** Kept: a page may ask for one more scene when the server is shut. */
  origin = '';
  #config;
  /** Whether an answer to a grant never comes. */
  #holdsTokens;
  #server = createServer((request, response) => void this.#answer(request, response));
  #socket = null;
  /** Whether the page has closed its socket. */
  isLeft = false;
  #isGone = false;
  /** The answer to the call that opens a scene, where there are no sockets. */
  #byHttp = () => {};
  #scenes = 0;
  #seq = 0;
  #first;

  constructor({ holdsTokens = false, ...config }) {
    this.#holdsTokens = holdsTokens;
    this.#config = { app: { id: 'default', name: 'Shop' }, flows: ['h5'], default_flow: 'h5', confirm_in_browser: 'never', ...config };
  }

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.origin = `http://127.0.0.1:${this.#server.address().port}`;
  }

  get embedUrl() {
    return `${this.origin.replace('127.0.0.1', 'localhost')}/connect/qrconnect`;
  }

  /**
   * Answers the sockets of a page. `first` is what a `start` or a `resume` is answered with.
   * @param {import('playwright-core').Page | import('playwright-core').BrowserContext} page
   * @param {(command: object) => void} first
   */
  async attend(page, first, { blocksSockets = false } = {}) {
    this.#first = first;
    if (blocksSockets) return page.routeWebSocket(/./, (socket) => socket.close());
    await page.routeWebSocket(/\/api\/v1\/ws$/, (socket) => {
      if (this.#isGone) return;
      this.#socket = socket;
      socket.send(JSON.stringify({ type: 'hello', v: 1, now: Date.now(), ping_interval_ms: 25_000, node: 'a1' }));
      socket.onMessage((text) => this.#hear(JSON.parse(text)));
      socket.onClose(() => { this.isLeft = true; });
    });
  }

  #hear(command) {
    if (command.type === 'pong') return;
    this.heard.push(command);
    if (['start', 'resume', 'refresh'].includes(command.type)) this.#first(command);
  }

  pending(more = {}, left = 120_000) {
    this.#scenes += 1;
    this.#seq = 0;
    const qr = { text: `${this.origin}/s/${this.#id}`, svg: drawing() };
    // A code near its end was drawn a while ago, and is told again.
    this.say('pending', { secret: 'secret', flow: 'h5', qr, at: Date.now() + left - 120_000, ...more }, left);
  }

  website(more = {}) {
    this.pending({ flow: 'website', qr: undefined, embed_url: this.embedUrl, ...more });
  }

  get #id() {
    return `scene-${this.#scenes}`;
  }

  say(type, more = {}, left = 180_000) {
    this.#seq += 1;
    const now = Date.now();
    this.#send({ type, seq: this.#seq, scene: this.#id, at: now, expires_at: now + left, trace_id: TRACE, ...more });
  }

  /** Refuses the command, and closes as the table of PROTOCOL.md says. */
  refuse(code, name, message, retry_after_ms) {
    const retryable = retry_after_ms !== undefined;
    this.#send({ type: 'error', error: { code, name, message, retryable, ...(retryable && { retry_after_ms }) }, ref: 'start' });
    void this.close({ 40901: 4409, 41000: 4410 }[code] ?? 4000 + Math.floor(code / 100));
  }

  /** The connection is lost, and none comes through any more. */
  vanish() {
    this.#first = () => {};
    this.#isGone = true;
    void this.#socket.close({ code: 1011 });
  }

  #send(event) {
    if (this.#socket) this.#socket.send(JSON.stringify(event));
    else this.#byHttp(event);
  }

  /** An end has no deadline. */
  end(type, more = {}) {
    this.say(type, { expires_at: undefined, ...more });
  }

  close(code) {
    return this.#socket.close({ code });
  }

  async #answer(request, response) {
    const { pathname } = new URL(request.url, this.origin);
    if (pathname === '/api/v1/config') return this.#json(response, 200, { code: 0, message: 'ok', data: this.#config });
    if (pathname === '/api/v1/auth/token' && this.#holdsTokens) return;
    if (pathname === '/api/v1/scenes') {
      this.#byHttp = (data) => this.#json(response, 201, { code: 0, message: 'ok', data });
      return this.#first({ type: 'start' });
    }
    // A stream, or a poll, on which nothing happens.
    if (pathname.startsWith('/api/v1/scenes/')) return;
    if (pathname.startsWith('/api/v1/')) return this.#json(response, 401, { code: 40100, name: 'unauthenticated', message: '' });
    if (pathname.startsWith('/connect/')) return response.setHeader('content-type', TYPES['.html']).end(WECHAT);
    if (pathname.startsWith('/s/')) return response.setHeader('content-type', TYPES['.html']).end('<!doctype html><title>confirm</title><a href="/">back</a>');
    if (pathname === '/favicon.ico') return response.writeHead(204).end();
    const file = pathname === '/' ? 'index.html' : pathname === '/app' ? 'app.html' : `src/${pathname.replace(/^\/assets\//, '')}`;
    const content = await readFile(WEB + file).catch(() => null);
    response.statusCode = content ? 200 : 404;
    response.setHeader('content-type', TYPES[extname(file)] ?? 'text/plain');
    response.setHeader('content-security-policy', this.#policy());
    response.end(content ?? '');
  }

  /** As the gateway's (src/http/headers.rs), with WeChat at `localhost`. */
  #policy() {
    return `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; base-uri 'none'; connect-src 'self' ${this.origin.replace('http', 'ws')}; `
      + `frame-src 'self' ${new URL(this.embedUrl).origin}; form-action 'self'; frame-ancestors 'none'`;
  }

  #json(response, status, body) {
    response.statusCode = status;
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  }

  shut() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** The shape of the gateway's drawing: one path on white, quiet zone 4. */
function drawing() {
  const modules = 29;
  const side = modules + 8;
  let d = '';
  for (let y = 0; y < modules; y += 1) {
    for (let x = 0; x < modules; x += 1) if ((x * 7 + y * 13 + x * y) % 3 === 0) d += `M${x + 4} ${y + 4}.5h1`;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges"><rect width="${side}" height="${side}" fill="#fff"/><path stroke="#000" d="${d}"/></svg>`;
}
