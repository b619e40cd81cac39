// Somebody with a phone, who signs in with one browser or several; and the cookie that others would like to have.

import { Desk } from './browser.mjs';
import { Phone } from './phone.mjs';

/** What a token is due after, and no session. */
export const NEARLY_A_TOKEN = '09:10';
/** How long a refresh cookie that was rotated out still gives its successor, and no further one is made. */
export const GRACE_MS = 10_000;
/** What a browser writes down of calls for a session that has ended. */
export const REFUSED = /status of 401/;

export class Person {
  #t;
  #stage;
  #phone;
  #isKnown = false;

  constructor(t, stage, user, phone) {
    this.#t = t;
    this.#stage = stage;
    this.#phone = phone;
    this.name = user.name;
  }

  /** Somebody new to the gateway. */
  static async comes(t, stage, id) {
    const user = await stage.gateway.addUser({ id, name: `Person ${id}` });
    return new Person(t, stage, user, await Phone.of(t, stage.browser, stage.gateway, user));
  }

  /**
   * A browser of theirs, signed in and attached. Its clock goes on by itself and can be moved. `firstCookie` is what the
   * login gave it, and old since the page opened.
   */
  async signsIn(options) {
    const desk = await Desk.open(this.#t, this.#stage.browser, this.#stage.gateway, options);
    const code = await desk.code();
    await clockOf(desk).install();
    const redeemed = desk.page.waitForResponse((answer) => new URL(answer.url()).pathname === '/api/v1/auth/token');
    if (this.#isKnown) await this.#phone.signsIn(code);
    else await this.#phone.signsInForTheFirstTime(code);
    this.#isKnown = true;
    desk.firstCookie = nameAndValue(await (await redeemed).headerValue('set-cookie'));
    await desk.isSignedInAs(this.name);
    await desk.isAttached();
    return desk;
  }

  /** Two tabs of one browser. */
  async signsInWithTwoTabs(options) {
    const first = await this.signsIn(options);
    const second = await first.anotherTab();
    await second.isSignedInAs(this.name);
    await second.isAttached();
    return [first, second];
  }
}

/** All tabs of a browser have one. @param {Desk} desk */
export function clockOf(desk) {
  return desk.page.context().clock;
}

/** @param {Desk} desk @param {string} name of a button */
export function press(desk, name) {
  return desk.page.getByRole('button', { name, exact: true }).click();
}

/** All tabs ask for a new token at the same moment, and get it. @param {Desk[]} tabs of one browser */
export async function allRenew(tabs) {
  const isRenewal = (answer) => new URL(answer.url()).pathname === '/api/v1/auth/refresh' && answer.status() === 200;
  const renewed = Promise.all(tabs.map(({ page }) => page.waitForResponse(isRenewal)));
  await clockOf(tabs[0]).fastForward(NEARLY_A_TOKEN);
  await renewed;
  for (const tab of tabs) await tab.sees(tab.words.renewsIn);
}

/** The refresh cookie, as whoever can read this computer's disk would have it. @param {Desk} desk */
export async function cookieOf(desk) {
  const debuggers = await desk.page.context().newCDPSession(desk.page);
  const { cookies } = await debuggers.send('Network.getCookies', { urls: [desk.gateway.origin] });
  const found = cookies.find(({ name }) => name === 'scangate');
  return found && `${found.name}=${found.value}`;
}

/** A stranger uses a cookie, with no browser; answers the status, and the next cookie if there is one. */
export async function useElsewhere({ origin }, cookie) {
  const headers = { 'content-type': 'application/json', origin, cookie };
  const answer = await fetch(`${origin}/api/v1/auth/refresh`, { method: 'POST', headers, body: '{}' });
  return { status: answer.status, cookie: nameAndValue(answer.headers.getSetCookie()[0]) };
}

/** @param {string | null | undefined} setCookie the value of that header */
function nameAndValue(setCookie) {
  return setCookie?.split(';')[0];
}
