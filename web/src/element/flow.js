// Which of the app's flows a login takes.

/** @import { Flow } from '../sdk/protocol.js' */

import { FLOWS } from '../sdk/protocol.js';

/** @typedef {{ flows: Flow[], default_flow: Flow }} Offer what the gateway says of an app */

/** @param {string | null} text @returns {Flow | null} */
export function asFlow(text) {
  return FLOWS.find((flow) => flow === text) ?? null;
}

/**
 * What was asked for, where it is offered. Inside WeChat nobody can scan the screen, and `h5` is the
 * flow that needs no scan.
 * @param {Offer} offer
 * @param {Flow | null} asked
 * @param {boolean} inWeChat
 * @returns {Flow}
 */
export function chooseFlow({ flows, default_flow }, asked, inWeChat) {
  /** @type {(Flow | null)[]} */
  const wanted = [asked, inWeChat ? 'h5' : null, default_flow];
  return wanted.find((flow) => flow && flows.includes(flow)) ?? flows[0] ?? default_flow;
}

/**
 * What the switch leads to: the next one offered, round and round.
 * @param {Offer} offer
 * @param {Flow} flow
 * @returns {Flow | null}
 */
export function flowAfter({ flows }, flow) {
  const next = flows[(flows.indexOf(flow) + 1) % flows.length];
  return next && next !== flow && FLOWS.includes(next) ? next : null;
}
