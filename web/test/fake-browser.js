// The tabs of one browser, as the session knows them: their channel, locks and storage, and whether they are looked at.

import { Api } from '../src/sdk/api.js';
import { ReconnectingSocket } from '../src/sdk/socket.js';
import { SessionClient } from '../src/session/session-client.js';
import { SessionHint } from '../src/session/session-hint.js';
import { Session } from '../src/session/session.js';
import { SessionWatch } from '../src/session/session-watch.js';
import { FakeGateway } from './fake-gateway.js';
import { FakeStore } from './fake-store.js';
import { settle } from './fake-time.js';

export class FakeBrowser {
  store = new FakeStore();
  /** Names of the locks asked for. */
  locks = [];
  hasLocks = true;
  #channels = new Set();
  #lock = Promise.resolve();

  /** @param {{ clock: object, fetch: typeof fetch, gateway?: FakeGateway }} world */
  constructor({ clock, fetch, gateway = new FakeGateway(clock) }) {
    Object.assign(this, { clock, fetch, gateway });
  }

  /** As Web Locks: whoever asks waits until all before are done, and that is known in the other tabs. */
  exclusively = (name, run) => {
    this.locks.push(name);
    if (!this.hasLocks) return run();
    const done = this.#lock.then(run);
    this.#lock = done.then(aMoment, aMoment);
    return done;
  };

  /** A tab with its session, which nobody has asked yet. `more` replaces parts of what it is made of. */
  tab({ isSeen = true, ...more } = {}) {
    const { clock, fetch, store, exclusively } = this;
    const end = new AbortController();
    const env = { clock, random: () => 1 };
    const api = new Api({ baseUrl: '', fetch, clock, locale: () => 'en' });
    const hint = new SessionHint({ store: () => store });
    const client = new SessionClient({ ...env, api, hint, exclusively, signal: end.signal });
    const page = { isSeen };
    const socketEnv = { ...env, WebSocket: this.gateway.WebSocket, online: () => true };
    const makeSocket = (handlers) => new ReconnectingSocket('ws://gateway/api/v1/ws', handlers, socketEnv);
    const session = new Session({
      ...env, api, client, hint, end, fetch, channel: this.#channel(), visible: () => page.isSeen,
      isOurs: (url) => new URL(url, 'https://shop.example.com').origin === 'https://shop.example.com',
      makeWatch: (handlers) => new SessionWatch({ ...env, makeSocket }, handlers),
      ...more,
    });
    return Object.assign(session, {
      client, page,
      see() {
        page.isSeen = true;
        session.wake();
        return settle();
      },
    });
  }

  #channel() {
    const channel = {
      onmessage: null,
      postMessage: (data) => {
        if (!this.#channels.has(channel)) throw new Error('the channel is closed');
        for (const each of this.#channels) if (each !== channel) each.onmessage({ data: structuredClone(data) });
      },
      close: () => this.#channels.delete(channel),
    };
    this.#channels.add(channel);
    return channel;
  }

  /** How many tabs still listen. */
  get listening() {
    return this.#channels.size;
  }
}

/** Longer than it takes a tab to say what it knows, and no more. */
async function aMoment() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** What a tab tells of itself, by event. */
export function record(session) {
  const events = [];
  for (const type of ['statechange', 'signed_in', 'signed_out', 'unreachable']) {
    session.addEventListener(type, ({ detail }) => events.push([type, detail.reason ?? detail.session_id ?? detail.message]));
  }
  return events;
}
