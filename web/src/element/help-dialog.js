// Help for whoever has only the phone that shows the page: the code as a picture, its link as text.

/** @import { Strings } from './i18n/zh-cn.js' */

/** @typedef {{ svg: string, text: string }} Code */
/** @typedef {{ copy: (text: string) => Promise<void>, save: (svg: string) => Promise<void> }} HelpHandlers */
/** @typedef {'help' | 'help-close' | 'help-copy' | 'copy' | 'save' | 'copied'} HelpPart */

export class HelpDialog {
  #part;
  /** @type {Code} */
  #code = { svg: '', text: '' };
  /** @type {Strings | null} */
  #strings = null;

  /** @param {(name: HelpPart) => HTMLElement} part @param {HelpHandlers} handlers */
  constructor(part, { copy, save }) {
    this.#part = part;
    part('help-close').addEventListener('click', () => this.#dialog.close());
    part('copy').addEventListener('click', () => void this.#try(() => copy(this.#code.text), 'copied'));
    part('save').addEventListener('click', () => void this.#try(() => save(this.#code.svg), 'saved'));
  }

  open() {
    this.#part('copied').textContent = '';
    this.#dialog.showModal();
  }

  /** @param {Code | undefined} code @param {boolean} opensAsLink whether the code's text is of use without a scan @param {Strings} strings */
  show(code, opensAsLink, strings) {
    this.#strings = strings;
    this.#part('copy').hidden = this.#part('help-copy').hidden = !opensAsLink;
    if (code) this.#code = code;
    else if (this.#dialog.open) this.#dialog.close();
  }

  get #dialog() {
    return /** @type {HTMLDialogElement} */ (this.#part('help'));
  }

  /** Where it cannot be done, the link itself is there to be copied by hand. @param {() => Promise<void>} run @param {'copied' | 'saved'} done */
  async #try(run, done) {
    const { text } = this.#code;
    try {
      await run();
      this.#part('copied').textContent = this.#strings?.[done] ?? '';
    } catch {
      this.#part('copied').textContent = text;
    }
  }
}
