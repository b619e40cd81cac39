// Help for whoever has only the device that shows the code: the code as a picture, its link as text. Few need it: it is
// loaded when it is asked for.

/** @import { Words } from './i18n/en.js' */

import { h, say } from './elements.js';
import { adopt } from './style.js';

/** @typedef {{ svg: string, text: string }} Code */
/** @typedef {{ copy?: (text: string) => Promise<void>, save?: (svg: string) => Promise<void> }} HelpHandlers */

const CSS = `#dialog{margin:auto;width:min(376px,calc(100% - 32px));padding:24px;border:0;text-align:start}
#dialog::backdrop{background:rgb(10 12 14/45%)}
h2{font-size:17px;line-height:24px}
#dialog p{margin:12px 0 0;font-size:14px;line-height:22px}
#warning{color:var(--muted)}
#outcome{min-height:22px;overflow-wrap:anywhere;color:var(--ink)}
#dialog .actions{margin-top:8px}
#dialog .actions>*{flex:1}
#close{position:absolute;top:16px;inset-inline-end:16px}`;

/** Pixels to a module: sharp, and large enough for any album scanner. */
const MODULE_PX = 16;

export class HelpDialog {
  /** @type {Code} */
  #code = { svg: '', text: '' };
  /** @type {Words | null} */
  #words = null;
  #title = h('h2#title');
  #album = h('p#album');
  #link = h('p#link');
  #back = h('p#back');
  #warning = h('p#warning');
  #outcome = h('p#outcome', { role: 'status' });
  #close = h('button#close', { type: 'button', class: 'quiet' });
  #copy = h('button#copy', { type: 'button', class: 'plain' });
  #save = h('button#save', { type: 'button', class: 'solid' });
  #dialog = h('dialog#dialog', { 'aria-labelledby': 'title' },
    this.#title, this.#album, this.#link, this.#back, this.#warning, this.#outcome, h('div', { class: 'actions' }, this.#copy, this.#save), this.#close);

  /** @param {ShadowRoot} root @param {HelpHandlers} handlers */
  constructor(root, { copy = (text) => navigator.clipboard.writeText(text), save = saveCode }) {
    adopt(root, CSS);
    root.append(this.#dialog);
    this.#close.onclick = () => this.#dialog.close();
    this.#copy.onclick = () => void this.#try(() => copy(this.#code.text), 'copied');
    this.#save.onclick = () => void this.#try(() => save(this.#code.svg), 'saved');
  }

  /** @param {Code} code @param {boolean} isLink whether the code's text is of use without a scan @param {Words} w @param {string} lang */
  open(code, isLink, w, lang) {
    this.#words = w;
    this.#code = code;
    this.#dialog.lang = lang;
    /** @type {[Element, string][]} */
    const texts = [
      [this.#title, w.onlyPhone], [this.#album, w.helpAlbum], [this.#link, w.helpCopy], [this.#back, w.helpReturn], [this.#warning, w.helpWarning],
      [this.#outcome, ''], [this.#close, w.close], [this.#copy, w.copy], [this.#save, w.save],
    ];
    for (const [element, text] of texts) say(element, text);
    this.#copy.hidden = this.#link.hidden = !isLink;
    this.#dialog.showModal();
  }

  /** The code may be renewed meanwhile, or be gone. @param {Code | undefined} code */
  show(code) {
    if (code) this.#code = code;
    else this.#dialog.close();
  }

  /** Where it cannot be done, the link itself is there to be copied by hand. @param {() => Promise<void>} run @param {'copied' | 'saved'} done */
  async #try(run, done) {
    const { text } = this.#code;
    try {
      await run();
      say(this.#outcome, this.#words?.[done]);
    } catch {
      say(this.#outcome, text);
    }
  }
}

/** Saves the gateway's drawing as a picture for the phone's album, its quiet zone included. @param {string} svg */
async function saveCode(svg) {
  const side = Number(/viewBox="0 0 (\d+) \d+"/.exec(svg)?.[1]) * MODULE_PX;
  if (!side) throw new TypeError('not a drawing of a code');
  const png = await draw(svg.replace('<svg ', `<svg width="${side}" height="${side}" `), side);
  const link = h('a', { download: 'wechat-sign-in.png', href: URL.createObjectURL(png) });
  link.click();
  // The download has begun by then; the address is good for nothing else.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** @param {string} svg @param {number} side @returns {Promise<Blob>} */
async function draw(svg, side) {
  const image = h('img', { src: `data:image/svg+xml,${encodeURIComponent(svg)}` });
  await image.decode();
  const canvas = h('canvas', { width: side, height: side });
  canvas.getContext('2d')?.drawImage(image, 0, 0, side, side);
  return new Promise((resolve, reject) => {
    canvas.toBlob((png) => (png ? resolve(png) : reject(new Error('no picture'))), 'image/png');
  });
}
