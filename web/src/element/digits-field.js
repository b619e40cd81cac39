// Where the digits on the phone are typed: boxes to look at, one field to type and paste into.

/** @import { Digits } from './presentation.js' */

export class DigitsField {
  #boxes;
  #field;
  #typed;
  #attempt = 0;

  /**
   * @param {HTMLElement} boxes
   * @param {HTMLInputElement} field
   * @param {(code: string) => void} typed all of them
   */
  constructor(boxes, field, typed) {
    this.#boxes = boxes;
    this.#field = field;
    this.#typed = typed;
    field.addEventListener('input', () => this.#onInput(field.value));
    field.addEventListener('paste', (event) => this.#onPaste(event));
  }

  /** @param {Digits | undefined} digits @param {string} label */
  show(digits, label) {
    this.#boxes.hidden = this.#field.hidden = !digits;
    if (!digits) {
      this.#attempt = 0;
      return;
    }
    this.#field.setAttribute('aria-label', label);
    this.#field.maxLength = digits.length;
    if (digits.attempt === this.#attempt) return;
    this.#attempt = digits.attempt;
    this.#fill('');
    // Two names for one movement: a new name starts it again.
    this.#boxes.dataset.shake = digits.wrong ? ['even', 'odd'][digits.attempt % 2] : 'no';
    // The person is about to type, here and nowhere else.
    this.#field.focus();
  }

  /** @param {string} text */
  #onInput(text) {
    const filled = this.#boxes.dataset.filled;
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
