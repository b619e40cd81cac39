//! What a message says, as far as a login cares.

use sha2::{Digest, Sha256};

use super::{Refused, query, xml::Fields};
use crate::ids;

/// What WeChat puts before the scene when the scan made a follower.
const QRSCENE: &str = "qrscene_";

/// The longest opaque value (openid, `MsgId`, the name of an event), in characters.
const MAX_ID: usize = 128;

/// One message of the account's chat, or one event about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The account: its original id (`gh_…`), not its `AppID`.
    pub to: String,
    /// Who sent or caused it.
    pub openid: String,
    /// When, in Unix seconds.
    pub created_s: u64,
    /// `MsgType` as it came: `event`, `text`, `image`, …
    pub msg_type: String,
    /// The name of the event as it came; its letters may be of either case.
    pub event: Option<String>,
    /// What it means here.
    pub kind: Kind,
    /// The same for the same message, however often it is sent: 64 characters that tell nothing else.
    pub dedupe_key: String,
}

/// What a message means here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A follower scanned a parametric QR.
    Scan {
        /// What the QR was made for, as it was given.
        scene: String,
        /// Of the QR.
        ticket: Option<String>,
    },
    /// Somebody followed by scanning a parametric QR.
    SubscribeScan {
        /// What the QR was made for, as it was given.
        scene: String,
        /// Of the QR.
        ticket: Option<String>,
    },
    /// Somebody followed in another way.
    Subscribe,
    /// Somebody left. No answer reaches him.
    Unsubscribe,
    /// Any other event.
    Other,
    /// A message that somebody wrote or sent.
    Message {
        /// WeChat's number of it, 64 bits in decimal digits.
        msg_id: Option<String>,
    },
}

impl Message {
    pub(super) fn from_fields(fields: &Fields) -> Result<Self, Refused> {
        let required = |name| id(fields, name).ok_or(Refused::Fields);
        let (to, openid) = (required("ToUserName")?, required("FromUserName")?);
        let created = fields.get("CreateTime").and_then(query::seconds);
        let created_s = created.ok_or(Refused::Fields)?;
        let msg_type = required("MsgType")?;
        let event = msg_type
            .eq_ignore_ascii_case("event")
            .then(|| required("Event"))
            .transpose()?;
        let kind = match &event {
            Some(event) => Kind::of_event(event, fields),
            None => Kind::Message {
                msg_id: id(fields, "MsgId"),
            },
        };
        let created = created_s.to_string();
        let dedupe_key = match (&event, &kind) {
            (_, Kind::Message { msg_id: Some(id) }) => digest(&["message", &openid, id]),
            (Some(event), _) => {
                // Two events of one second differ here: somebody may follow and scan.
                let key = fields.get("EventKey").unwrap_or_default();
                digest(&["event", &openid, &created, &event.to_lowercase(), key])
            }
            (None, _) => digest(&["unnumbered", &openid, &created, &msg_type]),
        };
        Ok(Self {
            to,
            openid,
            created_s,
            msg_type,
            event,
            kind,
            dedupe_key,
        })
    }
}

impl Kind {
    /// Whether a parametric QR was scanned: the one thing that moves a login.
    pub const fn is_scan(&self) -> bool {
        matches!(self, Self::Scan { .. } | Self::SubscribeScan { .. })
    }

    fn of_event(event: &str, fields: &Fields) -> Self {
        let key = fields.get("EventKey");
        let ticket = fields.get("Ticket").map(str::to_owned);
        match event.to_ascii_lowercase().as_str() {
            "scan" => key.map_or(Self::Other, |scene| Self::Scan {
                scene: scene.to_owned(),
                ticket,
            }),
            // Once: a scene may begin with these letters itself.
            "subscribe" => match key.and_then(|key| key.strip_prefix(QRSCENE)) {
                Some(scene) if !scene.is_empty() => Self::SubscribeScan {
                    scene: scene.to_owned(),
                    ticket,
                },
                _ => Self::Subscribe,
            },
            "unsubscribe" => Self::Unsubscribe,
            _ => Self::Other,
        }
    }
}

/// An opaque value, when the field has one.
fn id(fields: &Fields, name: &str) -> Option<String> {
    let text = fields.get(name)?;
    let opaque = text.len() <= MAX_ID && text.bytes().all(|byte| byte.is_ascii_graphic());
    opaque.then(|| text.to_owned())
}

/// One text for these parts and no others.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    ids::hex(&hash.finalize())
}
