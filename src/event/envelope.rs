//! How an event looks outside: `CloudEvents` 1.0, JSON, structured mode.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Due;
use crate::clock::rfc3339;

/// One event as it is sent. The same event gives the same bytes, whichever node sends it.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// What tells duplicates.
    pub id: &'a str,
    /// The person, else the scene: events about one are told in their order, where that can be.
    pub about: &'a str,
    /// `scangate.session.opened`
    pub kind: String,
    /// The event as JSON, in one line.
    pub json: String,
}

#[derive(Serialize)]
struct Fields<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    data: &'a RawValue,
}

impl<'a> Envelope<'a> {
    /// What waits in the outbox, told by the gateway at `source`.
    ///
    /// # Errors
    /// When the row's data is no JSON.
    pub fn of(due: &'a Due, source: &str) -> Result<Self, serde_json::Error> {
        let kind = format!("scangate.{}", due.kind);
        let data: &RawValue = serde_json::from_str(&due.data)?;
        let json = serde_json::to_string(&Fields {
            specversion: "1.0",
            id: &due.id,
            source,
            kind: &kind,
            subject: &due.subject,
            time: rfc3339(due.at),
            datacontenttype: "application/json",
            data,
        })?;
        Ok(Self {
            id: &due.id,
            about: due.user.as_ref().unwrap_or(&due.subject),
            kind,
            json,
        })
    }
}
