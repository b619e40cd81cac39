//! Why WeChat gave no answer that helps.

use std::fmt;

use super::reaction::{self, Endpoint, Reaction};
use crate::code::Code;

/// A call that did not succeed. Shows no address, code, secret or token.
#[derive(Debug)]
pub struct WeChatError {
    endpoint: Endpoint,
    fault: Fault,
}

/// What went wrong.
#[derive(Debug)]
pub enum Fault {
    /// WeChat answered with an error code.
    Refused {
        /// Its number; the text beside it is not stable.
        errcode: i64,
        /// WeChat's name for this request, kept there for seven days.
        rid: Option<String>,
    },
    /// No connection came about: nothing was sent.
    Connect(reqwest::Error),
    /// The connection broke after the request was sent, or while it was.
    Broken(reqwest::Error),
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
    pub(super) const fn new(endpoint: Endpoint, fault: Fault) -> Self {
        Self { endpoint, fault }
    }

    /// What was called.
    pub const fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// What went wrong.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// What the person is told: `WechatFailed`, `WechatUnreachable` or `WechatTimeout`.
    pub const fn code(&self) -> Code {
        match self.fault {
            Fault::Refused { .. } | Fault::Status(_) | Fault::Garbled(_) | Fault::Protocol(_) => {
                Code::WechatFailed
            }
            Fault::Connect(_) | Fault::Broken(_) => Code::WechatUnreachable,
            Fault::Timeout => Code::WechatTimeout,
        }
    }

    /// What is to be done about it.
    pub fn reaction(&self) -> Reaction {
        match &self.fault {
            Fault::Refused { errcode, .. } => reaction::reaction(self.endpoint, *errcode),
            Fault::Protocol(_) => Reaction::Alert,
            Fault::Connect(_)
            | Fault::Broken(_)
            | Fault::Timeout
            | Fault::Status(_)
            | Fault::Garbled(_) => Reaction::Retry,
        }
    }

    /// Whether the fault is the account's or its settings': no phone can cause it, and none can mend it.
    pub const fn is_ours(&self) -> bool {
        matches!(
            self.errcode(),
            Some(
                40001
                    | 40002
                    | 40013
                    | 40125
                    | 40243
                    | 41002
                    | 41004
                    | 48004
                    | 50004
                    | 50007
                    | 61007
            )
        )
    }

    /// A sentence for the operator.
    pub fn advice(&self) -> &'static str {
        match &self.fault {
            Fault::Refused { errcode, .. } => reaction::advice(self.endpoint, *errcode),
            Fault::Protocol(_) => {
                "WeChat's answer is not what it documents: compare wechat.api_base with WeChat's address, and report it."
            }
            Fault::Connect(_) => {
                "No connection to WeChat: check the network, DNS and wechat.api_base."
            }
            Fault::Broken(_) | Fault::Timeout => "The network to WeChat is bad, or WeChat is slow.",
            Fault::Status(_) | Fault::Garbled(_) => {
                "Something answers in WeChat's place or WeChat is in trouble: check for proxies between."
            }
        }
    }

    /// The label in metrics; a success is `ok`.
    pub const fn outcome(&self) -> &'static str {
        match self.fault {
            Fault::Refused { .. } => "refused",
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
        let error = error.without_url();
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
            Self::Protocol(_) => false,
            Self::Connect(_)
            | Self::Broken(_)
            | Self::Timeout
            | Self::Status(_)
            | Self::Garbled(_) => true,
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
            Self::Refused { errcode, rid } => {
                write!(f, "errcode {errcode}")?;
                rid.iter().try_for_each(|rid| write!(f, " (rid {rid})"))
            }
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
            Fault::Connect(error) | Fault::Broken(error) => Some(error),
            _ => None,
        }
    }
}
