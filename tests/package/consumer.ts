// A program that uses all of the package. It is compiled, strictly, and never run: what it says of types has to hold.

import { createScanLogin, ScanLogin, ScanLoginError } from '@scangate/scan-login';
import type { Baton, Connection, Flow, Locale, LoginEvents, LoginState, ScanLoginOptions, SignedIn } from '@scangate/scan-login';
import '@scangate/scan-login/define';
import { define, ScanLoginElement } from '@scangate/scan-login/element';
import type { ScanLoginElementEvents } from '@scangate/scan-login/element';
import { words as english } from '@scangate/scan-login/i18n/en';
import { words as chinese } from '@scangate/scan-login/i18n/zh-cn';
import { ApiError, createSession, NoAnswer, SignedOutError } from '@scangate/scan-login/session';
import type { ListedSession, Session, SessionState, User } from '@scangate/scan-login/session';
import { WxLogin } from '@scangate/scan-login/wx-login';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Compiles when both types are one: `is<Wanted>()(value)`. */
const is = <Wanted>() => <Given>(_: Given, ..._differs: Same<Wanted, Given> extends true ? [] : [never]) => {};

// The headless login.
const options: ScanLoginOptions = {
  baseUrl: 'https://login.example.com', app: 'shop', flow: 'h5', returnTo: 'https://shop.example.com/', locale: 'en',
  autoRenew: 0, resume: null, signal: new AbortController().signal,
};
// @ts-expect-error: there is no such flow
createScanLogin({ flow: 'carrier_pigeon' });
// @ts-expect-error: options are spelt as they are
createScanLogin({ baseURL: '' });
const login = createScanLogin(options);
is<ScanLogin>()(login);
is<LoginState>()(login.state);
is<Connection>()(login.connection);
is<Baton | null>()(login.baton);
is<boolean>()(login.renewsItself);
is<number>()(login.now());
is<Flow>()('h5' as NonNullable<ScanLoginOptions['flow']>);
is<Locale>()('en' as NonNullable<ScanLoginOptions['locale']>);

login.addEventListener('pending', (event) => {
  is<LoginEvents['pending']>()(event);
  is<string | undefined>()(event.detail.qr?.svg);
});
login.addEventListener('statechange', ({ detail }) => is<LoginState>()(detail), { once: true });
// @ts-expect-error: a scan has no grant
login.addEventListener('scanned', ({ detail }) => detail.grant);
// @ts-expect-error: nothing is said by this name
login.addEventListener('pendign', () => {});

/** Each state, and what it has. @returns whether the login is over */
export function told(state: LoginState): string {
  switch (state.type) {
    case 'opening': return '';
    case 'pending': return state.qr?.text ?? state.embed_url ?? state.flow;
    case 'scanned': return state.user?.name ?? '';
    case 'verifying': return `${state.code_length} ${state.tries_left}`;
    case 'authorized': return state.grant + (state.user.avatar ?? '');
    case 'rejected': return state.by;
    case 'expired': return 'seq' in state ? String(state.seq) : '';
    case 'cancelled': return '';
    case 'failed': return state.error.message + (state.trace_id ?? '');
    case 'waiting': return new Date(state.until).toISOString();
    case 'stopped': return state.reason;
    case 'signed_in': return state.user.id;
  }
}

export async function signsIn(): Promise<SignedIn> {
  for await (const state of login) is<LoginState>()(state);
  is<Promise<SignedIn>>()(login.redeem());
  for (const nothing of [login.refresh(), login.cancel(), login.verify('07'), login.close()]) is<void>()(nothing);
  try {
    return await login.result();
  } catch (error) {
    if (error instanceof ScanLoginError) is<LoginState>()(error.state);
    throw error;
  }
}

// The session that comes of it.
const session = createSession({ baseUrl: 'https://login.example.com', app: 'shop', locale: () => 'zh-CN', origins: ['https://api.example.com'] });
is<Session>()(session);
is<SessionState>()(session.state);
session.addEventListener('signed_out', ({ detail }) => is<'signed_out'>()(detail.type));

export async function lives() {
  const state = await session.ready();
  if (state.type === 'signed_in') is<User>()(state.user);
  is<User | null>()(await session.whoIsHere());
  is<string>()(await session.getAccessToken());
  is<Response>()(await session.fetch('/api/orders', { method: 'POST', body: '{}' }));
  is<ListedSession[]>()(await session.sessions());
  await session.endSession('01990f3c');
  await session.signOut({ everywhere: true }).catch((error: unknown) => {
    if (error instanceof ApiError) is<number>()(error.error.code);
    return error instanceof NoAnswer || error instanceof SignedOutError;
  });
  session.close();
}
createScanLogin({ session });

// The element.
define();
const element = document.createElement('scan-login');
is<ScanLoginElement>()(element);
is<ScanLoginElement | null>()(document.querySelector('scan-login'));
element.baseUrl = 'https://login.example.com';
element.session = session;
element.strings = { pending: 'Scannen und anmelden' };
is<ScanLogin | null>()(element.login);
element.addEventListener('signed_in', (event) => {
  is<ScanLoginElementEvents['signed_in']>()(event);
  is<SignedIn>()(event.detail);
  is<ScanLoginElement>()(event.currentTarget as ScanLoginElement);
});
element.addEventListener('keydown', (event) => is<string>()(event.key));

is<string>()(english.pending);
is<typeof english.pending>()(chinese.pending);
new WxLogin({ id: 'login_container' });
