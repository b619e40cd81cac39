//! Gateway → browser.

use bytestring::ByteString;
use serde::Serialize;

use crate::{
    clock::Millis,
    code::{Code, Locale},
    config::Flow,
    scene::Scene,
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
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the protocol's: web/PROTOCOL.md"
)]
pub enum StateEvent<'a> {
    Pending {
        #[serde(flatten)]
        head: Head<'a>,
        /// Only ever to its owner.
        #[serde(skip_serializing_if = "Option::is_none")]
        secret: Option<&'a str>,
        flow: Flow,
        #[serde(skip_serializing_if = "Option::is_none")]
        qr: Option<Qr>,
        /// WeChat's own login page, in the `website` flow.
        #[serde(skip_serializing_if = "Option::is_none")]
        embed_url: Option<&'a str>,
    },
    Scanned {
        #[serde(flatten)]
        head: Head<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        user: Option<Person>,
    },
    Verifying {
        #[serde(flatten)]
        head: Head<'a>,
        code_length: u8,
        tries_left: u8,
    },
    Authorized {
        #[serde(flatten)]
        head: Head<'a>,
        grant: String,
        user: Person,
    },
    Rejected {
        #[serde(flatten)]
        head: Head<'a>,
        by: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<&'a str>,
    },
    Expired {
        #[serde(flatten)]
        head: Head<'a>,
    },
    Cancelled {
        #[serde(flatten)]
        head: Head<'a>,
    },
    Failed {
        #[serde(flatten)]
        head: Head<'a>,
        error: ErrorBody,
    },
}

/// What every state event has.
#[derive(Clone, Debug, Serialize)]
pub struct Head<'a> {
    /// Numbers the scene's events from 1.
    pub seq: u64,
    /// The scene's id.
    pub scene: String,
    /// When the state began, epoch milliseconds.
    pub at: Millis,
    /// When it ends, while it is live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Millis>,
    /// For support and logs.
    pub trace_id: &'a str,
    /// Only ever `true`: this is not news.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replay: bool,
}

/// What the phone must scan.
#[derive(Clone, Debug, Serialize)]
pub struct Qr {
    /// The text inside.
    pub text: String,
    /// Drawn, when asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub svg: Option<String>,
}

/// What is shown of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "two words")]
pub struct Person {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
}

/// An error in an event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErrorBody {
    /// Its number.
    pub code: u32,
    /// Its name.
    pub name: &'static str,
    /// The sentence for the person.
    pub message: &'static str,
    /// Whether the same may succeed later.
    pub retryable: bool,
    /// When to come back, where waiting helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// Why the session was ended, where that is what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// A control event: about the socket or its session, not a scene.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the fields are the protocol's: web/PROTOCOL.md"
)]
pub enum Control<'a> {
    Hello {
        v: u32,
        now: Millis,
        ping_interval_ms: u64,
        node: &'a str,
    },
    Ping {
        now: Millis,
    },
    Drain {
        reconnect_in_ms: Millis,
    },
    Attached {
        session_id: &'a str,
    },
    SessionRevoked {
        session_id: &'a str,
        reason: &'static str,
    },
    Error {
        error: ErrorBody,
        #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
        command: Option<&'static str>,
    },
}

impl<'a> Head<'a> {
    /// The head of a scene's present state.
    pub fn of(scene: &'a Scene, replay: bool) -> Self {
        Self {
            seq: scene.seq,
            scene: scene.id.to_string(),
            at: scene.at,
            expires_at: scene.state.is_live().then_some(scene.deadline),
            trace_id: &scene.opening.trace_id,
            replay,
        }
    }
}

impl ErrorBody {
    /// `code` in the person's language.
    pub fn new(code: Code, locale: Locale) -> Self {
        Self {
            code: code.number(),
            name: code.name(),
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
            secret: Some(secret.expose()),
            flow: Flow::H5,
            qr: Some(Qr {
                text,
                svg: Some(svg),
            }),
            embed_url: None,
        };
        let length = pending.encode().json.len();
        assert!(length < MAX_OUTGOING, "{length} bytes");
    }
}
