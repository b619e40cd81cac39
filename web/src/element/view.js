// A login on the page. Knows elements, not the network: `show` is called as often as one likes.

/** @import { Action, ActionId, Shown } from './presentation.js' */
/** @import { Connection } from '../sdk/login-session.js' */
/** @import { Strings } from './i18n/zh-cn.js' */

import { DigitsField } from './digits-field.js';
import { HelpDialog } from './help-dialog.js';
import { showFace } from './person.js';
import { WeChatFrame } from './wechat-frame.js';

/** @typedef {{ shown: Shown, connection: Connection, appName: string, strings: Strings, phoneUrl: string | null, codeIsLink: boolean }} Page */
/** @typedef {import('./help-dialog.js').HelpHandlers & { act: (id: ActionId) => void, verify: (code: string) => void }} ViewHandlers */

export class LoginView {
  #document;
  #handlers;
  /** @type {Map<string, HTMLElement>} */
  #parts = new Map();
  #byPerson = false;
  #codeText = '';
  #digits;
  #framed;
  #help;

  /**
   * @param {Document} document
   * @param {ViewHandlers} handlers
   */
  constructor(document, handlers) {
    this.#document = document;
    this.#handlers = handlers;
    for (const part of document.querySelectorAll('[data-part]')) {
      this.#parts.set(/** @type {HTMLElement} */ (part).dataset.part ?? '', /** @type {HTMLElement} */ (part));
    }
    this.#digits = new DigitsField(this.#part('boxes'), /** @type {HTMLInputElement} */ (this.#part('digits')), handlers.verify);
    this.#framed = new WeChatFrame(this.#part('framed'));
    this.#help = new HelpDialog((name) => this.#part(name), handlers);
  }

  /** @param {Page} page */
  show({ shown, connection, appName, strings, phoneUrl, codeIsLink }) {
    const card = this.#part('card');
    card.dataset.mood = shown.mood;
    card.dataset.last = String(shown.ring?.last ?? false);
    card.ariaBusy = String(shown.mood === 'skeleton');
    this.#text('app', appName);
    this.#text('sentence', shown.sentence);
    this.#text('detail', shown.detail ?? '');
    this.#text('aloud', shown.aloud ?? '');
    this.#text('reference', shown.reference ?? '');
    this.#document.title = [shown.sentence, appName].filter(Boolean).join(' · ');
    this.#showConnection(shown, connection, strings);
    this.#showCode(shown, strings);
    this.#showRing(shown);
    this.#showPerson(shown);
    this.#digits.show(shown.digits, strings.verifyingLabel);
    this.#framed.show(shown.framed ?? '', strings.frameTitle);
    this.#help.show(shown.code, codeIsLink, strings);
    this.#showActions(shown.actions);
    this.#showSandbox(phoneUrl);
    this.#mendFocus();
  }

  openHelp() {
    this.#help.open();
  }

  /** @param {Shown} shown @param {Connection} connection @param {Strings} strings */
  #showConnection({ mood }, connection, strings) {
    const lost = connection === 'lost' && mood !== 'veiled';
    this.#part('card').dataset.lost = String(lost);
    this.#text('bar', lost ? strings.reconnecting : '');
    this.#text('note', connection === 'polling' && mood !== 'veiled' ? strings.polling : '');
  }

  /** @param {Shown} shown @param {Strings} strings */
  #showCode({ code, mood }, strings) {
    const image = /** @type {HTMLImageElement} */ (this.#part('code'));
    if (code && code.text !== this.#codeText) {
      this.#codeText = code.text;
      image.src = `data:image/svg+xml,${encodeURIComponent(code.svg)}`;
    }
    image.hidden = !this.#codeText;
    image.alt = mood === 'code' ? strings.qrAlt : '';
  }

  /** @param {Shown} shown */
  #showRing({ ring }) {
    const arc = this.#part('ring');
    arc.toggleAttribute('data-off', !ring);
    if (ring) arc.setAttribute('stroke-dashoffset', String(ring.left - 1));
  }

  /** @param {Shown} shown */
  #showPerson({ person, glyph, mood }) {
    this.#text('who', person?.name ?? '');
    this.#part('who').hidden = !person;
    const face = this.#part('face');
    face.hidden = mood !== 'person' || !person;
    if (person && !face.hidden) showFace(face, person);
    const sign = this.#part('glyph');
    sign.toggleAttribute('data-off', !glyph);
    if (glyph) sign.firstElementChild?.setAttribute('href', `#glyph-${glyph}`);
  }

  /** Buttons are kept by what they do, so that one under the finger never changes its meaning. @param {Action[]} actions */
  #showActions(actions) {
    for (const place of /** @type {const} */ (['plate', 'words', 'foot'])) {
      const holder = this.#part(`actions-${place}`);
      const wanted = actions.filter((action) => action.place === place);
      const old = /** @type {HTMLButtonElement[]} */ ([...holder.children]);
      for (const button of old) {
        if (!wanted.some((action) => action.id === button.dataset.action)) button.remove();
      }
      wanted.forEach((action, index) => {
        const button = old.find((each) => each.dataset.action === action.id) ?? this.#newButton(action.id);
        button.className = `button ${action.look}`;
        if (button.textContent !== action.label) button.textContent = action.label;
        if (holder.children[index] !== button) holder.insertBefore(button, holder.children[index] ?? null);
      });
    }
  }

  /** @param {ActionId} id */
  #newButton(id) {
    const button = this.#document.createElement('button');
    button.type = 'button';
    button.dataset.action = id;
    button.addEventListener('click', () => {
      this.#byPerson = id !== 'help';
      this.#handlers.act(id);
    });
    return button;
  }

  /** The button that was pressed is gone: focus goes on, but only because the person acted. */
  #mendFocus() {
    if (!this.#byPerson) return;
    const focused = this.#document.activeElement;
    if (focused && focused !== this.#document.body) return;
    this.#byPerson = false;
    this.#part('sentence').focus();
  }

  /** @param {string | null} phoneUrl */
  #showSandbox(phoneUrl) {
    this.#part('sandbox').hidden = !phoneUrl;
    if (phoneUrl) this.#part('phone').setAttribute('href', phoneUrl);
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
