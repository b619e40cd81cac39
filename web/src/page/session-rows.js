// The list of sessions on the page. Knows elements, not the network.

/** @import { ListState } from './session-list.js' */
/** @import { ListedSession } from '../session/index.js' */
/** @import { Locale } from '../sdk/protocol.js' */
/** @import { Strings } from './i18n/zh-cn.js' */

import { fill } from '../element/words.js';
import { ago, day, machineTime, moment } from './time-words.js';

/** @typedef {{ list: ListState, app: string, now: number, locale: Locale, strings: Strings }} ListPage */
/** @typedef {{ item: HTMLElement, device: HTMLElement, mark: HTMLElement, where: HTMLElement, seen: HTMLTimeElement, since: HTMLTimeElement, end: HTMLButtonElement }} Row */

export class SessionRows {
  #holder;
  #end;
  /** @type {Map<string, Row>} */
  #rows = new Map();

  /**
   * @param {HTMLElement} holder
   * @param {(id: string, device: string) => void} end
   */
  constructor(holder, end) {
    this.#holder = holder;
    this.#end = end;
  }

  /** @param {ListPage} page */
  show(page) {
    const sessions = page.list.name === 'ready' ? page.list.sessions : [];
    for (const [id, { item }] of this.#rows) {
      if (sessions.some((each) => each.id === id)) continue;
      item.remove();
      this.#rows.delete(id);
    }
    sessions.forEach((session, index) => {
      const row = this.#rows.get(session.id) ?? this.#newRow(session);
      this.#showRow(row, session, page);
      const there = this.#holder.children[index];
      if (there !== row.item) this.#holder.insertBefore(row.item, there ?? null);
    });
  }

  /** @param {Row} row @param {ListedSession} session @param {ListPage} page */
  #showRow({ item, device, mark, where, seen, since, end }, session, { list, app, now, locale, strings: s }) {
    const { current, ip, place, created_at, last_seen_at } = session;
    const ending = list.name === 'ready' && list.ending.has(session.id);
    item.dataset.current = String(current);
    say(device, deviceOf(session));
    say(mark, current ? s.sessionHere : '');
    say(where, [place, ip, session.app === app ? '' : session.app].filter(Boolean).join(' · '));
    say(seen, current ? s.sessionActive : fill(s.sessionSeen, { time: ago(last_seen_at, now, locale) }));
    date(seen, last_seen_at, locale);
    say(since, fill(s.sessionSince, { date: day(created_at, locale) }));
    date(since, created_at, locale);
    end.hidden = current;
    // It keeps the focus while it is busy, which a disabled button would lose.
    end.setAttribute('aria-disabled', String(ending));
    say(end, ending ? s.appSigningOut : s.appSignOut);
    end.setAttribute('aria-label', `${end.textContent}: ${[deviceOf(session), place ?? ip].join(' · ')}`);
  }

  /** @param {ListedSession} session @returns {Row} */
  #newRow(session) {
    const of = this.#holder.ownerDocument;
    const item = of.createElement('li');
    const facts = of.createElement('div');
    const row = {
      item,
      device: child(facts, 'strong', 'device'), mark: child(facts, 'span', 'mark'), where: child(facts, 'span', 'where'),
      seen: child(child(facts, 'span', 'when'), 'time'), since: child(child(facts, 'span', 'when'), 'time'),
      end: of.createElement('button'),
    };
    row.end.type = 'button';
    row.end.className = 'button plain';
    row.end.addEventListener('click', () => {
      if (row.end.getAttribute('aria-disabled') !== 'true') this.#end(session.id, deviceOf(session));
    });
    item.append(facts, row.end);
    this.#rows.set(session.id, row);
    return row;
  }
}

/** @param {ListedSession} session */
function deviceOf({ browser, system }) {
  return `${browser} · ${system}`;
}

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {HTMLElement} parent
 * @param {Tag} tag
 * @param {string} [className]
 */
function child(parent, tag, className = '') {
  const element = parent.ownerDocument.createElement(tag);
  if (className) element.className = className;
  parent.append(element);
  return element;
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {HTMLTimeElement} element @param {number} then @param {Locale} locale */
function date(element, then, locale) {
  element.dateTime = machineTime(then);
  element.title = moment(then, locale);
}
