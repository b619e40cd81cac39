// A back end behind the guard, and calls that go to it through a proxy.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { request } from 'node:https';

import { LOGIN } from './proxy.mjs';
import { defer } from './scope.mjs';

/**
 * A back end that says what it was asked; gives its port and what it has heard.
 * @param {import('node:test').TestContext} t stops it when it ends
 */
export async function startBackend(t) {
  const heard = [];
  const server = createServer((asked, answer) => {
    heard.push(asked.url);
    let body = '';
    asked.setEncoding('utf8').on('data', (text) => (body += text));
    asked.on('end', () => {
      const { method, url, rawHeaders } = asked;
      if (asked.headers.accept?.includes('text/html')) {
        answer.setHeader('content-type', 'text/html');
        return answer.end(`<!doctype html><title>Report</title><link rel="icon" href="data:,"><p>Hello ${asked.headers['x-auth-user']}`);
      }
      answer.end(JSON.stringify({ method, url, body, headers: pairs(rawHeaders) }));
    });
  });
  // As a WebSocket opens (RFC 6455 section 4.2.2); then it repeats what it is told.
  server.on('upgrade', (asked, socket) => {
    const user = asked.headers['x-auth-user'] ?? '';
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Seen: ${user}\r\n\r\n`);
    socket.on('error', () => {}).pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  defer(t, async () => {
    server.closeAllConnections();
    await once(server.close(), 'close');
  });
  return { port: server.address().port, heard };
}

function pairs(raw) {
  return raw.flatMap((text, at) => (at % 2 ? [] : [[text.toLowerCase(), raw[at + 1]]]));
}

/**
 * A call to the proxy on that port, of somebody who asks for `host`.
 * @param {{ port: number, host: string }} proxy
 * @param {string} path
 * @param {{ method?: string, headers?: Record<string, string | string[]>, body?: string }} [call]
 */
export async function ask({ port, host }, path, { method = 'GET', headers = {}, body } = {}) {
  const call = request({
    host: '127.0.0.1', port, path, method, servername: LOGIN, rejectUnauthorized: false, agent: false, headers: { host, ...headers },
  });
  call.end(body);
  const [answer, socket] = await Promise.race([once(call, 'response'), once(call, 'upgrade')]);
  const said = { status: answer.statusCode, headers: answer.headers, socket };
  if (socket) return said;
  let text = '';
  for await (const part of answer.setEncoding('utf8')) text += part;
  return { ...said, text, seen: text.startsWith('{') ? JSON.parse(text) : null };
}
