// What goes over HTTP: the login where no socket gets through, and the redeeming of its grant. Loaded when
// it is needed, so that the code is on the screen before.

/** @import { Locale } from './protocol.js' */
/** @import { LinkHandlers } from './socket.js' */

import { Api } from './api.js';
import { systemClock as clock } from './clock.js';
import { HttpLink } from './http-link.js';
import { redeemGrant } from './redeem.js';
import { remember } from './transport-memory.js';

/** @param {string} baseUrl @param {Locale} locale */
export function createHttp(baseUrl, locale) {
  const env = { api: new Api({ baseUrl, fetch: (input, init) => fetch(input, init), clock, locale: () => locale }), clock, random: Math.random };
  return {
    /** @param {LinkHandlers} handlers @param {boolean} streams @param {boolean} isFirst whether no socket ever worked here */
    link: (handlers, streams, isFirst) => new HttpLink(handlers, { ...env, streams, ...(isFirst && { remember }) }),
    /** @param {string} grant @param {string} verifier */
    redeem: (grant, verifier) => redeemGrant(env, grant, verifier),
  };
}
