// The card, state by state.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { LANGUAGES, Stage } from './fake-page.js';
import { settle } from './fake-time.js';

const { en } = LANGUAGES;

let stage, clock, config, part, button;

beforeEach(() => {
  stage = new Stage();
  ({ clock, config, part, button } = stage);
});

const show = (state, connection) => stage.show(state, connection);
const pending = (more) => stage.pending(more);
const authorized = (user) => stage.authorized(user);
const says = (id) => part(id).textContent;
/** Moves on, and lets the card follow. */
async function passes(ms) {
  clock.advance(ms);
  await settle();
}

/** What happens to the texts of these parts, once this is done. */
async function touched(ids, act) {
  const observer = new stage.window.MutationObserver(() => {});
  for (const id of ids) observer.observe(part(id), { childList: true, characterData: true, subtree: true });
  await act();
  return observer.takeRecords();
}

test('a code is shown as a picture with words for it, which name the way without a second device', async () => {
  await show(pending());
  assert.equal(part('card').className, 'code');
  assert.match(part('qr').src, /^data:image\/svg\+xml,%3Csvg/);
  assert.equal(part('qr').alt, en.qr);
  assert.match(en.qr, /On this device alone/);
  assert.equal(says('status'), en.pending);
  assert.equal(says('app'), 'Shop');
});

test('the ring runs down, and turns amber for the last 20 s with a way to keep the code', async () => {
  await show(pending());
  await passes(60_000);
  assert.equal(part('frame').style.getPropertyValue('--gone'), '0.5turn');
  assert.equal(button('renew'), null);
  await passes(40_000);
  assert.equal(part('card').className, 'code last');
  assert.equal(says('hint'), 'Renews by itself in 20 s');
  button('renew').click();
  assert.equal(stage.login.did.at(-1), 'refresh');
});

test('that the code may be kept is said aloud, once', async () => {
  await show(pending());
  assert.equal(says('aloud'), '');
  await passes(101_000);
  assert.equal(says('aloud'), en.keepAloud);
  assert.deepEqual(await touched(['aloud'], () => passes(15_000)), []);
});

test('the live regions are touched by states, never by seconds', async () => {
  await show(pending());
  assert.deepEqual(await touched(['status', 'bar', 'polling'], () => passes(110_000)), []);
  assert.equal(says('hint'), 'Renews by itself in 10 s');
});

test('a name is text, whatever it looks like', async () => {
  await show(stage.scanned({ user: { name: '<img src=x onerror=alert(1)>' } }));
  assert.equal(says('name'), '<img src=x onerror=alert(1)>');
  assert.equal(part('name').children.length, 0);
  assert.equal(part('qr').alt, '');
});

test('not you? is a new code', async () => {
  await show(stage.scanned());
  assert.equal(button('renew').textContent, en.notYou);
  button('renew').click();
  assert.equal(stage.login.did.at(-1), 'refresh');
});

test('a scan by somebody not known shows nobody', async () => {
  await show(stage.scanned());
  assert.equal(says('name'), '');
});

test('authorized: redeemed once, and the person is seen until the page goes on', async () => {
  await show(pending());
  let redeemed;
  stage.login.answer = () => new Promise((resolve) => { redeemed = resolve; });
  await show(authorized({ name: '李小龙' }));
  await show(stage.login.state, 'lost');
  assert.deepEqual(stage.login.did.filter((each) => each === 'redeem'), ['redeem']);
  assert.deepEqual([says('face'), says('status')], ['李', en.authorized]);
  redeemed({ user: { id: 'u', name: '李小龙' }, session_id: 's' });
  await settle();
  assert.deepEqual([says('face'), says('status')], ['李', en.authorized]);
  assert.equal(stage.heard('signed_in')[0].session_id, 's');
});

test('a browser that belongs to somebody else asks first', async () => {
  stage.host.session.here = { id: 'u2', name: '王小明' };
  await show(authorized({ name: '李小龙' }));
  assert.equal(stage.login.did.includes('redeem'), false);
  assert.deepEqual([says('status'), says('hint')], [en.confirm, 'This browser is signed in as 王小明']);
  button('confirm').click();
  await settle();
  assert.equal(stage.login.state.type, 'signed_in');
});

test('the same person again is not asked', async () => {
  stage.host.session.here = { id: 'u2', name: '王小明' };
  await show(authorized({ id: 'u2', name: '王小明' }));
  assert.equal(stage.login.state.type, 'signed_in');
});

test('who is here is asked once, and not waited for', async () => {
  let asked = 0;
  stage.host.session.whoIsHere = () => {
    asked += 1;
    return new Promise(() => {});
  };
  await show(stage.scanned());
  await show(authorized({ name: 'A' }));
  assert.equal(stage.login.state.type, 'authorized');
  await passes(3_000);
  assert.deepEqual([stage.login.state.type, asked], ['signed_in', 1]);
});

test('always asks, never does not, the page’s word goes before the gateway’s; not me is a new code', async () => {
  for (const [says, wanted, asks] of [['always', '', true], ['never', '', false], ['never', 'always', true], ['always', 'never', false]]) {
    stage = new Stage();
    stage.config.confirm_in_browser = says;
    stage.host.confirm = wanted;
    stage.host.session.here = { id: 'u2' };
    await stage.show(stage.authorized({ name: 'A' }));
    assert.equal(stage.login.state.type, asks ? 'authorized' : 'signed_in', `${says}, ${wanted}`);
    if (!asks) continue;
    stage.button('renew').click();
    assert.equal(stage.login.did.at(-1), 'refresh');
  }
});

test('without a session client nobody is known to be here', async () => {
  stage.host.session = null;
  await show(authorized({ name: 'A' }));
  assert.equal(stage.login.state.type, 'signed_in');
});

test('what the gateway wants asked is waited for', async () => {
  let configure;
  stage.config = new Promise((resolve) => { configure = resolve; });
  await show(authorized({ name: 'A' }));
  assert.equal(stage.login.state.type, 'authorized');
  configure({ app: { id: 'default', name: 'Shop' }, flows: ['h5'], default_flow: 'h5', confirm_in_browser: 'always' });
  await settle();
  assert.equal(says('status'), en.confirm);
});

test('a grant that cannot be redeemed is said to have failed', async () => {
  await show(pending());
  const error = { code: 40002, name: 'bad_grant', message: 'This sign-in ticket is not valid any more.' };
  stage.login.answer = async () => { throw error; };
  await show(authorized({ name: 'A' }));
  assert.deepEqual([says('status'), says('hint'), says('note')], [en.failed, error.message, '40002']);
  stage.login.answer = async () => { throw {}; };
  await show(authorized({ name: 'A' }));
  assert.equal(says('note'), 'no_answer');
});

test('every other state has its sentence in both languages', async () => {
  const event = stage.gateway.state('rejected', 2, { by: 'user' });
  const states = [
    [{ type: 'opening' }, 'opening'], [event, 'rejected'], [{ ...event, by: 'policy' }, 'policy'],
    [{ type: 'expired' }, 'expired'], [stage.gateway.state('expired', 2), 'expired'], [stage.gateway.state('cancelled', 2), 'cancelled'],
    [{ type: 'failed', error: { code: 1, name: 'x', message: '' } }, 'failed'],
    [{ type: 'waiting', error: { code: 50300, message: '' }, until: clock.now() }, 'waiting'],
    ...['taken_over', 'redeemed', 'outdated', 'insecure'].map((reason) => [{ type: 'stopped', reason }, reason]),
    [{ type: 'stopped', reason: 'closed' }, 'cancelled'],
  ];
  for (const [locale, words] of Object.entries(LANGUAGES)) {
    await stage.speak(locale);
    for (const [state, key] of states) {
      await show(state);
      assert.equal(says('status'), words[key], key);
    }
  }
});

test('a wait is said in the gateway’s words, and counted down with its reference', async () => {
  const error = { code: 42900, name: 'rate_limited', message: 'Too many tries. Please wait a moment.' };
  await show({ type: 'waiting', error, until: clock.now() + 9_000, trace_id: 'r1' });
  assert.deepEqual([says('status'), says('hint'), says('note')], [error.message, 'Trying again in 9 s', '42900 · r1']);
  await passes(4_000);
  assert.equal(says('hint'), 'Trying again in 5 s');
});

test('a lost link is a thin bar over a code that is still good', async () => {
  await show(pending(), 'lost');
  assert.deepEqual([says('bar'), part('card').className], [en.lost, 'code']);
  for (const connection of ['sse', 'poll']) {
    await show(stage.login.state, connection);
    assert.deepEqual([says('bar'), says('polling')], ['', en.polling]);
  }
  await show({ type: 'expired' }, 'poll');
  assert.equal(says('polling'), '');
});

test('a login that is complete elsewhere: the page goes on, or is loaded anew', async () => {
  await show({ type: 'stopped', reason: 'redeemed' });
  button('enter').click();
  assert.equal(stage.reloads, 1);
  stage.host.addEventListener('enter', (event) => event.preventDefault());
  button('enter').click();
  assert.deepEqual([stage.reloads, stage.heard('enter').length], [1, 2]);
});

test('an outdated page is loaded anew when the person wants it', async () => {
  await show({ type: 'stopped', reason: 'outdated' });
  assert.equal(stage.reloads, 0);
  button('reload').click();
  assert.equal(stage.reloads, 1);
});

test('focus moves on only when the pressed button is gone because of the press', async () => {
  await show(pending());
  await show({ type: 'expired' });
  assert.equal(stage.root.activeElement, null);
  button('renew').focus();
  button('renew').click();
  await show(pending());
  assert.equal(stage.root.activeElement, part('status'));
});

test('focus that is elsewhere on the page stays there', async () => {
  const field = stage.document.body.appendChild(stage.document.createElement('input'));
  await show({ type: 'expired' });
  button('renew').click();
  field.focus();
  await show(pending());
  await show(stage.gateway.state('verifying', 3, { code_length: 2, tries_left: 3 }));
  assert.equal(stage.document.activeElement, field);
});

test('a button under the finger never changes its meaning', async () => {
  await show(pending());
  const help = button('help');
  await show(stage.scanned());
  assert.equal(help.isConnected, false);
  assert.notEqual(button('renew'), help);
});

test('the sentence is told to the page each time it changes', async () => {
  await show(pending());
  await passes(30_000);
  await show(stage.scanned());
  await stage.speak('zh-CN');
  assert.deepEqual(stage.heard('status'), [en.opening, en.pending, en.scanned, LANGUAGES['zh-CN'].scanned]);
});

test('a login that has ended on this side says nothing more', async () => {
  await show(pending());
  stage.end();
  const before = stage.host.heard.length;
  await passes(60_000);
  assert.deepEqual([stage.host.heard.length, stage.login.did.at(-1), clock.next], [before, 'closed', null]);
});
