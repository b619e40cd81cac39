// The signed-in page: who it is, and for how long without asking again.

/** @import { KeeperState } from './session-keeper.js' */
/** @import { Strings } from './i18n/zh-cn.js' */

import { fill } from './i18n/language.js';
import { showFace } from './person.js';

/** @typedef {{ signOut: (everywhere: boolean) => void, retry: () => void }} AppHandlers */
/** @typedef {{ state: KeeperState, renewsInMs: number, leaving: boolean, failed: boolean, strings: Strings }} AppPage */

export class AppView {
  /** @type {Map<string, HTMLElement>} */
  #parts = new Map();

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
  }

  /** @param {AppPage} page */
  show({ state, renewsInMs, leaving, failed, strings }) {
    const here = state.name === 'signed_in';
    const gone = state.name === 'unreachable';
    this.#part('card').ariaBusy = String(state.name === 'opening');
    this.#part('card').dataset.away = String(gone);
    this.#text('sentence', sentenceOf(state, leaving, strings));
    this.#text('alert', failed ? strings.appSignOutFailed : '');
    for (const name of ['sign-out', 'everywhere']) {
      const button = /** @type {HTMLButtonElement} */ (this.#part(name));
      button.disabled = !here || leaving;
      button.hidden = gone;
    }
    this.#part('retry').hidden = !gone;
    if (state.name === 'signed_in') this.#showMe(state.me, renewsInMs, strings);
  }

  /** @param {boolean} isSandbox */
  showSandbox(isSandbox) {
    this.#part('sandbox').hidden = !isSandbox;
  }

  /** @param {import('./session-client.js').Me} me @param {number} renewsInMs @param {Strings} strings */
  #showMe({ user, session_id }, renewsInMs, strings) {
    const name = user.name || strings.somebody;
    showFace(this.#part('face'), { ...user, name });
    this.#text('who', name);
    this.#text('user', user.id);
    this.#text('session', session_id);
    const token = renewsInMs > 0 ? fill(strings.appTokenRenews, { time: minutes(renewsInMs) }) : strings.appTokenRenewing;
    this.#text('token', token);
  }

  /** @param {string} part @param {string} text */
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

/** @param {KeeperState} state @param {boolean} leaving @param {Strings} strings */
function sentenceOf(state, leaving, strings) {
  switch (state.name) {
    case 'unreachable':
      return state.message || strings.appUnreachable;
    case 'signed_in':
      return leaving ? strings.appSigningOut : strings.appSignedIn;
    default:
      return strings.appOpening;
  }
}

/** @param {number} ms */
function minutes(ms) {
  const seconds = Math.ceil(ms / 1_000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}
