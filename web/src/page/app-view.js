// The signed-in page: who it is, for how long without asking again, where else; or why nobody is here any more.

/** @import { Me, Reason, SessionState } from '../session/index.js' */
/** @import { ListPage } from './session-rows.js' */
/** @import { Strings } from './i18n/zh-cn.js' */

import { fill } from '../element/words.js';
import { showFace } from '../element/elements.js';
import { SessionRows } from './session-rows.js';
import { minutes } from './time-words.js';

/**
 * @typedef {object} AppHandlers
 * @property {(everywhere: boolean) => void} signOut
 * @property {() => void} retry
 * @property {() => void} reload the list of sessions
 * @property {(id: string) => Promise<boolean>} end another session; answers whether that worked
 */
/** @typedef {ListPage & { state: SessionState, renewsInMs: number, leaving: boolean, failed: boolean, signInUrl: string }} AppPage */

/** What is said of an end, and whether it is a warning. @type {Record<string, { sentence: keyof Strings, detail: keyof Strings, warns?: true }>} */
const ENDS = {
  signed_out: { sentence: 'endedInOtherTab', detail: 'endedDetail' },
  signed_out_elsewhere: { sentence: 'endedElsewhere', detail: 'endedDetail' },
  signed_out_everywhere: { sentence: 'endedEverywhere', detail: 'endedDetail' },
  replaced: { sentence: 'endedReplaced', detail: 'endedDetail' },
  reuse: { sentence: 'endedReuse', detail: 'endedReuseDetail', warns: true },
  grant_burnt: { sentence: 'endedGrantBurnt', detail: 'endedGrantBurntDetail', warns: true },
  password_changed: { sentence: 'endedPasswordChanged', detail: 'endedPasswordChangedDetail' },
  merged: { sentence: 'endedMerged', detail: 'endedDetail' },
  erased: { sentence: 'endedErased', detail: 'endedErasedDetail' },
  expired: { sentence: 'endedExpired', detail: 'endedDetail' },
};
/** @type {typeof ENDS[string]} */
const ENDED = { sentence: 'endedUnknown', detail: 'endedDetail' };

export class AppView {
  /** @type {Map<string, HTMLElement>} */
  #parts = new Map();
  #rows;
  #ended = '';

  /**
   * @param {Document} document
   * @param {AppHandlers} handlers
   */
  constructor(document, handlers) {
    for (const part of document.querySelectorAll('[data-part]')) {
      this.#parts.set(/** @type {HTMLElement} */ (part).dataset.part ?? '', /** @type {HTMLElement} */ (part));
    }
    this.#part('sign-out').addEventListener('click', () => handlers.signOut(false));
    this.#part('everywhere').addEventListener('click', () => handlers.signOut(true));
    this.#part('retry').addEventListener('click', () => handlers.retry());
    this.#part('reload').addEventListener('click', () => handlers.reload());
    this.#rows = new SessionRows(this.#part('sessions'), (id, device) => void this.#end(handlers, id, device));
  }

  /** @param {AppPage} page */
  show(page) {
    const { state, leaving, failed, strings } = page;
    this.#part('card').ariaBusy = String(state.type === 'opening');
    this.#part('card').dataset.state = state.type;
    this.#text('sentence', sentenceOf(state, leaving, strings));
    this.#text('alert', failed ? strings.appSignOutFailed : '');
    for (const name of ['sign-out', 'everywhere']) {
      const button = /** @type {HTMLButtonElement} */ (this.#part(name));
      button.disabled = state.type !== 'signed_in' || leaving;
      button.hidden = state.type === 'unreachable' || state.type === 'signed_out';
    }
    this.#part('retry').hidden = state.type !== 'unreachable';
    this.#showEnd(state, page);
    this.#showMe(state.type === 'signed_in' ? state : null, page);
    this.#showList(page);
  }

  /** @param {boolean} isSandbox */
  showSandbox(isSandbox) {
    this.#part('sandbox').hidden = !isSandbox;
  }

  /** Nothing of who was here stays on the page. @param {Me | null} me @param {AppPage} page */
  #showMe(me, { renewsInMs, strings }) {
    const name = me ? me.user.name || strings.somebody : '';
    if (me) showFace(this.#part('face'), { ...me.user, name });
    else this.#part('face').replaceChildren();
    this.#text('who', name);
    this.#text('user', me?.user.id ?? '');
    this.#text('session', me?.session_id ?? '');
    const token = renewsInMs > 0 ? fill(strings.appTokenRenews, { time: minutes(renewsInMs) }) : strings.appTokenRenewing;
    this.#text('token', me ? token : '');
  }

  /** @param {SessionState} state @param {AppPage} page */
  #showEnd(state, { signInUrl, strings }) {
    const ended = state.type === 'signed_out' ? endOf(state.reason) : null;
    const detail = ended ? strings[ended.detail] : '';
    this.#text('detail', ended?.warns ? '' : detail);
    this.#text('warning', ended?.warns ? detail : '');
    const link = this.#part('sign-in');
    link.hidden = !ended;
    link.setAttribute('href', signInUrl);
  }

  /** @param {AppPage} page */
  #showList(page) {
    const { state, list, strings } = page;
    const here = state.type === 'signed_in' || state.type === 'opening';
    this.#part('list').hidden = !here;
    this.#part('list').ariaBusy = String(list.name === 'loading');
    this.#part('skeleton').hidden = list.name !== 'loading';
    this.#part('reload').hidden = list.name !== 'failed';
    const empty = list.name === 'ready' && list.sessions.length === 0;
    this.#text('list-note', list.name === 'failed' ? strings.sessionsFailed : empty ? strings.sessionsEmpty : '');
    this.#text('list-alert', list.name === 'ready' && list.notEnded ? strings.sessionNotEnded : '');
    this.#text('list-status', this.#ended && fill(strings.sessionEnded, { device: this.#ended }));
    this.#rows.show(here ? page : { ...page, list: { name: 'loading' } });
  }

  /** The button that was pressed goes with its row: the focus goes to the list's name. @param {AppHandlers} handlers @param {string} id @param {string} device */
  async #end(handlers, id, device) {
    this.#ended = '';
    if (!(await handlers.end(id))) return;
    this.#ended = device;
    const { ownerDocument: of } = this.#part('list');
    if (!of.activeElement || of.activeElement === of.body) this.#part('list-name').focus();
  }

  /** Touches the element only on a change, so that live regions speak once. @param {string} part @param {string} text */
  #text(part, text) {
    const element = this.#part(part);
    if (element.textContent !== text) element.textContent = text;
  }

  /** @param {string} name */
  #part(name) {
    const part = this.#parts.get(name);
    if (!part) throw new Error(`the page has no part "${name}"`);
    return part;
  }
}

/** @param {Reason} reason */
function endOf(reason) {
  return (Object.hasOwn(ENDS, reason) && ENDS[reason]) || ENDED;
}

/** @param {SessionState} state @param {boolean} leaving @param {Strings} strings */
export function sentenceOf(state, leaving, strings) {
  switch (state.type) {
    case 'unreachable':
      return state.message || strings.appUnreachable;
    case 'signed_in':
      return leaving ? strings.appSigningOut : strings.appSignedIn;
    case 'signed_out':
      return strings[endOf(state.reason).sentence];
    case 'opening':
      return strings.appOpening;
  }
}
