//! Gateway → browser.

use bytestring::ByteString;
use serde::Serialize;

use crate::{
    clock::Millis,
    code::{Code, Locale},
    config::Flow,
    ids::TraceId,
    scene::{By, Scene},
    token::EndReason,
};

/// An event as it goes out, encoded once for everybody who hears it.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The scene's number for it; 0 for control events.
    pub seq: u64,
    /// Its `type`.
    pub name: &'static str,
    /// The JSON text.
    pub json: ByteString,
    /// Whether no further event can come.
    pub is_last: bool,
}

/// A state event: the whole truth about a scene.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StateEvent<'a> {
    /// The code waits to be scanned. The only event with the secret.
    Pending {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
        /// When the state ends, epoch milliseconds by the gateway's clock.
        expires_at: Millis,
        /// Resumes the scene. Only ever told to its owner.
        #[cfg_attr(test, schemars(required))]
        secret: Option<&'a str>,
        /// The flow really used: `h5` may stand in for `official_account`.
        flow: Flow,
        /// The code, in `h5` and `official_account`.
        #[serde(skip_serializing_if = "Option::is_none")]
        qr: Option<Qr>,
        /// WeChat's own login page, in `website`.
        #[serde(skip_serializing_if = "Option::is_none")]
        embed_url: Option<&'a str>,
    },
    /// WeChat has proved who scanned; they are asked on the phone.
    Scanned {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
        /// When the state ends, epoch milliseconds by the gateway's clock.
        expires_at: Millis,
        /// Who, when they are known here; masked unless the operator wants more.
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<Person>,
    },
    /// They said yes, and the phone shows digits that are to be typed on the page. A wrong code gives another one.
    Verifying {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
        /// When the state ends, epoch milliseconds by the gateway's clock.
        expires_at: Millis,
        /// How many digits there are.
        code_length: u8,
        /// How many more codes may be tried.
        tries_left: u8,
    },
    /// They said yes: redeem the grant.
    Authorized {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
        /// When the state ends, epoch milliseconds by the gateway's clock.
        expires_at: Millis,
        /// Good once, and with the verifier only.
        grant: String,
        /// Who is about to be signed in.
        user: Person,
    },
    /// They said no, or may not sign in.
    Rejected {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
        /// Who said no.
        by: By,
        /// Which rule it was, where it was one: `too_many_wrong_codes`.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    /// Its time is over.
    Expired {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
    },
    /// The page gave it up.
    Cancelled {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
    },
    /// It cannot go on.
    Failed {
        /// What every state event has.
        #[serde(flatten)]
        head: Head,
        /// Why.
        error: ErrorBody,
    },
}

/// What every state event has.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Head {
    /// Numbers the scene's events from 1.
    pub seq: u64,
    /// The scene's id.
    pub scene: String,
    /// When the state began, epoch milliseconds.
    pub at: Millis,
    /// For support and logs.
    #[cfg_attr(test, schemars(with = "String"))]
    pub trace_id: TraceId,
    /// Only ever `true`: this is not news.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(test, schemars(extend("const" = true)))]
    pub replay: bool,
}

/// What the phone must scan.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Qr {
    /// The text inside.
    pub text: String,
    /// Drawn as SVG with its quiet zone, unless `start` said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub svg: Option<String>,
}

/// What is shown of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Person {
    /// What they call themselves in WeChat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of their picture, at the gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// An error in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "WireError"))]
pub struct ErrorBody {
    /// Its number: the HTTP status times 100, plus n.
    pub code: u32,
    /// Its name.
    pub name: Code,
    /// The sentence for the person.
    pub message: &'static str,
    /// Whether the same may succeed later.
    pub retryable: bool,
    /// When to come back, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Why the session was ended, where that is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
}

/// A control event: about the socket or its session, not a scene.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ControlEvent"))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Control<'a> {
    /// The first event of every socket.
    Hello {
        /// The version of the protocol: 1.
        v: u32,
        /// The gateway's clock, epoch milliseconds.
        now: Millis,
        /// How often it pings.
        ping_interval_ms: u64,
        /// The gateway's name among several.
        node: &'a str,
    },
    /// Asks for `pong`.
    Ping {
        /// The gateway's clock, epoch milliseconds.
        now: Millis,
    },
    /// This node goes away: come back after the time, to any.
    Drain {
        /// How long to wait.
        reconnect_in_ms: Millis,
    },
    /// The socket is a channel of this session.
    Attached {
        /// The session's id.
        session_id: &'a str,
    },
    /// The session is over; the socket closes.
    SessionRevoked {
        /// The session's id.
        session_id: &'a str,
        /// Why. One that is not known means: it is over.
        reason: EndReason,
    },
    /// A command was refused, or a close follows.
    #[cfg_attr(test, schemars(title = "Refused"))]
    Error {
        /// What is wrong.
        error: ErrorBody,
        /// The type of the command refused.
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        command: Option<&'static str>,
    },
}

impl Head {
    /// The head of a scene's present state.
    pub fn of(scene: &Scene, replay: bool) -> Self {
        Self {
            seq: scene.seq,
            scene: scene.id.to_string(),
            at: scene.at,
            trace_id: scene.opening.trace_id,
            replay,
        }
    }
}

impl ErrorBody {
    /// `code` in the person's language.
    pub fn new(code: Code, locale: Locale) -> Self {
        Self {
            code: code.number(),
            name: code,
            message: code.message(locale),
            retryable: code.retryable(),
            retry_after_ms: None,
            reason: None,
        }
    }
}

impl StateEvent<'_> {
    /// As it goes out.
    pub fn encode(&self) -> Encoded {
        let (head, is_last) = match self {
            Self::Pending { head, .. }
            | Self::Scanned { head, .. }
            | Self::Verifying { head, .. }
            | Self::Authorized { head, .. } => (head, false),
            Self::Rejected { head, .. }
            | Self::Expired { head }
            | Self::Cancelled { head }
            | Self::Failed { head, .. } => (head, true),
        };
        let name = match self {
            Self::Pending { .. } => "pending",
            Self::Scanned { .. } => "scanned",
            Self::Verifying { .. } => "verifying",
            Self::Authorized { .. } => "authorized",
            Self::Rejected { .. } => "rejected",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
            Self::Failed { .. } => "failed",
        };
        Encoded {
            seq: head.seq,
            name,
            json: to_json(self),
            is_last,
        }
    }
}

impl Control<'_> {
    /// As it goes out.
    pub fn encode(&self) -> Encoded {
        let name = match self {
            Self::Hello { .. } => "hello",
            Self::Ping { .. } => "ping",
            Self::Drain { .. } => "drain",
            Self::Attached { .. } => "attached",
            Self::SessionRevoked { .. } => "session_revoked",
            Self::Error { .. } => "error",
        };
        Encoded {
            seq: 0,
            name,
            json: to_json(self),
            is_last: false,
        }
    }
}

#[expect(
    clippy::expect_used,
    reason = "strings and numbers always have a JSON form"
)]
fn to_json(value: &impl Serialize) -> ByteString {
    serde_json::to_string(value)
        .expect("an event has a JSON form")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        protocol::MAX_OUTGOING,
        scene::{Secret, conformance, qr},
    };

    #[test]
    fn the_largest_event_stays_within_its_bound() {
        let secret = Secret::random();
        let scene = conformance::scene(&secret);
        let text = format!("https://{}.example.com/s/{}", "long".repeat(15), scene.id);
        let svg = qr::svg(&text).unwrap();
        let pending = StateEvent::Pending {
            head: Head::of(&scene, true),
            expires_at: scene.deadline,
            secret: Some(secret.expose()),
            flow: Flow::H5,
            qr: Some(Qr {
                text,
                svg: Some(svg),
            }),
            embed_url: None,
        };
        let length = pending.encode().json.len();
        assert!(length < MAX_OUTGOING as usize, "{length} bytes");
    }
}
