//! Why WeChat gave no answer that helps.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use super::{
    account::AccountKind,
    endpoint::{Endpoint, Group},
    reaction::{self, Reaction},
};
use crate::code::{Code, Locale};

/// A call that did not succeed. Shows no URL, code, secret or token.
#[derive(Clone, Debug)]
pub struct WeChatError {
    account: AccountKind,
    endpoint: Endpoint,
    fault: Fault,
    retry_after: Option<Duration>,
}

/// When to come back after [`Fault::Overloaded`].
const OVERLOADED: Duration = Duration::from_secs(1);

/// What went wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// WeChat answered with an error code.
    Refused {
        /// Its number; the text beside it is not stable.
        errcode: i64,
        /// WeChat's name for this request, kept there for seven days.
        rid: Option<String>,
        /// The address that WeChat saw us come from, when it complains about that (40164, 61004).
        address: Option<IpAddr>,
    },
    /// Several calls in a row got no answer, so this one was not made; the time until one is.
    Away(Duration),
    /// As many calls of this kind as may be are in flight, so this one was not made.
    Overloaded,
    /// WeChat refuses the account's token, and a fresh one cannot be had yet.
    Stale,
    /// No connection came about: nothing was sent.
    Connect(Arc<reqwest::Error>),
    /// The connection broke after the request was sent, or while it was.
    Broken(Arc<reqwest::Error>),
    /// No whole answer in time.
    Timeout,
    /// An HTTP status other than 200.
    Status(u16),
    /// A body that is no answer: empty, cut off, a page, too large.
    Garbled(&'static str),
    /// A success that lacks this, or has it in no shape that can be right.
    Protocol(&'static str),
}

impl WeChatError {
    pub(super) const fn new(account: AccountKind, endpoint: Endpoint, fault: Fault) -> Self {
        let retry_after = match fault {
            Fault::Away(wait) => Some(wait),
            Fault::Overloaded => Some(OVERLOADED),
            _ => None,
        };
        Self {
            account,
            endpoint,
            fault,
            retry_after,
        }
    }

    /// The same error, told again without a call; the next one is made after `wait`.
    pub(super) fn again(&self, wait: Duration) -> Self {
        Self {
            retry_after: Some(wait),
            ..self.clone()
        }
    }

    /// The account that the call was made for.
    pub const fn account(&self) -> AccountKind {
        self.account
    }

    /// When it makes sense to come back, where that is known; no call is made before.
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What was called.
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// What went wrong.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// What the person is told: `WechatFailed`, `WechatUnreachable`, `WechatTimeout` or `Overloaded`.
    pub const fn code(&self) -> Code {
        match self.fault {
            Fault::Refused { .. }
            | Fault::Stale
            | Fault::Status(_)
            | Fault::Garbled(_)
            | Fault::Protocol(_) => Code::WechatFailed,
            Fault::Away(_) | Fault::Connect(_) | Fault::Broken(_) => Code::WechatUnreachable,
            Fault::Timeout => Code::WechatTimeout,
            Fault::Overloaded => Code::Overloaded,
        }
    }

    /// What is to be done about it.
    pub fn reaction(&self) -> Reaction {
        match &self.fault {
            Fault::Refused { errcode, .. } => reaction::reaction(self.endpoint, *errcode),
            Fault::Protocol(_) => Reaction::Alert,
            Fault::Away(_)
            | Fault::Overloaded
            | Fault::Stale
            | Fault::Connect(_)
            | Fault::Broken(_)
            | Fault::Timeout
            | Fault::Status(_)
            | Fault::Garbled(_) => Reaction::Retry,
        }
    }

    /// Whether nothing was sent: a code that was to be exchanged is as good as before.
    pub const fn is_unsent(&self) -> bool {
        matches!(
            self.fault,
            Fault::Away(_) | Fault::Overloaded | Fault::Connect(_)
        )
    }

    /// Whether the fault is the account's or its settings': no phone can cause it, and none can mend it.
    pub fn is_ours(&self) -> bool {
        let group = self.endpoint.group();
        let is_ours = |errcode| reaction::is_ours(self.endpoint, errcode);
        group == Group::Token || self.errcode().is_some_and(is_ours)
    }

    /// A sentence for the operator.
    pub fn advice(&self, locale: Locale) -> String {
        if let Fault::Refused { errcode, .. } = self.fault {
            return reaction::advice(self.account, self.endpoint, errcode, locale);
        }
        let (en, zh) = self.fault.advice();
        match locale {
            Locale::En => en.to_owned(),
            Locale::ZhCn => zh.to_owned(),
        }
    }

    /// The label in metrics; a success is `ok`.
    pub const fn outcome(&self) -> &'static str {
        match self.fault {
            Fault::Refused { .. } => "refused",
            Fault::Away(_) => "away",
            Fault::Overloaded => "overloaded",
            Fault::Stale => "stale",
            Fault::Connect(_) => "unreachable",
            Fault::Broken(_) => "broken",
            Fault::Timeout => "timeout",
            Fault::Status(_) => "http_status",
            Fault::Garbled(_) => "garbled",
            Fault::Protocol(_) => "protocol",
        }
    }

    /// WeChat's error code, when it gave one.
    pub const fn errcode(&self) -> Option<i64> {
        match self.fault {
            Fault::Refused { errcode, .. } => Some(errcode),
            _ => None,
        }
    }

    /// The address that WeChat saw, when it refused it.
    pub const fn address(&self) -> Option<IpAddr> {
        match self.fault {
            Fault::Refused { address, .. } => address,
            _ => None,
        }
    }

    /// WeChat's name for the request, when it gave one.
    pub fn rid(&self) -> Option<&str> {
        match &self.fault {
            Fault::Refused { rid, .. } => rid.as_deref(),
            _ => None,
        }
    }
}

impl Fault {
    /// Of a failed transfer; the address goes, because it holds the secret.
    pub(super) fn transfer(error: reqwest::Error) -> Self {
        let error = Arc::new(error.without_url());
        if error.is_connect() {
            Self::Connect(error)
        } else if error.is_timeout() {
            Self::Timeout
        } else {
            Self::Broken(error)
        }
    }

    /// Whether the call certainly had no effect, so that even a code exchange may be repeated: nothing was
    /// sent, or WeChat says that it is busy.
    pub(super) const fn had_no_effect(&self) -> bool {
        matches!(self, Self::Connect(_) | Self::Refused { errcode: -1, .. })
    }

    /// Whether a call that changes nothing may succeed when repeated at once.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Refused { errcode, .. } => *errcode == -1,
            Self::Protocol(_) | Self::Away(_) | Self::Overloaded | Self::Stale => false,
            Self::Connect(_)
            | Self::Broken(_)
            | Self::Timeout
            | Self::Status(_)
            | Self::Garbled(_) => true,
        }
    }

    /// Whether WeChat was not heard at all, as against one that answers and refuses.
    pub(super) const fn is_silence(&self) -> bool {
        matches!(
            self,
            Self::Connect(_) | Self::Broken(_) | Self::Timeout | Self::Status(_) | Self::Garbled(_)
        )
    }

    /// What the operator reads, in English and Chinese; refusals have a table of their own.
    const fn advice(&self) -> (&'static str, &'static str) {
        match self {
            Self::Refused { .. } => ("", ""),
            Self::Overloaded => (
                "More calls to WeChat are wanted than are made at once: WeChat is slow, or very many people sign in.",
                "需要同时进行的微信调用过多：微信响应缓慢，或登录人数过多。",
            ),
            Self::Stale => (
                "WeChat refuses the account's access token and gives no other one yet: does another service reset it?",
                "微信拒绝了账号的 access_token，暂时也不给新的：是否有其他服务在重置它？",
            ),
            Self::Protocol(_) => (
                "WeChat's answer is not what it documents: compare wechat.api_base with WeChat's address, and report it.",
                "微信的回答与文档不符：请核对 wechat.api_base 与微信的地址，并反馈此问题。",
            ),
            Self::Connect(_) => (
                "No connection to WeChat: check the network, DNS and wechat.api_base.",
                "无法连接微信：请检查网络、DNS 和 wechat.api_base。",
            ),
            Self::Away(_) => (
                "WeChat has not answered several times in a row: it is asked again in a few seconds.",
                "微信连续多次没有应答：几秒后会再次尝试。",
            ),
            Self::Broken(_) | Self::Timeout => (
                "The network to WeChat is bad, or WeChat is slow.",
                "与微信之间的网络不稳定，或微信响应缓慢。",
            ),
            Self::Status(_) | Self::Garbled(_) => (
                "Something answers in WeChat's place or WeChat is in trouble: check for proxies between.",
                "有其他程序代替微信应答，或微信出现故障：请检查中间的代理。",
            ),
        }
    }
}

impl fmt::Display for WeChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.endpoint.path(), self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused {
                errcode,
                rid,
                address,
            } => {
                write!(f, "errcode {errcode}")?;
                if let Some(address) = address {
                    write!(f, " (seen from {address})")?;
                }
                rid.iter().try_for_each(|rid| write!(f, " (rid {rid})"))
            }
            Self::Away(_) => f.write_str("not asked, because it did not answer before"),
            Self::Overloaded => f.write_str("not asked, because too many calls are in flight"),
            Self::Stale => f.write_str("the token was refused and there is no other yet"),
            Self::Connect(_) => f.write_str("no connection"),
            Self::Broken(_) => f.write_str("the connection broke"),
            Self::Timeout => f.write_str("no answer in time"),
            Self::Status(status) => write!(f, "HTTP status {status}"),
            Self::Garbled(what) => f.write_str(what),
            Self::Protocol(what) => write!(f, "the answer lacks {what}"),
        }
    }
}

impl std::error::Error for WeChatError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Connect(error) | Fault::Broken(error) => Some(error.as_ref()),
            _ => None,
        }
    }
}
