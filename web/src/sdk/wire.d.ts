// The wire of scan.v1 as the gateway's own types have it. A test writes this file (src/docs/tests/typescript.rs):
// UPDATE_GOLDEN=1 cargo test --lib docs

/** Whatever the gateway tells a page. */
export type ServerEvent =
  | StateEvent
  | ControlEvent;

/** A state event: the whole truth about a scene. */
export type StateEvent =
  | Pending
  | Scanned
  | Verifying
  | Authorized
  | Rejected
  | Expired
  | Cancelled
  | Failed;

/** The code waits to be scanned. The only event with the secret. */
export interface Pending {
  type: 'pending';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** When the state ends, epoch milliseconds by the gateway's clock. */
  expires_at: number;
  /** Resumes the scene. Only ever told to its owner. */
  secret: string;
  /** The flow really used: `h5` may stand in for `official_account`. */
  flow: Flow;
  /** WeChat's own login page, in `website`. */
  embed_url?: string;
  /** The code, in `h5` and `official_account`. */
  qr?: Qr;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** How the phone proves who it is. */
export type Flow =
  /** The gateway's own page inside WeChat. */
  | 'h5'
  /** A parametric QR of a service account. */
  | 'official_account'
  /** WeChat's own login page for websites. */
  | 'website';

/** What the phone must scan. */
export interface Qr {
  /** The text inside. */
  text: string;
  /** Drawn as SVG with its quiet zone, unless `start` said no. */
  svg?: string;
}

/** WeChat has proved who scanned; they are asked on the phone. */
export interface Scanned {
  type: 'scanned';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** When the state ends, epoch milliseconds by the gateway's clock. */
  expires_at: number;
  /** Only ever `true`: this is not news. */
  replay?: true;
  /** Who, when they are known here; masked unless the operator wants more. */
  user?: Person;
}

/** What is shown of a person. */
export interface Person {
  /** The address of their picture, at the gateway. */
  avatar?: string;
  /** What they call themselves in WeChat. */
  name?: string;
}

/** They said yes, and the phone shows digits that are to be typed on the page. A wrong code gives another one. */
export interface Verifying {
  type: 'verifying';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** When the state ends, epoch milliseconds by the gateway's clock. */
  expires_at: number;
  /** How many digits there are. */
  code_length: number;
  /** How many more codes may be tried. */
  tries_left: number;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** They said yes: redeem the grant. */
export interface Authorized {
  type: 'authorized';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** When the state ends, epoch milliseconds by the gateway's clock. */
  expires_at: number;
  /** Good once, and with the verifier only. */
  grant: string;
  /** Who is about to be signed in. */
  user: Person;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** They said no, or may not sign in. */
export interface Rejected {
  type: 'rejected';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** Who said no. */
  by: RejectedBy;
  /** Which rule it was, where it was one: `too_many_wrong_codes`. */
  reason?: string;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** Who rejected. */
export type RejectedBy =
  /** The person with the phone. */
  | 'user'
  /** A rule of the gateway. */
  | 'policy';

/** Its time is over. */
export interface Expired {
  type: 'expired';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** The page gave it up. */
export interface Cancelled {
  type: 'cancelled';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** It cannot go on. */
export interface Failed {
  type: 'failed';
  /** Numbers the scene's events from 1. */
  seq: number;
  /** The scene's id. */
  scene: string;
  /** When the state began, epoch milliseconds. */
  at: number;
  /** For support and logs. */
  trace_id: string;
  /** Why. */
  error: WireError;
  /** Only ever `true`: this is not news. */
  replay?: true;
}

/** An error in an event. */
export interface WireError {
  /** Its number: the HTTP status times 100, plus n. */
  code: ErrorCode;
  /** Its name. */
  name: ErrorName;
  /** The sentence for the person. */
  message: string;
  /** Whether the same may succeed later. */
  retryable: boolean;
  /** Why the session was ended, where that is what is wrong. */
  reason?: SessionEndReason;
  /** When to come back, where waiting helps. */
  retry_after_ms?: number;
}

/** The number of an error: the HTTP status times 100, plus n. */
export type ErrorCode =
  /** `bad_request`: The request makes no sense: a doubled parameter, a body that is not JSON. */
  | 40000
  /** `bad_message`: A command that breaks the protocol; a bug of the caller. */
  | 40001
  /** `bad_grant`: Unknown, expired, burnt, or shown with another verifier. */
  | 40002
  /** `wrong_digits`: The digits of a number match were wrong once too often. */
  | 40003
  /** `bad_username`: A user name with other characters than those allowed, or too few or too many of them. */
  | 40004
  /** `bad_password`: A new password that is too short, too long, or cannot be typed. */
  | 40005
  /** `weak_password`: A new password that is guessed early. */
  | 40006
  /** `unauthenticated`: No credentials where some are needed. */
  | 40100
  /** `token_expired`: The access token is past its end; refreshing helps. */
  | 40101
  /** `session_revoked`: The session was ended by its owner, an operator or a theft alarm. */
  | 40102
  /** `login_too_old`: The session is good, but was opened too long ago for this; refreshing does not help. */
  | 40103
  /** `bad_credentials`: No such user name or not its password: the same answer for both. */
  | 40104
  /** `origin_refused`: Origin not on the app's list, or no such app. */
  | 40300
  /** `refused_by_policy`: Flow not enabled, `return_to` not listed. */
  | 40301
  /** `not_found`: No such thing. */
  | 40400
  /** `scene_not_found`: Unknown scene or wrong secret: the same answer for both. */
  | 40401
  /** `method_not_allowed`: No method like that on this address. */
  | 40500
  /** `too_slow`: No first command in time. */
  | 40800
  /** `state_conflict`: The scene is not in a state for this; never closes a socket. */
  | 40900
  /** `taken_over`: Another socket took the scene over. */
  | 40901
  /** `name_taken`: Somebody signs in with that user name already. */
  | 40902
  /** `account_exists`: There is a user name and password already, where one would be added. */
  | 40903
  /** `scene_redeemed`: The grant of this scene was redeemed: it is over. */
  | 41000
  /** `too_large`: Body or frame over its bound. */
  | 41300
  /** `misdirected`: Asked for under a name that is not this gateway's. */
  | 42100
  /** `version_unsupported`: `scan.v1` not offered. */
  | 42600
  /** `rate_limited`: Over a limit; `retry_after_ms` tells when to come back. */
  | 42900
  /** `internal`: A bug or a broken machine; the log has the trace id. */
  | 50000
  /** `wechat_failed`: WeChat answered with an error. */
  | 50200
  /** `wechat_unreachable`: WeChat could not be reached. */
  | 50201
  /** `overloaded`: Full, or a store is away. */
  | 50300
  /** `draining`: This node is going away. */
  | 50301
  /** `wechat_timeout`: WeChat did not answer in time. */
  | 50400;

/** The name of an error. */
export type ErrorName =
  /** The request makes no sense: a doubled parameter, a body that is not JSON. */
  | 'bad_request'
  /** A command that breaks the protocol; a bug of the caller. */
  | 'bad_message'
  /** Unknown, expired, burnt, or shown with another verifier. */
  | 'bad_grant'
  /** The digits of a number match were wrong once too often. */
  | 'wrong_digits'
  /** A user name with other characters than those allowed, or too few or too many of them. */
  | 'bad_username'
  /** A new password that is too short, too long, or cannot be typed. */
  | 'bad_password'
  /** A new password that is guessed early. */
  | 'weak_password'
  /** No credentials where some are needed. */
  | 'unauthenticated'
  /** The access token is past its end; refreshing helps. */
  | 'token_expired'
  /** The session was ended by its owner, an operator or a theft alarm. */
  | 'session_revoked'
  /** The session is good, but was opened too long ago for this; refreshing does not help. */
  | 'login_too_old'
  /** No such user name or not its password: the same answer for both. */
  | 'bad_credentials'
  /** Origin not on the app's list, or no such app. */
  | 'origin_refused'
  /** Flow not enabled, `return_to` not listed. */
  | 'refused_by_policy'
  /** No such thing. */
  | 'not_found'
  /** Unknown scene or wrong secret: the same answer for both. */
  | 'scene_not_found'
  /** No method like that on this address. */
  | 'method_not_allowed'
  /** No first command in time. */
  | 'too_slow'
  /** The scene is not in a state for this; never closes a socket. */
  | 'state_conflict'
  /** Another socket took the scene over. */
  | 'taken_over'
  /** Somebody signs in with that user name already. */
  | 'name_taken'
  /** There is a user name and password already, where one would be added. */
  | 'account_exists'
  /** The grant of this scene was redeemed: it is over. */
  | 'scene_redeemed'
  /** Body or frame over its bound. */
  | 'too_large'
  /** Asked for under a name that is not this gateway's. */
  | 'misdirected'
  /** `scan.v1` not offered. */
  | 'version_unsupported'
  /** Over a limit; `retry_after_ms` tells when to come back. */
  | 'rate_limited'
  /** A bug or a broken machine; the log has the trace id. */
  | 'internal'
  /** WeChat answered with an error. */
  | 'wechat_failed'
  /** WeChat could not be reached. */
  | 'wechat_unreachable'
  /** Full, or a store is away. */
  | 'overloaded'
  /** This node is going away. */
  | 'draining'
  /** WeChat did not answer in time. */
  | 'wechat_timeout';

/** Why a session is over. */
export type SessionEndReason =
  /** Its owner signed out in it. */
  | 'signed_out'
  /** Its owner ended it from the list of another session. */
  | 'signed_out_elsewhere'
  /** Its owner signed out everywhere. */
  | 'signed_out_everywhere'
  /** Another login took its place in the browser. */
  | 'replaced'
  /** A refresh token was shown that had been replaced: somebody has a copy. */
  | 'reuse'
  /** The grant that opened it was shown with another verifier. */
  | 'grant_burnt'
  /** The password of the account was changed in another session. */
  | 'password_changed'
  /** Its user turned out to be another one, and became one with them. */
  | 'merged'
  /** Its user was erased. */
  | 'erased'
  /** Its time is over. */
  | 'expired';

/** A control event: about the socket or its session, not a scene. */
export type ControlEvent =
  | Hello
  | Ping
  | Drain
  | Attached
  | SessionRevoked
  | Refused;

/** The first event of every socket. */
export interface Hello {
  type: 'hello';
  /** The version of the protocol: 1. */
  v: number;
  /** The gateway's clock, epoch milliseconds. */
  now: number;
  /** How often it pings. */
  ping_interval_ms: number;
  /** The gateway's name among several. */
  node: string;
}

/** Asks for `pong`. */
export interface Ping {
  type: 'ping';
  /** The gateway's clock, epoch milliseconds. */
  now: number;
}

/** This node goes away: come back after the time, to any. */
export interface Drain {
  type: 'drain';
  /** How long to wait. */
  reconnect_in_ms: number;
}

/** The socket is a channel of this session. */
export interface Attached {
  type: 'attached';
  /** The session's id. */
  session_id: string;
}

/** The session is over; the socket closes. */
export interface SessionRevoked {
  type: 'session_revoked';
  /** The session's id. */
  session_id: string;
  /** Why. One that is not known means: it is over. */
  reason: SessionEndReason;
}

/** A command was refused, or a close follows. */
export interface Refused {
  type: 'error';
  /** What is wrong. */
  error: WireError;
  /** The type of the command refused. */
  ref?: CommandName;
}

/** What a page may say. */
export type CommandName =
  /** Opens a scene. */
  | 'start'
  /** Takes an open or ended scene over. */
  | 'resume'
  /** A new scene on this socket, with everything of `start`. */
  | 'refresh'
  /** The digits that the phone shows. */
  | 'verify'
  /** Ends the scene. */
  | 'cancel'
  /** Opens a session's channel instead of a scene. */
  | 'attach'
  /** Answers `ping`. */
  | 'pong';

/** The states of a scene that are told. */
export type StateName =
  /** The code waits to be scanned. The only event with the secret. */
  | 'pending'
  /** WeChat has proved who scanned; they are asked on the phone. */
  | 'scanned'
  /** They said yes, and the phone shows digits that are to be typed on the page. A wrong code gives another one. */
  | 'verifying'
  /** They said yes: redeem the grant. */
  | 'authorized'
  /** They said no, or may not sign in. */
  | 'rejected'
  /** Its time is over. */
  | 'expired'
  /** The page gave it up. */
  | 'cancelled'
  /** It cannot go on. */
  | 'failed';

/** One command, read and checked as far as it can be without knowing the gateway's state. */
export type Command =
  | Start
  | Resume
  | Refresh
  | Verify
  | Cancel
  | Attach
  | Pong;

/** Opens a scene. */
export interface Start {
  type: 'start';
  /** PKCE S256: the SHA-256 of the verifier, base64url. */
  challenge: string;
  /** Else `default`. */
  app?: string;
  /** The flow asked for; else the app's default. */
  flow?: Flow;
  /** The language of error messages. */
  locale?: Locale;
  /** Where a flow that leaves the page returns to: one of the app's `return_urls`, as it is written there. */
  return_to?: string;
  /** Whether the code comes drawn; it does unless this is `false`. */
  svg?: boolean;
}

/** The languages that sentences exist in. */
export type Locale =
  /** Simplified Chinese: what WeChat's users read. */
  | 'zh-CN'
  /** English. */
  | 'en';

/** Takes an open or ended scene over. */
export interface Resume {
  type: 'resume';
  /** The scene's id. */
  scene: string;
  /** The scene's secret. */
  secret: string;
  /** The last event seen; 0 for none. */
  seq: number;
}

/** A new scene on this socket, with everything of `start`. */
export interface Refresh {
  type: 'refresh';
}

/** The digits that the phone shows. */
export interface Verify {
  type: 'verify';
  /** What the person typed: `code_length` digits. */
  code: string;
}

/** Ends the scene. */
export interface Cancel {
  type: 'cancel';
}

/** Opens a session's channel instead of a scene. */
export interface Attach {
  type: 'attach';
  /** The session's access token. Opaque here: a malformed one is a wrong one. */
  access_token: string;
}

/** Answers `ping`. */
export interface Pong {
  type: 'pong';
}

/** Why a socket is closed. */
export type CloseCode =
  /** `finished`: Nothing more will come. The page stops. */
  | 1000
  /** `gone`: The browser fell silent. The page resumes after the back-off. */
  | 1001
  /** `protocol_error`: Broken framing. The page stops: a bug. */
  | 1002
  /** `binary_refused`: A binary frame. The page stops: a bug. */
  | 1003
  /** `not_utf8`: Text that is not UTF-8. The page stops: a bug. */
  | 1007
  /** `too_big, too_large`: A frame over 4096 bytes. The page stops: a bug. */
  | 1009
  /** `internal, wechat_failed, wechat_unreachable, wechat_timeout`: An error on the gateway's side. The page resumes after the back-off. */
  | 1011
  /** `restart, draining`: This node is going away, or the gateways have lost track of which socket holds the scene. The page resumes after `reconnect_in_ms`, else after 1–10 s at random. */
  | 1012
  /** `overloaded`: Full, or a store is away. The page resumes after `retry_after_ms`, 5 s at least. */
  | 1013
  /** `bad_message`: A command broke the protocol. The page stops: a bug. */
  | 4400
  /** `unauthenticated, token_expired, session_revoked`: The token of `attach` was refused. The page refreshes it and attaches again. */
  | 4401
  /** `origin_refused, refused_by_policy`: Not allowed. The page stops and says so. */
  | 4403
  /** `scene_not_found`: No such scene here, also after a restart without a shared store. The page starts again. */
  | 4404
  /** `too_slow`: No first command in time. The page says it again. */
  | 4408
  /** `taken_over`: Another socket resumed the scene. The page stops quietly. */
  | 4409
  /** `scene_redeemed`: The login is complete. The page stops. */
  | 4410
  /** `version_unsupported`: `scan.v1` was not offered. The page reloads. */
  | 4426
  /** `rate_limited`: Over a limit. The page waits for `retry_after_ms`. */
  | 4429;

/** An answer that is none of errors. */
export interface Answer {
  /** Always 0. */
  code: 0;
  /** Always `ok`. */
  message: 'ok';
  /** What was asked for. */
  data: unknown;
  /** Quote it when you ask for help. */
  request_id: string;
}

/** An answer that says what is wrong. */
export interface Failure {
  /** Its number: the HTTP status times 100, plus n. */
  code: ErrorCode;
  /** Its name. */
  name: ErrorName;
  /** The sentence for the person. */
  message: string;
  /** Why the session was ended, of 40102. */
  reason?: SessionEndReason;
  /** Quote it when you ask for help. */
  request_id?: string;
  /** When to come back, where waiting helps. */
  retry_after_ms?: number;
}

/** One product that signs people in here. */
export interface App {
  /** What calls name it by. */
  id: string;
  /** What people call it. */
  name: string;
}

/** Whether the page asks before it redeems. */
export type ConfirmInBrowser =
  /** When the tab already belongs to another user. */
  | 'auto'
  /** Each time. */
  | 'always'
  /** Not at all. */
  | 'never';

/** A user name and its password. */
export interface Credentials {
  /** 3 to 64 of `a-z`, `0-9` and `._@-`; large letters count as small ones. */
  username: string;
  /** At most 128 characters of any script, no control characters. */
  password: string;
  /** Else `default`. */
  app?: string;
}

/** What a grant is redeemed with. */
export interface GrantBody {
  /** Of the event `authorized`. */
  grant: string;
  /** That of the challenge in `start`. */
  verifier: string;
}

/** A session and its access token. */
export interface Issued {
  /** A JWT, for `Authorization: Bearer`. Keep it in memory only. */
  access_token: string;
  /** Always `Bearer`. */
  token_type: 'Bearer';
  /** Seconds until it has to be refreshed. */
  expires_in: number;
  /** The session's id. */
  session_id: string;
  /** Who is signed in. */
  user: User;
}

/** A user, as they see themselves. */
export interface User {
  /** Never used again, whatever becomes of the user. */
  id: string;
  /** The address of their picture, at the gateway. */
  avatar?: string;
  /** What they call themselves in WeChat. */
  name?: string;
}

/** One session, as its owner sees it. */
export interface ListedSession {
  /** What it is ended by. */
  id: string;
  /** Whether it is the one that asks. */
  current: boolean;
  /** The app it is of. */
  app: string;
  /** The browser, in words. */
  browser: string;
  /** The operating system, in words. */
  system: string;
  /** Where it was last refreshed. */
  ip: string;
  /** When it was opened, epoch milliseconds. */
  created_at: number;
  /** When it was last refreshed, epoch milliseconds. */
  last_seen_at: number;
  /** Where that is, when it is known. */
  place?: string;
}

/** What to sign out of. */
export interface LogoutBody {
  /** Else `default`. */
  app?: string;
  /** Whether all sessions of the user end, in all apps. */
  everywhere?: boolean;
}

/** Nothing is asked for, or told. */
export interface Nothing {
}

/** What a login page needs to begin. */
export interface PageConfig {
  /** For whom it signs in. */
  app: App;
  /** Those that `start` may ask for. */
  flows: Flow[];
  /** What `start` without a flow takes. */
  default_flow: Flow;
  /** Whether the page asks before it redeems. */
  confirm_in_browser: ConfirmInBrowser;
  /** Only ever `true`: there are accounts with a password. */
  accounts?: true;
  /** In sandbox mode. */
  sandbox?: SandboxConfig;
}

/** What there is in sandbox mode alone. */
export interface SandboxConfig {
  /** The simulated phone; with `?scan=` and the text of a code it has it scanned. */
  phone_url: string;
}

/** A password and the one to come after it. */
export interface PasswordBody {
  /** That of now. */
  current: string;
  /** That of the future. */
  new: string;
}

/** Whose cookie is to be refreshed. */
export interface RefreshBody {
  /** Else `default`. */
  app?: string;
}

/** Who is signed in, and in which session. */
export interface SignedIn {
  /** Who is signed in. */
  user: User;
  /** The session's id. */
  session_id: string;
}

/** Opens a scene. */
export interface StartBody {
  /** PKCE S256: the SHA-256 of the verifier, base64url. */
  challenge: string;
  /** Else `default`. */
  app?: string;
  /** The flow asked for; else the app's default. */
  flow?: Flow;
  /** The language of error messages. */
  locale?: Locale;
  /** Where a flow that leaves the page returns to: one of the app's `return_urls`, as it is written there. */
  return_to?: string;
  /** Whether the code comes drawn; it does unless this is `false`. */
  svg?: boolean;
}

/** The digits that the phone shows. */
export interface VerifyBody {
  /** What the person typed: `code_length` digits. */
  code: string;
}
