//! Login events: what happened to logins, told to the company's other services at least once.
//!
//! | what | file |
//! |---|---|
//! | what can be told | `fact.rs` |
//! | how it looks outside: CloudEvents 1.0 | `envelope.rs` |
//! | where it waits until it is delivered | `outbox.rs` |
//! | who takes it from there, and tries again | `relay.rs` |
//! | where to: a file, a webhook; the stream is in the backend that has Redis | `jsonl.rs`, `webhook.rs` |

#[cfg(test)]
pub(crate) mod conformance;
mod envelope;
mod fact;
mod jsonl;
mod outbox;
mod relay;
mod signature;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;

pub use self::{
    envelope::Envelope,
    fact::{Event, Fact, FailedLogin, Via},
    jsonl::Jsonl,
    outbox::{Backlog, Dead, Due, KEPT, KEPT_AT_MOST, Outbox, Outcome, Pruned, Settled, UNSEEN},
    relay::{LEASE, Line, Relay},
    webhook::Webhook,
};
use crate::config::EventType;

/// Why a sink did not take an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another try may succeed. What the log says: no secret, no address.
    Later(String),
    /// The receiver wants no more, now or later.
    Gone,
}

/// Where login events go.
///
/// What is delivered once may come again: after a crash, or when an answer is lost. It has the same id then.
#[async_trait]
pub trait EventSink: Send + Sync {
    /// What the outbox, the log and the metrics call it.
    fn name(&self) -> &str;

    /// What it wants to be told of.
    fn types(&self) -> Vec<EventType> {
        EventType::ALL.to_vec()
    }

    /// Delivers these, within [`LEASE`]; what became of each, in their order.
    async fn deliver(&self, events: &[Envelope<'_>]) -> Vec<Result<(), Refusal>>;

    /// How long to wait before the next try of an event that was tried so often; `None`: no further one.
    ///
    /// For what is down as a whole and comes back as a whole: soon, and never given up.
    fn pause_after(&self, tries: u32) -> Option<Duration> {
        const LONGEST_S: u64 = 30;
        let seconds = 1_u64.checked_shl(tries.saturating_sub(1));
        Some(Duration::from_secs(
            seconds.unwrap_or(LONGEST_S).clamp(1, LONGEST_S),
        ))
    }
}
