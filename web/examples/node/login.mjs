// Signs somebody in from a terminal:
//
//   node login.mjs https://login.example.com cli
//
// A program has no origin: the app that it names needs `allow_missing_origin = true`. Node 20 has no WebSocket, so the
// events come as server-sent events; the code is the same.

import { createInterface } from 'node:readline/promises';

import { createScanLogin, ScanLoginError } from '@scangate/scan-login';

const [baseUrl = 'http://127.0.0.1:8080', app] = process.argv.slice(2);
const login = createScanLogin({ baseUrl, app, locale: 'en' });
process.once('SIGINT', () => login.cancel());

login.addEventListener('pending', ({ detail }) => {
  console.log(`${drawn(detail.qr.svg)}\nScan with WeChat: ${detail.qr.text}`);
});
login.addEventListener('scanned', ({ detail }) => {
  console.log(`Scanned by ${detail.user?.name ?? 'somebody'}. Confirm on your phone.`);
});
login.addEventListener('verifying', async ({ detail }) => {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  login.verify(await terminal.question(`The ${detail.code_length} digits on your phone: `));
  terminal.close();
});

try {
  const { user, session_id, access_token } = await login.result();
  console.log(`Signed in as ${user.name ?? user.id}, session ${session_id}.`);
  console.log(`Authorization: Bearer ${access_token}`);
} catch (error) {
  if (!(error instanceof ScanLoginError)) throw error;
  console.error(`Not signed in: ${error.message}`);
  process.exitCode = 1;
} finally {
  login.close();
}

/**
 * The gateway's picture of a code in half blocks, two rows of it in a line, dark on white whatever the terminal's
 * colours. Its one path goes row by row: `h` is dark, `m` is not.
 * @param {string} svg
 */
function drawn(svg) {
  const side = Number(/viewBox="0 0 (\d+)/.exec(svg)[1]);
  const rows = Array.from({ length: side + 1 }, () => Array(side).fill(false));
  for (const [, from, y, strokes] of svg.matchAll(/M(\d+) (\d+)\.5([hm\d ]+)/g)) {
    let x = Number(from);
    for (const [, stroke, length] of strokes.matchAll(/([hm])(\d+)/g)) {
      rows[y].fill(stroke === 'h', x, (x += Number(length)));
    }
  }
  const line = (y) => rows[y].map((dark, x) => ' ▄▀█'[2 * dark + rows[y + 1][x]]).join('');
  return rows.flatMap((_, y) => (y % 2 ? [] : `\x1b[30;107m${line(y)}\x1b[0m`)).join('\n');
}
