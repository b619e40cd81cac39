// Where the digits on the phone are typed: boxes to look at, one field to type and paste into.

/** @import { Digits } from './presentation.js' */

export class DigitsField {
  #boxes;
  #field;
  #attempt = 0;

  /**
   * @param {HTMLElement} boxes
   * @param {HTMLInputElement} field
   * @param {(code: string) => void} typed all of them
   */
  constructor(boxes, field, typed) {
    this.#boxes = boxes;
    this.#field = field;
    field.addEventListener('paste', (event) => this.#paste(event));
    field.addEventListener('input', () => {
      const before = boxes.dataset.filled;
      this.#fill(field.value);
      if (field.value.length === field.maxLength && before !== boxes.dataset.filled) typed(field.value);
    });
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

  /** A pasted text is cut by the field's length before its digits can be told from the rest. @param {ClipboardEvent} event */
  #paste(event) {
    event.preventDefault();
    this.#field.value = event.clipboardData?.getData('text').replace(/\D/g, '') ?? '';
    this.#field.dispatchEvent(new Event('input'));
  }

  /** @param {string} text */
  #fill(text) {
    const digits = text.replace(/\D/g, '').slice(0, this.#field.maxLength);
    if (this.#field.value !== digits) this.#field.value = digits;
    this.#boxes.dataset.filled = String(digits.length);
  }
}
