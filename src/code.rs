//! Every error the gateway can tell somebody about, and every close code.
//!
//! This table is the only source of an error's number, name, HTTP status, WebSocket close code, retry
//! advice, both sentences and metrics label. The names and numbers are `web/PROTOCOL.md`'s.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One line of the table below.
struct Row {
    number: u32,
    name: &'static str,
    close: Option<u16>,
    retryable: bool,
    zh: &'static str,
    en: &'static str,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $number:literal $name:literal $close:expr, $retry:literal, $zh:literal, $en:literal;)*) => {
        /// An error as the outside sees it: `number` is the HTTP status times 100, plus n.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ErrorName", description = "The name of an error."))]
        pub enum Code { $($(#[$doc])* #[serde(rename = $name)] $variant,)* }

        impl Code {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            const fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row { number: $number, name: $name, close: $close, retryable: $retry, zh: $zh, en: $en },)*
                }
            }
        }
    };
}

codes! {
    /// The request makes no sense: a doubled parameter, a body that is not JSON.
    BadRequest = 40000 "bad_request" None, false, "请求有误。", "The request is malformed.";
    /// A command that breaks the protocol; a bug of the caller.
    BadMessage = 40001 "bad_message" Some(4400), false, "消息格式有误。", "The message breaks the protocol.";
    /// Unknown, expired, burnt, or shown with another verifier.
    BadGrant = 40002 "bad_grant" None, false, "登录凭证无效或已过期，请重新扫码。", "This sign-in ticket is not valid any more. Please scan again.";
    /// The digits of a number match were wrong once too often.
    WrongDigits = 40003 "wrong_digits" None, true, "数字输错次数过多，请重新扫码。", "The digits were wrong too often. Please scan again.";
    /// A user name with other characters than those allowed, or too few or too many of them.
    BadUsername = 40004 "bad_username" None, false, "用户名须为 3 至 64 个字符，只能使用英文字母、数字和 . _ @ -，且不能形似微信 openid。", "A user name has 3 to 64 letters a-z, digits and . _ @ -, and does not look like a WeChat openid.";
    /// A new password that is too short, too long, or cannot be typed.
    BadPassword = 40005 "bad_password" None, false, "密码过短、超过 128 个字符，或包含控制字符。", "The password is too short, longer than 128 characters, or contains control characters.";
    /// A new password that is guessed early.
    WeakPassword = 40006 "weak_password" None, false, "密码太容易被猜到，或包含用户名。请换一个更长的密码，或使用几个不相关的词。", "The password is easy to guess, or contains the user name. Choose a longer one, or several unrelated words.";
    /// No credentials where some are needed.
    Unauthenticated = 40100 "unauthenticated" Some(4401), false, "请先登录。", "Please sign in.";
    /// The access token is past its end; refreshing helps.
    TokenExpired = 40101 "token_expired" Some(4401), false, "登录状态已过期。", "The access token has expired.";
    /// The session was ended by its owner, an operator or a theft alarm.
    SessionRevoked = 40102 "session_revoked" Some(4401), false, "登录已退出，请重新登录。", "This session has ended. Please sign in again.";
    /// The session is good, but was opened too long ago for this; refreshing does not help.
    LoginTooOld = 40103 "login_too_old" None, false, "为了账号安全，请重新登录后再试。", "Please sign in again before you do this.";
    /// No such user name or not its password: the same answer for both.
    BadCredentials = 40104 "bad_credentials" None, false, "用户名或密码错误。", "The user name or the password is wrong.";
    /// Origin not on the app's list, or no such app.
    OriginRefused = 40300 "origin_refused" Some(4403), false, "此网站未被允许使用登录服务。", "This site may not use the sign-in service.";
    /// Flow not enabled, `return_to` not listed.
    RefusedByPolicy = 40301 "refused_by_policy" Some(4403), false, "当前设置不允许此登录方式。", "This way of signing in is not allowed here.";
    /// No such thing.
    NotFound = 40400 "not_found" None, false, "未找到。", "Not found.";
    /// Unknown scene or wrong secret: the same answer for both.
    SceneNotFound = 40401 "scene_not_found" Some(4404), false, "二维码不存在或已失效。", "This code does not exist any more.";
    /// No method like that on this address.
    MethodNotAllowed = 40500 "method_not_allowed" None, false, "不支持此请求方法。", "This method is not allowed here.";
    /// No first command in time.
    TooSlow = 40800 "too_slow" Some(4408), true, "连接超时。", "Nothing was said in time.";
    /// The scene is not in a state for this; never closes a socket.
    StateConflict = 40900 "state_conflict" None, false, "当前状态下无法执行此操作。", "This cannot be done right now.";
    /// Another socket took the scene over.
    TakenOver = 40901 "taken_over" Some(4409), false, "已在另一个窗口继续登录。", "The sign-in continues in another window.";
    /// Somebody signs in with that user name already.
    NameTaken = 40902 "name_taken" None, false, "该用户名已被使用，请换一个。", "That user name is taken. Please choose another one.";
    /// There is a user name and password already, where one would be added.
    AccountExists = 40903 "account_exists" None, false, "该用户已有自己的账号。", "This person is a user of their own already.";
    /// The grant of this scene was redeemed: it is over.
    SceneRedeemed = 41000 "scene_redeemed" Some(4410), false, "此次登录已经完成。", "This sign-in is already complete.";
    /// Body or frame over its bound.
    TooLarge = 41300 "too_large" Some(1009), false, "内容过大。", "That is too large.";
    /// Asked for under a name that is not this gateway's.
    Misdirected = 42100 "misdirected" None, false, "访问地址不正确。", "This is not the gateway's address.";
    /// `scan.v1` not offered.
    VersionUnsupported = 42600 "version_unsupported" Some(4426), false, "页面版本过旧，请刷新。", "This page is out of date. Please reload.";
    /// Over a limit; `retry_after_ms` tells when to come back.
    RateLimited = 42900 "rate_limited" Some(4429), true, "操作过于频繁，请稍后再试。", "Too many tries. Please wait a moment.";
    /// A bug or a broken machine; the log has the trace id.
    Internal = 50000 "internal" Some(1011), true, "服务出错了，请稍后再试。", "Something went wrong on our side. Please try again.";
    /// WeChat answered with an error.
    WechatFailed = 50200 "wechat_failed" Some(1011), true, "微信返回了错误，请重试。", "WeChat answered with an error. Please try again.";
    /// WeChat could not be reached.
    WechatUnreachable = 50201 "wechat_unreachable" Some(1011), true, "暂时无法连接微信，请稍后再试。", "WeChat cannot be reached right now. Please try again.";
    /// Full, or a store is away.
    Overloaded = 50300 "overloaded" Some(1013), true, "当前登录人数较多，请稍后再试。", "The service is busy. Please try again shortly.";
    /// This node is going away.
    Draining = 50301 "draining" Some(1012), true, "服务正在更新，请稍后再试。", "The service is being updated. Please try again shortly.";
    /// WeChat did not answer in time.
    WechatTimeout = 50400 "wechat_timeout" Some(1011), true, "微信响应超时，请重试。", "WeChat did not answer in time. Please try again.";
}

impl Code {
    /// HTTP status times 100, plus n.
    pub const fn number(self) -> u32 {
        self.row().number
    }

    /// The word for logs, metrics labels and close reasons.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// The HTTP status this is answered with.
    pub const fn status(self) -> u16 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a table of numbers under 60000 divided by 100"
        )]
        let status = (self.row().number / 100) as u16;
        status
    }

    /// The close code that follows the `error` event, or `None` where the socket stays open.
    pub const fn close(self) -> Option<u16> {
        self.row().close
    }

    /// Whether the same call may succeed later.
    pub const fn retryable(self) -> bool {
        self.row().retryable
    }

    /// The sentence for the person.
    pub const fn message(self, locale: Locale) -> &'static str {
        match locale {
            Locale::ZhCn => self.row().zh,
            Locale::En => self.row().en,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The languages that sentences exist in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub enum Locale {
    /// Simplified Chinese: what WeChat's users read.
    #[default]
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

impl Locale {
    /// The tag on the wire and in `lang` attributes.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::ZhCn => "zh-CN",
            Self::En => "en",
        }
    }

    /// The exact tag of the protocol, or `None`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "zh-CN" => Some(Self::ZhCn),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The best match for an `Accept-Language` header (RFC 9110 section 12.5.4): the first language
    /// listed that exists here; weights are ignored because browsers list in order.
    pub fn from_accept_language(header: &str) -> Option<Self> {
        header.split(',').find_map(|item| {
            let tag = item.split(';').next()?.trim().to_ascii_lowercase();
            match tag.split('-').next()? {
                "zh" => Some(Self::ZhCn),
                "en" => Some(Self::En),
                _ => None,
            }
        })
    }
}

/// Why a socket is closed. 1xxx come back, 44xx do not come back blindly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Close {
    /// 1000: nothing more will come.
    Finished,
    /// 1001: the browser fell silent.
    Gone,
    /// 1002: broken framing.
    Protocol,
    /// 1003: a binary frame.
    Binary,
    /// 1007: text that is not UTF-8.
    NotUtf8,
    /// 1009: a frame over the limit.
    TooBig,
    /// 1012: this node is going away; come back.
    Restart,
    /// What an error closes with; its name is the reason.
    Error(Code),
}

impl Close {
    /// The number in the close frame (RFC 6455 section 7.4).
    pub fn number(self) -> u16 {
        match self {
            Self::Finished => 1000,
            Self::Gone => 1001,
            Self::Protocol => 1002,
            Self::Binary => 1003,
            Self::NotUtf8 => 1007,
            Self::TooBig => 1009,
            Self::Restart => 1012,
            Self::Error(code) => code.close().unwrap_or(1011),
        }
    }

    /// The close reason: the error's name, or a word.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Gone => "gone",
            Self::Protocol => "protocol_error",
            Self::Binary => "binary_refused",
            Self::NotUtf8 => "not_utf8",
            Self::TooBig => "too_big",
            Self::Restart => "restart",
            Self::Error(code) => code.name(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_statuses_are_http() {
        let mut numbers: Vec<_> = Code::ALL.iter().map(|code| code.number()).collect();
        let mut names: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert!(numbers.is_sorted());
        numbers.dedup();
        names.sort_unstable();
        names.dedup();
        assert_eq!(
            (numbers.len(), names.len()),
            (Code::ALL.len(), Code::ALL.len())
        );
        assert!(
            Code::ALL
                .iter()
                .all(|code| (400..600).contains(&code.status()))
        );
    }

    #[test]
    fn a_44xx_close_code_is_4000_plus_the_status() {
        for code in Code::ALL {
            if let Some(close) = code.close().filter(|close| *close >= 4000) {
                assert_eq!(close, 4000 + code.status(), "{code}");
            }
        }
    }

    #[test]
    fn accept_language_takes_the_first_known() {
        assert_eq!(
            Locale::from_accept_language("fr, zh-TW;q=0.9, en;q=0.8"),
            Some(Locale::ZhCn)
        );
        assert_eq!(Locale::from_accept_language("en-GB"), Some(Locale::En));
        assert_eq!(Locale::from_accept_language("fr"), None);
    }
}
