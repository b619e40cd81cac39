// What the gateway offers an app, and which of it this machine takes.

/** @import { Clock } from '../sdk/clock.js' */
/** @import { Flow } from '../sdk/protocol.js' */

import { FLOWS } from '../sdk/protocol.js';

/**
 * @typedef {object} Config
 * @property {{ id: string, name: string }} app
 * @property {Flow[]} flows
 * @property {Flow} default_flow
 * @property {'auto' | 'always' | 'never'} confirm_in_browser
 * @property {{ phone_url: string }} [sandbox]
 */

/** `wechat`: inside WeChat's browser, on whatever machine. @typedef {'wechat' | 'phone' | 'desk'} Device */

/**
 * Asks until there is an answer; `null` when the gateway refuses to give one, or nobody wants it any more.
 * The request is as plain as that of a `<link rel="preload" as="fetch" crossorigin="use-credentials">`, to be answered by it.
 * @param {{ baseUrl?: string, app?: string, signal?: AbortSignal, clock: Clock, fetch?: typeof globalThis.fetch }} env
 * @returns {Promise<Config | null>}
 */
export async function loadConfig({ baseUrl = '', app, signal, clock, fetch = globalThis.fetch }) {
  const url = `${baseUrl}/api/v1/config${app ? `?app=${encodeURIComponent(app)}` : ''}`;
  for (let ceiling = 500; !signal?.aborted; ceiling = Math.min(2 * ceiling, 20_000)) {
    try {
      const response = await fetch(url, { credentials: 'include', signal: signal ?? null });
      const { data } = await response.json();
      if (response.ok) return data;
      if (response.status < 429) return null;
    } catch { /* no answer, or none of the gateway's */ }
    await new Promise((resolve) => void clock.after(Math.random() * ceiling, () => resolve(undefined)));
  }
  return null;
}

/**
 * What was asked for, where it is offered. Inside WeChat nobody can scan the screen, and `h5` is the
 * flow that needs no scan.
 * @param {Pick<Config, 'flows' | 'default_flow'>} offer
 * @param {string} asked
 * @param {boolean} inWeChat
 * @returns {Flow}
 */
export function chooseFlow({ flows, default_flow }, asked, inWeChat) {
  const wanted = /** @type {Flow[]} */ ([asked, inWeChat ? 'h5' : '', default_flow]);
  return wanted.find((flow) => flows.includes(flow)) ?? flows[0] ?? default_flow;
}

/**
 * What the switch leads to: the next one offered, round and round.
 * @param {Pick<Config, 'flows'>} offer
 * @param {Flow} flow
 * @returns {Flow | null}
 */
export function flowAfter({ flows }, flow) {
  const next = flows[(flows.indexOf(flow) + 1) % flows.length];
  return next && next !== flow && FLOWS.includes(next) ? next : null;
}

/** What kind of machine this is, as far as a page can know. @returns {Device} */
export function deviceHere() {
  const { userAgent } = navigator;
  if (userAgent.includes('MicroMessenger')) return 'wechat';
  return /\bMobile\b/.test(userAgent) || matchMedia('(pointer: coarse) and (max-width: 600px)').matches ? 'phone' : 'desk';
}
