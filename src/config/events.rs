//! `events.*` and `webhooks.<name>.*`: who is told of logins.

use std::{collections::BTreeMap, path::PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

/// `events.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Events {
    /// The file that login events are appended to, one JSON object a line; `-` is standard output.
    pub jsonl: Option<PathBuf>,
    /// The stream of the cluster's Redis that they are added to.
    pub redis_stream: Option<String>,
    /// How many entries that stream keeps, about.
    pub redis_stream_max: u32,
}

/// Webhooks by name.
pub type Webhooks = BTreeMap<String, Webhook>;

/// `webhooks.<name>.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where login events are posted to. Private addresses are allowed: whoever configures it knows the network.
    #[serde(deserialize_with = "super::values::required_url")]
    pub url: Url,
    /// What signs them (Standard Webhooks).
    pub secret: SecretString,
    /// What signs them too while receivers change to `secret`.
    pub previous_secret: Option<SecretString>,
    /// The events it is told of; when none is set, all.
    #[serde(default)]
    pub types: Vec<EventType>,
}

/// What can happen to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
pub enum EventType {
    /// Somebody signed in.
    #[serde(rename = "session.opened")]
    SessionOpened,
    /// A session was ended before its time.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// Somebody is here for the first time.
    #[serde(rename = "user.created")]
    UserCreated,
    /// A user became one with another.
    #[serde(rename = "user.merged")]
    UserMerged,
    /// A user was erased.
    #[serde(rename = "user.erased")]
    UserErased,
    /// A login was refused, by its person or by policy.
    #[serde(rename = "login.rejected")]
    LoginRejected,
    /// An error ended a login.
    #[serde(rename = "login.failed")]
    LoginFailed,
}

impl EventType {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::SessionOpened,
        Self::SessionEnded,
        Self::UserCreated,
        Self::UserMerged,
        Self::UserErased,
        Self::LoginRejected,
        Self::LoginFailed,
    ];

    /// The word in the configuration, and behind `scangate.` in the events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SessionOpened => "session.opened",
            Self::SessionEnded => "session.ended",
            Self::UserCreated => "user.created",
            Self::UserMerged => "user.merged",
            Self::UserErased => "user.erased",
            Self::LoginRejected => "login.rejected",
            Self::LoginFailed => "login.failed",
        }
    }
}

impl Webhook {
    /// The keys that sign, the present one first; `None` when one of the secrets is none.
    pub fn keys(&self) -> Option<Vec<Vec<u8>>> {
        let secrets = [Some(&self.secret), self.previous_secret.as_ref()];
        secrets.into_iter().flatten().map(webhook_key).collect()
    }
}

/// The bytes of `whsec_…`: 24 to 64, as Standard Webhooks has it.
pub(super) fn webhook_key(secret: &SecretString) -> Option<Vec<u8>> {
    let text = secret.expose_secret().strip_prefix("whsec_")?;
    let key = STANDARD.decode(text).ok()?;
    (24..=64).contains(&key.len()).then_some(key)
}
