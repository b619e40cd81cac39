// One browser, one session in it that nobody has asked yet, and a gateway that answers what the test says.

import { FakeBrowser } from './fake-browser.js';
import { FakeFetch, ok } from './fake-fetch.js';
import { FakeClock, settle } from './fake-time.js';

export const user = { id: 'u1', name: '李小龙' };
export const token = { access_token: 'jwt', token_type: 'Bearer', expires_in: 600, session_id: 's1', user };
export const here = { type: 'signed_in', user, session_id: 's1' };
/** Of somebody else. */
export const theirs = { ...token, access_token: 'theirs', session_id: 's2', user: { id: 'u2' } };

export class SessionStage {
  clock = new FakeClock();
  http = new FakeFetch();
  browser = new FakeBrowser({ clock: this.clock, fetch: this.http.fetch });
  gateway = this.browser.gateway;
  session = this.browser.tab();

  signedIn = async (each = this.session) => {
    this.http.answers.push(ok(token));
    await each.renew();
    return each;
  };

  /** The newest socket is that session's. */
  attached = async (session_id = 's1') => {
    this.gateway.welcome();
    await settle();
    this.gateway.say({ type: 'attached', session_id });
  };

  revoked = (reason, session_id = 's1') => this.gateway.say({ type: 'session_revoked', session_id, ...(reason && { reason }) });

  /** Until the next timer. */
  next = async () => {
    this.clock.advance(this.clock.next);
    await settle();
  };
}
