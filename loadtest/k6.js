// scangate under k6: pages that wait, and whole h5 logins beside them, in an open model. Only for your own gateway, in
// sandbox mode, with config/loadtest.toml.
//
//   k6 run loadtest/k6.js
//   k6 run -e GATEWAY=http://127.0.0.1:8080 -e SANDBOX=http://127.0.0.1:8090 -e PAGES=1000 -e RATE=50 loadtest/k6.js
//
// k6 counts as loadtest does not: its JavaScript takes part in every latency, and is far slower than the gateway. Take
// the thresholds from runs of your own.
import { check } from 'k6';
import crypto from 'k6/crypto';
import encoding from 'k6/encoding';
import http from 'k6/http';
import { Rate, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';

const GATEWAY = __ENV.GATEWAY || 'http://127.0.0.1:8080';
const SANDBOX = __ENV.SANDBOX || 'http://127.0.0.1:8090';
const DURATION = __ENV.DURATION || '30s';
const USERS = Number(__ENV.USERS || 50);
const WAIT_MS = 60_000;

const pending = new Trend('pending', true);
const pushLatency = new Trend('push_latency', true);
const whole = new Trend('whole', true);
const logins = new Rate('logins');

export const options = {
  scenarios: {
    hold: { executor: 'constant-vus', exec: 'hold', vus: Number(__ENV.PAGES || 100), duration: DURATION, gracefulStop: '5s' },
    login: {
      executor: 'constant-arrival-rate', exec: 'login', rate: Number(__ENV.RATE || 5), timeUnit: '1s',
      duration: DURATION, preAllocatedVUs: Number(__ENV.VUS || 50), startTime: '2s',
    },
  },
  thresholds: { logins: ['rate>0.999'], push_latency: ['p(99)<100'] },
};

// People for the sandbox; who was made by an earlier run is there already (409).
export function setup() {
  const headers = { 'Content-Type': 'application/json' };
  for (let i = 0; i < USERS; i++) {
    const user = { id: `k6x${i}`, name: `Load ${i}`, follower: true, snapshot: false };
    const made = http.post(`${SANDBOX}/sandbox/api/users`, JSON.stringify(user),
      { headers, responseCallback: http.expectedStatuses(201, 409) });
    check(made, { 'sandbox user': (answer) => answer.status === 201 || answer.status === 409 });
  }
}

// Opens a page and hands each event to `heard`; answers pings, as every page does.
function open(challenge, heard) {
  const socket = new WebSocket(`${GATEWAY.replace('http', 'ws')}/api/v1/ws`, 'scan.v1', { headers: { Origin: GATEWAY } });
  const opened = Date.now();
  socket.onopen = () => socket.send(JSON.stringify({ type: 'start', challenge, flow: 'h5', locale: 'en' }));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    if (event.type === 'ping') return socket.send('{"type":"pong"}');
    if (event.type === 'pending') pending.add(Date.now() - opened);
    heard(event, socket);
  };
  return socket;
}

function pkce() {
  const verifier = encoding.b64encode(crypto.randomBytes(32), 'rawurl');
  return { verifier, challenge: crypto.sha256(verifier, 'base64rawurl') };
}

// A page that nobody scans, for as long as its code lives; then k6 opens the next.
export function hold() {
  open(pkce().challenge, (event, socket) => {
    if (event.type === 'expired') socket.close();
  });
}

// Page and phone of one person.
export function login() {
  const { verifier, challenge } = pkce();
  const began = Date.now();
  let confirmed = 0;
  let isDone = false;
  const done = (well) => {
    if (isDone) return;
    isDone = true;
    clearTimeout(late);
    logins.add(well);
    if (well) whole.add(Date.now() - began);
  };
  const socket = open(challenge, async (event) => {
    try {
      if (event.type === 'pending') {
        await confirm(event.qr.text, () => { confirmed = Date.now(); });
      } else if (event.type === 'authorized') {
        pushLatency.add(Date.now() - confirmed);
        done(await redeem(event.grant, verifier));
      } else if (['rejected', 'expired', 'cancelled', 'failed', 'error', 'drain'].includes(event.type)) {
        done(false);
      }
    } catch {
      done(false);
    }
    if (isDone) socket.close();
  });
  socket.onerror = () => done(false);
  const late = setTimeout(() => { done(false); socket.close(); }, WAIT_MS);
}

// The phone: scans, and taps "confirm", a new user on WeChat's own page too. Asynchronous, or the page could not hear.
async function confirm(link, sending) {
  http.cookieJar().set(SANDBOX, 'sandbox_user', `k6x${__VU % USERS}`);
  const page = await http.asyncRequest('GET', link);
  sending();
  const next = await submit(page);
  if (next.url.startsWith(SANDBOX)) {
    sending();
    await submit(next);
  }
}

async function submit(page) {
  const form = page.html().find('form[name=confirm]');
  const origin = page.url.match(/^https?:\/\/[^/]+/)[0];
  const action = form.attr('action');
  return http.asyncRequest('POST', action.startsWith('/') ? origin + action : action, form.serialize(), {
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: origin },
  });
}

async function redeem(grant, verifier) {
  const answer = await http.asyncRequest('POST', `${GATEWAY}/api/v1/auth/token`, JSON.stringify({ grant, verifier }), {
    headers: { 'Content-Type': 'application/json', Origin: GATEWAY },
  });
  return check(answer, { redeemed: ({ status }) => status === 200 });
}
