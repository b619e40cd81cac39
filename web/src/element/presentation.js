// What a state looks like in words: pure, no DOM.

/** @import { LoginState } from '../sdk/scan-login.js' */
/** @import { Authorized, Flow, Pending, Person, Scanned, Verifying } from '../sdk/protocol.js' */
/** @import { Device } from './offer.js' */
/** @import { Words } from './i18n/en.js' */

import { fill } from './words.js';

/** From here on the code is about to go, and the person may keep it. */
export const LAST_MS = 20_000;

/** @typedef {'renew' | 'confirm' | 'help' | 'reload' | 'enter' | 'leave' | 'switch'} ActionId */
/** @typedef {{ id: ActionId, label: string, look: 'solid' | 'plain' | 'quiet', place: 'inside' | 'beside' | 'foot' }} Action */
/** @typedef {'skeleton' | 'code' | 'framed' | 'here' | 'ticked' | 'digits' | 'person' | 'veiled'} Mood */
/** @typedef {'tick' | 'clock' | 'cross' | 'alert'} Glyph */
/** `attempt` differs from one try to the next. @typedef {{ length: number, attempt: number, wrong: boolean }} Digits */

/**
 * @typedef {object} Shown
 * @property {Mood} mood
 * @property {string} sentence what to do now; spoken when it changes
 * @property {string | undefined} [detail] may change each second; never spoken
 * @property {string} [aloud] spoken, and not to be seen
 * @property {string | undefined} [note] small type
 * @property {Glyph} [glyph]
 * @property {Person & { name: string } | undefined} [person]
 * @property {{ svg: string, text: string }} [code]
 * @property {string | undefined} [framed] WeChat's own page, to stand where the code does
 * @property {{ left: number, last: boolean }} [ring] the part of the time that is left
 * @property {Digits} [digits] to type
 * @property {Action[]} [actions]
 * @property {boolean} [done] the person is signed in
 */

/**
 * @typedef {object} Model
 * @property {LoginState} state
 * @property {boolean} renewsItself
 * @property {Flow} [flow]
 * @property {boolean} wrong the digits sent before were not those on the phone
 * @property {Flow | null} otherFlow what the person may switch to
 * @property {Device} device
 * @property {boolean} resuming a login begun before this page was loaded
 * @property {boolean} mayLeave for the page that confirms, or WeChat's: the way back is known
 * @property {string} appName
 * @property {number} gatewayNow
 * @property {number} now
 * @property {{ here: Person | null } | null} asking the person is asked before the grant is redeemed
 * @property {Words} words
 */

/** The ends after which not just a new code is asked for: what stands on the plate, and what leads on. @type {Record<string, [Glyph, ActionId?, (keyof Words)?]>} */
const ENDS = {
  expired: ['clock', 'renew', 'newCode'],
  failed: ['alert', 'renew', 'retry'],
  redeemed: ['tick', 'enter', 'enter'],
  outdated: ['alert', 'reload', 'reload'],
  insecure: ['alert'],
  closed: ['cross'],
};

/** What is counted: the seconds to the deadline, and what the ring shows of them. @typedef {Model & { seconds: number, ring: { left: number, last: boolean } }} Timed */

/** @param {Model} model @returns {Shown} */
export function present(model) {
  const { state, words: w } = model;
  if ('expires_at' in state) return live({ ...model, ...timeOf(state, model.gatewayNow) }, state);
  switch (state.type) {
    case 'opening':
      return { mood: 'skeleton', sentence: model.resuming ? w.resuming : w.opening };
    case 'signed_in':
      return { ...welcome(model, state), done: true };
    case 'waiting':
      return waiting(model, state);
    case 'rejected':
      return state.by === 'policy' ? over(w, 'policy', '', noteOf(state.reason, state.trace_id)) : over(w, 'rejected');
    case 'failed':
      return over(w, 'failed', state.error.message, noteOf(state.error.code || state.error.name, state.trace_id));
    case 'stopped':
      return over(w, state.reason);
    default:
      return over(w, state.type);
  }
}

/** @param {Timed} model @param {Pending | Scanned | Verifying | Authorized} state @returns {Shown} */
function live(model, state) {
  const { ring, words: w } = model;
  switch (state.type) {
    case 'pending':
      if (state.qr) return { ring, ...pending(model, state, state.qr) };
      // To be framed, it has to be an address and nothing else.
      return /^https?:/.test(state.embed_url ?? '') ? framed(model, state) : over(w, 'failed', '', noteOf('flow_unknown', state.trace_id));
    case 'scanned':
      return { ring, ...scanned(model, state) };
    case 'verifying':
      return { ring, ...verifying(model, state) };
    case 'authorized':
      return model.asking ? { ring, ...confirming(model, state, model.asking.here) } : welcome(model, state);
  }
}

/** @param {Timed} model @param {Pending} state @param {{ text: string, svg?: string }} qr @returns {Shown} */
function pending({ device, renewsItself, mayLeave, seconds, ring, words: w, otherFlow }, { flow }, { text, svg = '' }) {
  const inWeChat = device === 'wechat';
  const last = ring.last && { detail: fill(renewsItself ? w.renewsIn : w.expiresIn, { seconds }), aloud: w.keepAloud };
  const keep = ring.last ? [action('renew', w.keep, 'plain', 'beside')] : [];
  if (inWeChat && flow === 'h5' && mayLeave) {
    return { mood: 'here', glyph: 'tick', sentence: w.here, detail: w.hereDetail, ...last, actions: [action('leave', w.signInHere, 'solid', 'inside'), ...keep] };
  }
  const help = device === 'desk' ? action('help', w.help) : action('help', w.onlyPhone, 'plain');
  return {
    mood: 'code', sentence: inWeChat ? w.hold : w.pending, detail: device === 'desk' ? w.pendingDetail : '', ...last,
    code: { text, svg }, actions: [...keep, help, ...switchTo(otherFlow, w)],
  };
}

/** WeChat's page says itself what to do; nothing is known of it until it is over. @param {Timed} model @param {Pending} state @returns {Shown} */
function framed({ mayLeave, seconds, ring, words: w, otherFlow }, { embed_url }) {
  const keep = [action('renew', `${w.keep} · ${fill(w.timeLeft, { seconds })}`, 'plain')];
  const leave = mayLeave ? [action('leave', w.openHere)] : [];
  return {
    mood: 'framed', sentence: w.pending, framed: embed_url, aloud: ring.last ? w.keepAloud : '',
    actions: [...(ring.last ? keep : leave), ...switchTo(otherFlow, w)],
  };
}

/** @param {Flow | null} flow @param {Words} w @returns {Action[]} */
function switchTo(flow, w) {
  return flow ? [action('switch', w[flow])] : [];
}

/** @param {Timed} model @param {Scanned} state @returns {Shown} */
function scanned({ flow, appName, words: w }, { user }) {
  return {
    mood: 'ticked', glyph: 'tick', sentence: flow === 'official_account' && appName ? fill(w.scannedInChat, { app: appName }) : w.scanned,
    detail: w.scannedDetail, person: user?.name ? named(user, w) : undefined, actions: [action('renew', w.notYou)],
  };
}

/** @param {Timed} model @param {Verifying} state @returns {Shown} */
function verifying({ wrong, seconds, words: w }, { tries_left: count, code_length: length, seq: attempt }) {
  const aloud = fill(w.triesLeft, { count });
  return {
    mood: 'digits', sentence: wrong ? w.wrong : w.verifying, detail: `${aloud} · ${fill(w.timeLeft, { seconds })}`, aloud,
    digits: { length, attempt, wrong }, actions: [action('renew', w.notYou)],
  };
}

/** @param {Timed} model @param {Authorized} state @param {Person | null} here who is signed in already @returns {Shown} */
function confirming({ words: w }, { user }, here) {
  return {
    mood: 'person', person: named(user, w), sentence: w.confirm, detail: here ? fill(w.confirmDetail, named(here, w)) : w.confirmNew,
    actions: [action('renew', w.notMe, 'plain'), action('confirm', w.enter, 'solid')],
  };
}

/** @param {Model} model @param {{ user: Person }} state @returns {Shown} */
function welcome({ words: w }, { user }) {
  return { mood: 'person', glyph: 'tick', person: named(user, w), sentence: w.authorized };
}

/** @param {Model} model @param {Extract<LoginState, { type: 'waiting' }>} state @returns {Shown} */
function waiting({ now, words: w, otherFlow }, { error: { code, message }, until, trace_id }) {
  const seconds = Math.max(0, Math.ceil((until - now) / 1_000));
  return {
    mood: 'veiled', glyph: 'clock', sentence: message || w.waiting, detail: fill(w.retryIn, { seconds }), note: noteOf(code, trace_id),
    // What WeChat cannot do in one flow it may do in another.
    actions: [action('renew', w.retry, 'plain', 'inside'), ...(/^50[24]/.test(String(code)) ? switchTo(otherFlow, w) : [])],
  };
}

/** @param {Words} w @param {keyof Words | 'closed'} end @param {string} [detail] @param {string} [note] @returns {Shown} */
function over(w, end, detail, note) {
  const [glyph, id, label] = ENDS[end] ?? ['cross', 'renew', 'newCode'];
  return {
    mood: 'veiled', glyph, sentence: w[end === 'closed' ? 'cancelled' : end], detail, note,
    actions: [...(id && label ? [action(id, w[label], 'solid', 'inside')] : []), ...(id === 'enter' ? [action('renew', w.newCode)] : [])],
  };
}

/** Never more than the state lives: the gateway's clock is known to a trip of the network. @param {{ at: number, expires_at: number }} state @param {number} now */
function timeOf({ at, expires_at }, now) {
  const whole = expires_at - at;
  const left = Math.max(0, Math.min(expires_at - now, whole));
  return { seconds: Math.ceil(left / 1_000), ring: { left: left / (whole || 1), last: left <= LAST_MS } };
}

/** @param {Person} person @param {Words} w */
function named(person, w) {
  return { ...person, name: person.name || w.somebody };
}

/** @param {ActionId} id @param {string} label @param {Action['look']} [look] @param {Action['place']} [place] @returns {Action} */
function action(id, label, look = 'quiet', place = 'foot') {
  return { id, label, look, place };
}

/** For the support. @param {(string | number | undefined)[]} facts */
function noteOf(...facts) {
  return facts.filter(Boolean).join(' · ');
}
