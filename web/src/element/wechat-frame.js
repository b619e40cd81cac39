// WeChat's own page where the code would stand.

/** What its page needs to show a code, hear of the scan and go to the callback by itself; the window around it stays ours. */
const RIGHTS = 'allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox';

export class WeChatFrame {
  #place;
  /** @type {HTMLIFrameElement | null} */
  #frame = null;
  #url = '';

  /** @param {HTMLElement} place */
  constructor(place) {
    this.#place = place;
  }

  /** Each address gets a frame of its own: one that is led elsewhere leaves its steps in the history. @param {string} url '' for none @param {string} title */
  show(url, title) {
    this.#place.hidden = !url;
    if (url !== this.#url) {
      this.#url = url;
      this.#frame?.remove();
      this.#frame = url ? this.#newFrame(url) : null;
    }
    if (this.#frame && this.#frame.title !== title) this.#frame.title = title;
  }

  /** @param {string} url */
  #newFrame(url) {
    const frame = this.#place.ownerDocument.createElement('iframe');
    frame.width = '300';
    frame.height = '400';
    frame.referrerPolicy = 'no-referrer';
    // Signing in by the WeChat that runs on this computer: browsers ask before a page may reach it.
    frame.allow = 'local-network-access';
    frame.setAttribute('sandbox', RIGHTS);
    frame.src = url;
    this.#place.append(frame);
    return frame;
  }
}
