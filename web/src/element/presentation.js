// What a state looks like in words: pure, no DOM.

/** @import { LoginState } from '../sdk/scan-login.js' */
/** @import { Authorized, Flow, Pending, Person, Scanned, Verifying } from '../sdk/protocol.js' */
/** @import { Device } from './offer.js' */
/** @import { Words } from './i18n/en.js' */

import { fill } from './words.js';

/** From here on the code is about to go, and the person may keep it. */
export const LAST_MS = 20_000;

/** @typedef {'renew' | 'confirm' | 'help' | 'reload' | 'enter' | 'leave' | 'switch'} ActionId */
/** @typedef {{ id: ActionId, label: string, look: 'solid' | 'plain' | 'quiet', place: 'plate' | 'words' | 'foot' }} Action */
/** @typedef {'skeleton' | 'code' | 'framed' | 'here' | 'ticked' | 'digits' | 'person' | 'veiled'} Mood */
/** @typedef {'tick' | 'clock' | 'cross' | 'alert' | 'pause' | 'chat'} Glyph */
/** `attempt` differs from one try to the next. @typedef {{ length: number, attempt: number, wrong: boolean }} Digits */

/**
 * @typedef {object} Shown
 * @property {Mood} mood
 * @property {string} sentence what to do now; spoken when it changes
 * @property {string} [detail] may change each second; never spoken
 * @property {string} [aloud] spoken, and not to be seen
 * @property {string} [note] small type
 * @property {Glyph} [glyph]
 * @property {Person & { name: string }} [person]
 * @property {{ svg: string, text: string }} [code]
 * @property {string} [framed] WeChat's own page, to stand where the code does
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
  taken_over: ['pause', 'renew', 'newCode'],
  redeemed: ['tick', 'enter', 'enter'],
  outdated: ['alert', 'reload', 'reload'],
  insecure: ['alert'],
  closed: ['cross'],
};

/** @param {Model} model @returns {Shown} */
export function present(model) {
  const { state, words: w } = model;
  switch (state.type) {
    case 'opening':
      return { mood: 'skeleton', sentence: model.resuming ? w.resuming : w.opening };
    case 'pending':
      if (state.qr) return pending(model, state);
      // To be framed, it has to be an address and nothing else.
      return /^https?:/.test(state.embed_url ?? '') ? framed(model, state) : over(w, 'failed', '', noteOf('flow_unknown', state.trace_id));
    case 'scanned':
      return scanned(model, state);
    case 'verifying':
      return verifying(model, state);
    case 'authorized':
      return authorized(model, state);
    case 'signed_in':
      return { ...welcome(state, w), done: true };
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

/** @param {Model} model @param {Pending} state @returns {Shown} */
function pending(model, state) {
  const { words: w, device } = model;
  const ring = ringOf(model, state);
  const last = ring.last && {
    detail: fill(model.renewsItself ? w.renewsIn : w.expiresIn, { seconds: secondsLeft(model, state) }), aloud: w.keepAloud,
  };
  const keep = ring.last ? [action('renew', w.keep, 'plain', 'words')] : [];
  if (device === 'wechat' && state.flow === 'h5' && model.mayLeave) {
    return { mood: 'here', glyph: 'chat', sentence: w.here, detail: w.hereDetail, ...last, ring, actions: [action('leave', w.signInHere, 'solid', 'plate'), ...keep] };
  }
  const atDesk = device === 'desk';
  return {
    mood: 'code', sentence: device === 'wechat' ? w.hold : w.pending, ...(atDesk && { detail: w.pendingDetail }), ...last, ring,
    code: { svg: state.qr?.svg ?? '', text: state.qr?.text ?? '' },
    actions: [...keep, atDesk ? action('help', w.help) : action('help', w.onlyPhone, 'plain'), ...switchOf(model)],
  };
}

/** WeChat's page says itself what to do; nothing is known of it until it is over. @param {Model} model @param {Pending} state @returns {Shown} */
function framed(model, state) {
  const { words: w } = model;
  const shown = { mood: /** @type {const} */ ('framed'), sentence: w.pending, framed: state.embed_url };
  if (ringOf(model, state).last) {
    const label = `${w.keep} · ${fill(w.timeLeft, { seconds: secondsLeft(model, state) })}`;
    return { ...shown, aloud: w.keepAloud, actions: [action('renew', label, 'plain'), ...switchOf(model)] };
  }
  return { ...shown, actions: [...(model.mayLeave ? [action('leave', w.openHere)] : []), ...switchOf(model)] };
}

/** @param {Model} model @returns {Action[]} */
function switchOf({ otherFlow, words: w }) {
  return otherFlow ? [action('switch', w[otherFlow])] : [];
}

/** @param {Model} model @param {Scanned} state @returns {Shown} */
function scanned(model, state) {
  const { appName, words: w } = model;
  const inChat = model.flow === 'official_account' && appName;
  return {
    mood: 'ticked', glyph: 'tick', sentence: inChat ? fill(w.scannedInChat, { app: appName }) : w.scanned, detail: w.scannedDetail,
    ...(state.user?.name && { person: named(state.user, w) }), ring: ringOf(model, state), actions: [action('renew', w.notYou)],
  };
}

/** @param {Model} model @param {Verifying} state @returns {Shown} */
function verifying(model, state) {
  const { words: w } = model;
  const tries = fill(w.triesLeft, { count: state.tries_left });
  return {
    mood: 'digits', sentence: model.wrong ? w.wrong : w.verifying,
    detail: `${tries} · ${fill(w.timeLeft, { seconds: secondsLeft(model, state) })}`, aloud: tries,
    digits: { length: state.code_length, attempt: state.seq, wrong: model.wrong },
    ring: ringOf(model, state), actions: [action('renew', w.notYou)],
  };
}

/** @param {Model} model @param {Authorized} state @returns {Shown} */
function authorized(model, state) {
  const { words: w, asking } = model;
  if (!asking) return welcome(state, w);
  return {
    mood: 'person', person: named(state.user, w), sentence: w.confirm, ring: ringOf(model, state),
    detail: asking.here ? fill(w.confirmDetail, { name: named(asking.here, w).name }) : w.confirmNew,
    actions: [action('renew', w.notMe, 'plain'), action('confirm', w.enter, 'solid')],
  };
}

/** @param {{ user: Person }} state @param {Words} w @returns {Shown} */
function welcome({ user }, w) {
  return { mood: 'person', glyph: 'tick', person: named(user, w), sentence: w.authorized };
}

/** @param {Model} model @param {Extract<LoginState, { type: 'waiting' }>} state @returns {Shown} */
function waiting(model, { error, until, trace_id }) {
  const { words: w } = model;
  const status = Math.floor((error?.code ?? 0) / 100);
  return {
    mood: 'veiled', glyph: 'pause', sentence: error?.message || w.waiting,
    detail: fill(w.retryIn, { seconds: Math.max(0, Math.ceil((until - model.now) / 1_000)) }), note: noteOf(error?.code, trace_id),
    // What WeChat cannot do in one flow it may do in another.
    actions: [action('renew', w.retry, 'plain', 'plate'), ...(status === 502 || status === 504 ? switchOf(model) : [])],
  };
}

/** @param {Words} w @param {keyof Words | 'closed'} end @param {string} [detail] @param {string} [note] @returns {Shown} */
function over(w, end, detail = '', note = '') {
  const [glyph, id, label] = ENDS[end] ?? ['cross', 'renew', 'newCode'];
  const more = id === 'enter' ? [action('renew', w.newCode)] : [];
  return { mood: 'veiled', glyph, sentence: w[end === 'closed' ? 'cancelled' : end], detail, note, actions: id && label ? [action(id, w[label], 'solid', 'plate'), ...more] : [] };
}

/** Never more than the state lives: the gateway's clock is known to a trip of the network. @param {Model} model @param {{ at: number, expires_at: number }} event */
function secondsLeft({ gatewayNow }, { at, expires_at }) {
  return Math.max(0, Math.ceil((expires_at - Math.max(gatewayNow, at)) / 1_000));
}

/** @param {Model} model @param {{ at: number, expires_at: number }} event */
function ringOf({ gatewayNow }, { at, expires_at }) {
  const remaining = Math.max(0, expires_at - gatewayNow);
  return { left: remaining / Math.max(expires_at - at, remaining, 1), last: remaining <= LAST_MS };
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
