//! Where events wait until they are delivered, and what that promises.

use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;

use super::Event;
use crate::{clock::Millis, cluster::StoreError, config::EventType};

/// How long a delivered event is remembered: far longer than the end of a scene, which is told twice, can be read.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);

/// How long any is kept, also one that was given up or never taken.
pub const KEPT_AT_MOST: Duration = Duration::from_secs(30 * 24 * 3600);

/// How long a sink is kept that no running gateway has; then it is forgotten with all that waits for it.
pub const UNSEEN: Duration = Duration::from_secs(3600);

/// One event for one sink, taken to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its place in the order of the outbox.
    pub position: i64,
    /// How often it was taken, this time included.
    pub tries: u32,
    /// The event's id.
    pub id: String,
    /// The event's type; one of another version of this program may be unknown here.
    pub kind: String,
    /// What it happened to.
    pub subject: String,
    /// Whom it happened to, where somebody is known.
    pub user: Option<String>,
    /// When it happened.
    pub at: Millis,
    /// The event's data, as JSON.
    pub data: String,
}

/// What became of one that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// [`Due::position`].
    pub position: i64,
    /// [`Due::tries`]: whoever has taken it since decides.
    pub tries: u32,
    /// What.
    pub outcome: Outcome,
}

/// What becomes of an event that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has it.
    Delivered,
    /// It is due again then.
    Again {
        /// When.
        at: Millis,
        /// Why it failed.
        error: String,
    },
    /// It is given up.
    Dead {
        /// Why it failed last.
        error: String,
    },
}

/// What one sink has not got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Backlog {
    /// Which.
    pub sink: String,
    /// Events that wait.
    pub pending: u64,
    /// Events given up.
    pub dead: u64,
}

/// An event that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dead {
    /// By which sink.
    pub sink: String,
    /// The event's id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, epoch milliseconds.
    pub at: Millis,
    /// How often it was tried.
    pub tries: u32,
    /// Why it failed last.
    pub error: String,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Delivered, or older than anything is kept.
    pub old: u64,
    /// Not delivered, to sinks that nobody has any more.
    pub lost: u64,
}

/// Events that wait, kept for good beside what they tell of.
///
/// What happens in this store is put into the outbox by the transaction in which it happens. The outbox knows who
/// listens: one row is kept for each sink that wants the event, and none when nobody does. So commands beside a gateway
/// and gateways that start with other settings tell everybody, too.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Keeps an event whose truth is elsewhere; one of the same id that a sink has already stays as it is.
    async fn put(&self, event: &Event) -> Result<(), StoreError>;

    /// From now on `sink` wants these; to be said again before [`UNSEEN`] is over.
    async fn subscribe(
        &self,
        sink: &str,
        types: &[EventType],
        now: Millis,
    ) -> Result<(), StoreError>;

    /// Takes what is due for `sink`, the oldest first, at most `most`; nobody else gets it before `until`. Of any number
    /// of callers at once, each gets others.
    async fn take(
        &self,
        sink: &str,
        now: Millis,
        until: Millis,
        most: u32,
    ) -> Result<Vec<Due>, StoreError>;

    /// Keeps what became of those taken. One that was delivered stays so; for the rest, only what the last taker says
    /// counts.
    async fn settle(&self, settled: &[Settled], now: Millis) -> Result<(), StoreError>;

    /// What the sinks have not got, by name.
    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError>;

    /// The events given up last, at most `most`.
    async fn dead(&self, most: u32) -> Result<Vec<Dead>, StoreError>;

    /// Makes due again what was given up, of one sink or of all; gives how many.
    async fn revive(&self, sink: Option<&str>, now: Millis) -> Result<u64, StoreError>;

    /// Forgets what was delivered [`KEPT`] ago, what happened [`KEPT_AT_MOST`] ago, and what waits for sinks that nobody
    /// has had for [`UNSEEN`].
    async fn prune(&self, now: Millis) -> Result<Pruned, StoreError>;
}
