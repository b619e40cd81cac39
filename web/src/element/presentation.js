// What a state looks like in words: pure, no DOM.

/** @import { Device } from './device.js' */
/** @import { Connection, LoginState, VerifyingState } from '../sdk/login-session.js' */
/** @import { Flow, Pending, Person } from '../sdk/protocol.js' */
/** @import { Strings } from './i18n/zh-cn.js' */

import { fill } from './i18n/language.js';

/** From here on the code is about to go, and the person may keep it. */
export const LAST_MS = 20_000;

/** @typedef {'renew' | 'cancel' | 'confirm' | 'help' | 'reload' | 'enter' | 'leave' | 'switch'} ActionId */
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
 * @property {string} [reference] small type, for the support
 * @property {Glyph} [glyph]
 * @property {Person & { name: string }} [person]
 * @property {{ svg: string, text: string }} [code]
 * @property {string} [framed] WeChat's own page, to stand where the code does
 * @property {{ left: number, last: boolean }} [ring] the part of the time that is left
 * @property {Digits} [digits] to type
 * @property {Action[]} actions
 */

/**
 * @typedef {object} Model
 * @property {LoginState} state
 * @property {Connection} connection
 * @property {boolean} renewsItself
 * @property {Flow} flow
 * @property {Flow | null} otherFlow what the person may switch to
 * @property {Device} device
 * @property {boolean} resuming a login begun before this page was loaded
 * @property {boolean} mayLeave for the page that confirms, or WeChat's: the way back is known
 * @property {string} appName
 * @property {number} gatewayNow
 * @property {number} now
 * @property {{ here: Person | null } | null} asking the person is asked before the grant is redeemed
 * @property {Strings} strings
 */

/** @param {Model} model @returns {Shown} */
export function present(model) {
  const { state, strings: s } = model;
  switch (state.name) {
    case 'opening':
      return { mood: 'skeleton', sentence: model.resuming ? s.resumingSentence : s.openingSentence, actions: [] };
    case 'pending':
      return pending(model, state.event);
    case 'scanned':
      return {
        mood: 'ticked', glyph: 'tick', sentence: scannedSentence(model), detail: s.scannedDetail,
        ...(state.event.user?.name && { person: named(state.event.user, s) }),
        ring: ringOf(model, state.event), actions: [quiet('cancel', s.notYou)],
      };
    case 'verifying':
      return verifying(model, state);
    case 'authorized':
      return authorized(model, state);
    case 'waiting':
      return waiting(model, state);
    default:
      return over(state, s);
  }
}

/** @param {Model} model @param {Pending} event @returns {Shown} */
function pending(model, event) {
  if (event.embed_url) return framed(model, event, event.embed_url);
  const { strings: s, device } = model;
  const ring = ringOf(model, event);
  /** @type {Action[]} */
  const keep = ring.last ? [{ id: 'renew', label: s.keepCode, look: 'plain', place: 'words' }] : [];
  const countdown = ring.last && countdownOf(model, event);
  if (device === 'wechat' && event.flow === 'h5' && model.mayLeave) {
    return {
      mood: 'here', glyph: 'chat', sentence: s.hereSentence, detail: countdown || s.hereDetail, ring,
      actions: [onPlate('leave', s.signInHere), ...keep],
    };
  }
  const [sentence, detail] = device === 'wechat' ? [s.holdSentence, s.holdDetail] : [s.pendingSentence, device === 'phone' ? s.phoneDetail : s.pendingDetail];
  const help = quiet('help', device === 'desk' ? s.onPhone : s.helpTitle);
  return {
    mood: 'code', sentence, detail: countdown || detail,
    code: { svg: event.qr?.svg ?? '', text: event.qr?.text ?? '' }, ring,
    actions: [...keep, device === 'desk' ? help : { ...help, look: 'plain' }, ...switchOf(model)],
  };
}

/** WeChat's page says itself what to do; nothing is known of it until it is over. @param {Model} model @param {Pending} event @param {string} url @returns {Shown} */
function framed(model, event, url) {
  const { strings: s, mayLeave } = model;
  const left = secondsLeft(model, event);
  /** @type {Action} */
  const keep = { id: 'renew', label: fill(s.keepCodeFor, { seconds: left }), look: 'plain', place: 'foot' };
  const first = left * 1_000 <= LAST_MS ? [keep] : mayLeave ? [quiet('leave', s.openHere)] : [];
  return { mood: 'framed', sentence: s.pendingSentence, framed: url, actions: [...first, ...switchOf(model)] };
}

/** @param {Model} model @returns {Action[]} */
function switchOf({ otherFlow, strings: s }) {
  const labels = { h5: s.useH5, official_account: s.useOfficialAccount, website: s.useWebsite };
  return otherFlow ? [quiet('switch', labels[otherFlow])] : [];
}

/** @param {Model} model */
function scannedSentence({ flow, appName, strings: s }) {
  if (flow !== 'official_account') return s.scannedSentence;
  return fill(s.scannedInChat, { app: appName || s.officialAccount });
}

/** @param {Model} model @param {VerifyingState} state @returns {Shown} */
function verifying(model, { event, wrong }) {
  const { strings: s } = model;
  const tries = fill(s.triesLeft, { count: event.tries_left });
  return {
    mood: 'digits', sentence: wrong ? s.wrongDigits : s.verifyingSentence,
    detail: `${tries} · ${fill(s.timeLeft, { seconds: secondsLeft(model, event) })}`, aloud: tries,
    digits: { length: event.code_length, attempt: event.seq, wrong },
    ring: ringOf(model, event), actions: [quiet('cancel', s.notYou)],
  };
}

/** @param {Model} model @param {Extract<LoginState, { name: 'authorized' }>} state @returns {Shown} */
function authorized(model, { event }) {
  const { strings: s, asking } = model;
  const person = named(event.user, s);
  if (!asking) return { mood: 'person', glyph: 'tick', sentence: s.authorizedSentence, person, actions: [] };
  const detail = asking.here ? fill(s.confirmDetail, { name: named(asking.here, s).name }) : s.confirmDetailNew;
  return {
    mood: 'person', sentence: s.confirmSentence, detail, person, ring: ringOf(model, event),
    actions: [
      { id: 'cancel', label: s.notMe, look: 'plain', place: 'foot' },
      { id: 'confirm', label: s.confirm, look: 'solid', place: 'foot' },
    ],
  };
}

/** @param {Model} model @param {Extract<LoginState, { name: 'waiting' }>} state @returns {Shown} */
function waiting(model, { error, until, reference }) {
  const { strings: s, now } = model;
  const seconds = Math.ceil((until - now) / 1_000);
  const status = Math.floor((error?.code ?? 0) / 100);
  const known = status === 429 ? s.limitedSentence : status === 503 ? s.overloadedSentence : s.waitingSentence;
  return {
    mood: 'veiled', glyph: 'pause', sentence: known,
    detail: seconds > 0 ? fill(s.retryIn, { seconds }) : s.retrying,
    reference: referenceOf(error, reference),
    // What WeChat cannot do in one flow it may do in another.
    actions: [{ ...onPlate('renew', s.tryAgain), look: 'plain' }, ...(status === 502 || status === 504 ? switchOf(model) : [])],
  };
}

/** @param {Exclude<LoginState, { name: 'opening' | 'pending' | 'scanned' | 'verifying' | 'authorized' | 'waiting' }>} state @param {Strings} s @returns {Shown} */
function over(state, s) {
  switch (state.name) {
    case 'rejected': {
      const byPolicy = state.event.by === 'policy';
      return {
        mood: 'veiled', glyph: 'cross', sentence: byPolicy ? s.rejectedByPolicy : s.rejectedSentence,
        detail: byPolicy ? s.rejectedByPolicyDetail : s.rejectedDetail, actions: [onPlate('renew', s.scanAgain)],
        ...(byPolicy && { reference: [state.event.reason, state.event.trace_id].filter(Boolean).join(' · ') }),
      };
    }
    case 'expired':
      return { mood: 'veiled', glyph: 'clock', sentence: s.expiredSentence, detail: s.expiredDetail, actions: [onPlate('renew', s.refreshCode)] };
    case 'cancelled':
      return { mood: 'veiled', glyph: 'cross', sentence: s.cancelledSentence, detail: s.rejectedDetail, actions: [onPlate('renew', s.scanAgain)] };
    case 'failed':
      return {
        mood: 'veiled', glyph: 'alert', sentence: s.failedSentence, detail: state.error.message || s.failedDetail,
        reference: referenceOf(state.error, state.reference), actions: [onPlate('renew', s.tryAgain)],
      };
    case 'stopped':
      return stopped(state.why, s);
  }
}

/** @param {Extract<LoginState, { name: 'stopped' }>['why']} why @param {Strings} s @returns {Shown} */
function stopped(why, s) {
  switch (why) {
    case 'taken_over':
      return { mood: 'veiled', glyph: 'pause', sentence: s.takenOverSentence, detail: s.takenOverDetail, actions: [onPlate('renew', s.scanAgain)] };
    case 'redeemed':
      return {
        mood: 'veiled', glyph: 'tick', sentence: s.redeemedSentence, detail: s.redeemedDetail,
        actions: [onPlate('enter', s.confirm), quiet('renew', s.scanAgain)],
      };
    case 'outdated':
      return { mood: 'veiled', glyph: 'alert', sentence: s.outdatedSentence, detail: s.outdatedDetail, actions: [onPlate('reload', s.reload)] };
    case 'blocked':
      return { mood: 'veiled', glyph: 'alert', sentence: s.blockedSentence, detail: s.blockedDetail, actions: [onPlate('renew', s.tryAgain)] };
    case 'insecure':
      return { mood: 'veiled', glyph: 'alert', sentence: s.insecureSentence, detail: s.insecureDetail, actions: [] };
  }
}

/** Never more than the state lives: the gateway's clock is known to a trip of the network. @param {Model} model @param {{ at: number, expires_at: number }} event */
function secondsLeft({ gatewayNow }, { at, expires_at }) {
  return Math.max(0, Math.ceil((expires_at - Math.max(gatewayNow, at)) / 1_000));
}

/** @param {Model} model @param {Pending} event */
function countdownOf(model, event) {
  const { strings: s, renewsItself } = model;
  return fill(renewsItself ? s.renewsIn : s.expiresIn, { seconds: secondsLeft(model, event) });
}

/** @param {Model} model @param {{ at: number, expires_at: number }} event */
function ringOf({ gatewayNow }, { at, expires_at }) {
  const remaining = Math.max(0, expires_at - gatewayNow);
  const whole = Math.max(expires_at - at, remaining, 1);
  return { left: remaining / whole, last: remaining <= LAST_MS };
}

/** @param {Person} person @param {Strings} s */
function named(person, s) {
  return { ...person, name: person.name || s.somebody };
}

/** @param {ActionId} id @param {string} label @returns {Action} */
function quiet(id, label) {
  return { id, label, look: 'quiet', place: 'foot' };
}

/** @param {ActionId} id @param {string} label @returns {Action} */
function onPlate(id, label) {
  return { id, label, look: 'solid', place: 'plate' };
}

/** @param {{ code: number, name: string } | null} error @param {string} [reference] */
function referenceOf(error, reference) {
  return [error?.code || error?.name, reference].filter(Boolean).join(' · ');
}
