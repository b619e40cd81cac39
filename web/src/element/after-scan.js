// What the card shows once a phone has scanned: whose it is, and where the digits on it are typed.

/** @import { Digits, Shown } from './presentation.js' */

import { h, showFace } from './elements.js';
import { adopt } from './style.js';

const CSS = `.ticked #glyph,#face{animation:in .3s}
@keyframes in{0%{opacity:0;scale:.7}}
.person #glyph{position:absolute;z-index:1;inset-block-end:-4px;inset-inline-end:-4px;width:28px;border:2px solid var(--quiet);border-radius:50%}
#face{display:grid;place-items:center;width:80px;height:80px;overflow:hidden;border-radius:50%;background:var(--line);font-size:32px;font-weight:600}
#face img{width:100%;height:100%;object-fit:cover}
#digits{position:relative;direction:ltr;margin-top:12px;width:152px;height:88px}
#digits:before,#digits:after{position:absolute;inset:0 80px 0 0;border:2px solid #7b838b;border-radius:var(--radius);content:""}
#digits:after{inset:0 0 0 80px}
#digits[data-filled="0"]:focus-within:before,#digits:not([data-filled="0"]):focus-within:after{border-color:var(--accent);box-shadow:0 0 0 3px rgb(6 122 63/25%)}
input{position:relative;width:168px;height:88px;padding:0 0 0 calc(36px - .5ch);border:0;outline:0!important;background:0 0;color:inherit;font:600 48px/88px ui-monospace,Menlo,Consolas,monospace;letter-spacing:calc(80px - 1ch)}
[data-shake=even]{animation:even .3s}
[data-shake=odd]{animation:odd .3s}
@keyframes even{20%,60%{translate:-6px}40%,80%{translate:6px}}
@keyframes odd{20%,60%{translate:-6px}40%,80%{translate:6px}}`;

export class AfterScan {
  #face = h('span#face', { 'aria-hidden': 'true' });
  #field = h('input#field', { inputmode: 'numeric', pattern: '[0-9]*', autocomplete: 'one-time-code', 'aria-labelledby': 'status' });
  /** Boxes to look at, one field to type and paste into. */
  #boxes = h('span#digits', { hidden: '' }, this.#field);
  #typed;
  #attempt = 0;

  /**
   * @param {ShadowRoot} root
   * @param {Element} badge where the face stands, with a sign beside it
   * @param {Element} before where the digits stand
   * @param {(code: string) => void} typed all of them
   */
  constructor(root, badge, before, typed) {
    adopt(root, CSS);
    badge.append(this.#face);
    before.before(this.#boxes);
    this.#typed = typed;
    this.#field.addEventListener('input', () => this.#onInput(this.#field.value));
    this.#field.addEventListener('paste', (event) => this.#onPaste(event));
  }

  /** @param {Shown} shown @param {boolean} mayFocus nobody types elsewhere */
  show({ mood, person, digits }, mayFocus) {
    this.#face.hidden = mood !== 'person';
    if (person) showFace(this.#face, person);
    this.#showDigits(digits, mayFocus);
  }

  /** @param {Digits | undefined} digits @param {boolean} mayFocus */
  #showDigits(digits, mayFocus) {
    this.#boxes.hidden = !digits;
    if (digits?.attempt === this.#attempt) return;
    this.#attempt = digits?.attempt ?? 0;
    if (!digits) return;
    this.#field.maxLength = digits.length;
    this.#fill('');
    // Two names for one movement: a new name starts it again.
    this.#boxes.dataset.shake = digits.wrong ? ['even', 'odd'][digits.attempt % 2] : 'no';
    if (mayFocus) this.#field.focus();
  }

  /** @param {string} text */
  #onInput(text) {
    const { filled } = this.#boxes.dataset;
    this.#fill(text);
    if (this.#field.value.length === this.#field.maxLength && filled !== this.#boxes.dataset.filled) this.#typed(this.#field.value);
  }

  /** The field would cut a pasted text to its length before its digits are told from the rest. @param {ClipboardEvent} event */
  #onPaste(event) {
    event.preventDefault();
    this.#fill('');
    this.#onInput(event.clipboardData?.getData('text') ?? '');
  }

  /** @param {string} text */
  #fill(text) {
    const digits = text.replace(/\D/g, '').slice(0, this.#field.maxLength);
    if (this.#field.value !== digits) this.#field.value = digits;
    this.#boxes.dataset.filled = String(digits.length);
  }
}
