// A login in a shadow root. Knows elements, not the network: `show` is called as often as one likes.

/** @import { Action, ActionId, Shown } from './presentation.js' */
/** @import { Connection } from '../sdk/scan-login.js' */
/** @import { AfterScan } from './after-scan.js' */
/** @import { HelpDialog, HelpHandlers } from './help-dialog.js' */
/** @import { Words } from './i18n/en.js' */

import { h, say } from './elements.js';
import { CSS, adopt } from './style.js';

/** @typedef {{ shown: Shown, connection: Connection, appName: string, words: Words, lang: string, codeIsLink: boolean }} Page */
/** @typedef {HelpHandlers & { act: (id: ActionId) => void, verify: (code: string) => void }} ViewHandlers */

const GLYPHS = {
  tick: 'm15 25 6 6 12.5-13',
  cross: 'm17 17 14 14M31 17 17 31',
  clock: 'M24 13.5V24l7 4.5',
  alert: 'M24 13.5v13M24 33.4v.2',
};

/** What WeChat's page needs to show a code, hear of the scan and go to the callback by itself; the window around it stays ours. */
const RIGHTS = 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox';

/** Where actions stand: on the plate, beside the detail, at the foot of the card. */
const PLACES = ['inside', 'beside', 'foot'];
const ACTIONS = { class: 'actions' };

export class LoginView {
  #root;
  #handlers;
  #byPerson = false;
  #codeText = '';
  /** @type {Page | null} */
  #page = null;
  /** @type {Promise<void> | null} */
  #loading = null;
  /** @type {AfterScan | undefined} */
  #afterScan;
  /** @type {HelpDialog | undefined} */
  #help;

  /**
   * @param {ShadowRoot} root
   * @param {ViewHandlers} handlers
   */
  constructor(root, handlers) {
    this.#root = root;
    this.#handlers = handlers;
    adopt(root, CSS);
    root.append(
      h('section#card', { class: 'skeleton' },
        h('p#bar', { role: 'status' }),
        h('div#brand', {}, h('slot', { name: 'brand' }, h('p#app'))),
        h('slot#signed-in', { name: 'signed-in', hidden: '' }),
        h('div#frame', {},
          h('div#plate', {},
            h('img#qr', { hidden: '' }),
            h('div#over', {},
              h('div#badge', {},
                h('svg#glyph', { viewBox: '0 0 48 48', 'aria-hidden': 'true' }, h('circle', { cx: 24, cy: 24, r: 24 }), h('path'))),
              h('p#name'), h('div#inside', ACTIONS)))),
        h('div#embed'),
        h('div#words', {},
          h('p#status', { role: 'status', tabindex: -1 }),
          h('div#detail', {}, h('span#hint'), h('div#beside', ACTIONS)),
          h('p#note'), h('p#polling', { role: 'status' }),
          h('p#aloud', { role: 'status', class: 'unseen' }),
          h('div#foot', ACTIONS))),
      h('slot', { name: 'help' }),
    );
  }

  /** @param {Page} page */
  show(page) {
    this.#page = page;
    const { shown, connection, appName, words, lang } = page;
    const { mood, ring, code, glyph, person, framed } = shown;
    const card = this.#part('card');
    card.className = ring?.last ? `${mood} last` : mood;
    card.lang = lang;
    const link = mood === 'veiled' ? '' : connection;
    const texts = {
      app: appName, status: shown.sentence, hint: shown.detail, note: shown.note, aloud: shown.aloud, name: person?.name,
      bar: link === 'lost' ? words.lost : '', polling: link === 'sse' || link === 'poll' ? words.polling : '',
    };
    for (const [id, text] of Object.entries(texts)) say(this.#part(id), text);
    this.#showCode(code, mood === 'code' ? words.qr : '');
    this.#part('frame').style.setProperty('--gone', `${1 - (ring?.left ?? 0)}turn`);
    this.#part('glyph').toggleAttribute('hidden', !glyph);
    if (glyph) this.#part('glyph').lastElementChild?.setAttribute('d', GLYPHS[glyph]);
    if (mood !== 'skeleton') this.#loading ??= this.#loadRest();
    this.#afterScan?.show(shown, !this.#isBusyElsewhere());
    this.#showFrame(framed ?? '', words.pending);
    this.#help?.show(code);
    for (const place of PLACES) this.#showActions(this.#part(place), (shown.actions ?? []).filter((action) => action.place === place));
    this.#showWelcome(Boolean(shown.done));
    this.#mendFocus();
  }

  /** What the product says to somebody who is signed in, where it says anything. @param {boolean} done */
  #showWelcome(done) {
    const slot = /** @type {HTMLSlotElement} */ (this.#part('signed-in'));
    slot.hidden = !done || slot.assignedNodes().length === 0;
    this.#part('frame').hidden = this.#part('words').hidden = !slot.hidden;
  }

  /** @param {Shown['code']} code @param {string} alt */
  #showCode(code, alt) {
    const image = /** @type {HTMLImageElement} */ (this.#part('qr'));
    if (code && code.text !== this.#codeText) {
      this.#codeText = code.text;
      image.src = `data:image/svg+xml,${encodeURIComponent(code.svg)}`;
    }
    image.hidden = !this.#codeText;
    image.alt = alt;
  }

  /** WeChat's own page, where the code would stand. Each address gets a frame of its own: one that is led elsewhere leaves its steps in the history. @param {string} src @param {string} title */
  #showFrame(src, title) {
    const place = this.#part('embed');
    const old = place.firstElementChild;
    if (old?.getAttribute('src') !== src) {
      old?.remove();
      // Signing in by the WeChat that runs on this computer: browsers ask before a page may reach it.
      if (src) place.append(h('iframe', { width: 300, height: 400, referrerpolicy: 'no-referrer', allow: 'local-network-access', sandbox: RIGHTS, src }));
    }
    if (place.firstElementChild) /** @type {HTMLElement} */ (place.firstElementChild).title = title;
  }

  /** Buttons are kept by what they do, so that one under the finger never changes its meaning. @param {HTMLElement} holder @param {Action[]} wanted */
  #showActions(holder, wanted) {
    const old = /** @type {HTMLElement[]} */ ([...holder.children]);
    for (const button of old) if (!wanted.some(({ id }) => id === button.dataset.action)) button.remove();
    wanted.forEach(({ id, look, label }, index) => {
      const button = old.find((each) => each.dataset.action === id) ?? this.#newButton(id);
      button.className = look;
      button.setAttribute('part', `button ${look}`);
      say(button, label);
      if (holder.children[index] !== button) holder.insertBefore(button, holder.children[index] ?? null);
    });
  }

  /** @param {ActionId} id */
  #newButton(id) {
    const button = h('button', { type: 'button', 'data-action': id });
    button.onclick = () => {
      if (id === 'help') return this.#openHelp();
      this.#byPerson = true;
      this.#handlers.act(id);
    };
    return button;
  }

  /** What is not needed to show a code comes after it; well before it is needed, lest the page be deployed anew meanwhile. */
  async #loadRest() {
    try {
      const [{ AfterScan }, { HelpDialog }] = await Promise.all([import('./after-scan.js'), import('./help-dialog.js')]);
      this.#afterScan = new AfterScan(this.#root, this.#part('badge'), this.#part('inside'), this.#handlers.verify);
      this.#help = new HelpDialog(this.#root, this.#handlers);
      if (this.#page) this.show(this.#page);
    } catch {
      this.#loading = null;
    }
  }

  #openHelp() {
    const { shown, words, lang, codeIsLink } = /** @type {Page} */ (this.#page);
    if (shown.code) this.#help?.open(shown.code, codeIsLink, words, lang);
  }

  /** The button that was pressed is gone: focus goes on, but only because the person acted. */
  #mendFocus() {
    if (!this.#byPerson || this.#root.activeElement || this.#isBusyElsewhere()) return;
    this.#byPerson = false;
    this.#part('status').focus();
  }

  /** Something else on the page has the focus. */
  #isBusyElsewhere() {
    return ![null, document.body, this.#root.host].includes(document.activeElement);
  }

  /** @param {string} id */
  #part(id) {
    return /** @type {HTMLElement} */ (this.#root.getElementById(id));
  }
}
