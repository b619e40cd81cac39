//! What can be told.

use serde::Serialize;

use crate::{
    clock::Millis,
    config::{EventType, Flow},
    ids,
};

/// Something that happened to a login, and when. Its id stays the same however often it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name.
    pub id: String,
    /// When it happened, epoch milliseconds.
    pub at: Millis,
    /// What.
    pub fact: Fact,
}

impl Event {
    /// Something that is told in the transaction in which it happens, so only once.
    pub fn new(at: Millis, fact: Fact) -> Self {
        let id = ids::row_id(at);
        Self { id, at, fact }
    }

    /// The end of a scene: named after its step, so that whoever tells it again tells the same.
    pub fn of_scene(scene: &str, seq: u64, at: Millis, fact: Fact) -> Self {
        let id = format!("{scene}-{seq}");
        Self { id, at, fact }
    }
}

/// What happened. As JSON it is the `data` of the event; `web/PROTOCOL.md` has the fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "web/PROTOCOL.md describes the fields")]
pub enum Fact {
    /// Somebody signed in.
    SessionOpened {
        session_id: String,
        user_id: String,
        app: String,
        #[serde(flatten)]
        via: Via,
        browser: String,
        system: String,
        ip: String,
    },
    /// A session was ended before its time.
    SessionEnded {
        session_id: String,
        user_id: String,
        app: String,
        reason: &'static str,
    },
    /// Somebody is here for the first time.
    UserCreated { user_id: String },
    /// A user became one with another; only that one is left.
    UserMerged { user_id: String, into: String },
    /// A user was erased.
    UserErased { user_id: String },
    /// A login was refused, by its person or by policy.
    LoginRejected {
        #[serde(flatten)]
        login: FailedLogin,
        by: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An error ended a login.
    LoginFailed {
        #[serde(flatten)]
        login: FailedLogin,
        code: u32,
        name: &'static str,
    },
}

/// How somebody came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "flow", rename_all = "snake_case")]
#[expect(missing_docs, reason = "web/PROTOCOL.md describes the fields")]
pub enum Via {
    /// The gateway's own page inside WeChat.
    H5 { scene: String, trace_id: String },
    /// A parametric QR of a service account.
    OfficialAccount { scene: String, trace_id: String },
    /// WeChat's own login page for websites.
    Website { scene: String, trace_id: String },
    /// A user name and a password.
    Password,
}

impl Via {
    /// A scene of that flow.
    pub const fn scene(flow: Flow, scene: String, trace_id: String) -> Self {
        match flow {
            Flow::H5 => Self::H5 { scene, trace_id },
            Flow::OfficialAccount => Self::OfficialAccount { scene, trace_id },
            Flow::Website => Self::Website { scene, trace_id },
        }
    }
}

/// A login that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "web/PROTOCOL.md describes the fields")]
pub struct FailedLogin {
    pub scene: String,
    pub trace_id: String,
    pub app: String,
    pub flow: Flow,
}

impl Fact {
    /// Its type.
    pub const fn kind(&self) -> EventType {
        match self {
            Self::SessionOpened { .. } => EventType::SessionOpened,
            Self::SessionEnded { .. } => EventType::SessionEnded,
            Self::UserCreated { .. } => EventType::UserCreated,
            Self::UserMerged { .. } => EventType::UserMerged,
            Self::UserErased { .. } => EventType::UserErased,
            Self::LoginRejected { .. } => EventType::LoginRejected,
            Self::LoginFailed { .. } => EventType::LoginFailed,
        }
    }

    /// What it happened to: a session, a user or a scene.
    pub fn subject(&self) -> &str {
        match self {
            Self::SessionOpened { session_id, .. } | Self::SessionEnded { session_id, .. } => {
                session_id
            }
            Self::UserCreated { user_id }
            | Self::UserMerged { user_id, .. }
            | Self::UserErased { user_id } => user_id,
            Self::LoginRejected { login, .. } | Self::LoginFailed { login, .. } => &login.scene,
        }
    }

    /// Whom it happened to, where somebody is known.
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::SessionOpened { user_id, .. }
            | Self::SessionEnded { user_id, .. }
            | Self::UserCreated { user_id }
            | Self::UserMerged { user_id, .. }
            | Self::UserErased { user_id } => Some(user_id),
            Self::LoginRejected { .. } | Self::LoginFailed { .. } => None,
        }
    }
}
