//! What nodes share besides scenes: claims on things that may happen only once.

mod agreement;

use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;

pub use self::agreement::{Agreement, Fingerprint, difference};

/// A store is away or broken; what was asked may or may not have happened.
#[derive(Debug, thiserror::Error)]
#[error("{store}: {message}")]
pub struct StoreError {
    /// Which store.
    pub store: &'static str,
    /// What it said, for the log.
    pub message: String,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Nobody was here before: do the work, then [`settle`](Once::settle) it.
    First,
    /// Somebody was: this is what came of it.
    Again(String),
    /// Somebody was, and has not settled within the wait.
    Pending,
}

/// Things that may happen only once, whatever arrives how often, on however many nodes.
///
/// `claim` is one step: of any number of callers with the same key within `ttl`, exactly one gets
/// [`Claim::First`]. The others wait for its outcome, at most `wait`. A claimant that dies unsettled leaves the
/// key claimed until `ttl`: the work is never done twice.
///
/// What stands before a key's first colon is its purpose. Each purpose has room of its own, so that whoever fills one
/// leaves the others theirs.
#[async_trait]
pub trait Once: Send + Sync {
    /// Takes the key, or learns what became of it.
    async fn claim(&self, key: &str, ttl: Duration, wait: Duration) -> Result<Claim, StoreError>;

    /// Tells everybody who comes later what became of it; the first outcome stays.
    async fn settle(&self, key: &str, outcome: &str) -> Result<(), StoreError>;

    /// Whether the key is claimed now, settled or not; takes nothing and waits for nobody.
    async fn is_claimed(&self, key: &str) -> Result<bool, StoreError>;
}

/// What one node tells all. A note may be lost: it makes quick what the receiver would find out anyway.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Tells every node, this one too.
    async fn tell(&self, note: &str) -> Result<(), StoreError>;

    /// The next note; for one caller. Whoever is alone hears nothing for ever.
    async fn hear(&self) -> String;
}

/// How often something may happen, over all nodes.
#[async_trait]
pub trait Quota: Send + Sync {
    /// Counts one of `per_minute` for this key, or tells how long until there is one to count. A whole minute's may
    /// come at once.
    async fn take(&self, key: &str, per_minute: u32) -> Result<Option<Duration>, StoreError>;
}

/// The right to make a shared value, until its time is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Of which value.
    pub key: String,
    /// Whose it is: random for each.
    pub owner: String,
}

/// Values that all nodes share, and that one of them makes at a time.
///
/// A lease ends by itself: whoever dies while making a value leaves it to the next, and who is late writes nothing over
/// what the next has made.
#[async_trait]
pub trait Shared: Send + Sync {
    /// The value, while it lives.
    async fn read(&self, key: &str) -> Result<Option<SecretString>, StoreError>;

    /// Takes the right to make it for `ttl`; `None` while somebody else has it.
    async fn lease(&self, key: &str, ttl: Duration) -> Result<Option<Lease>, StoreError>;

    /// Keeps the value for `life` and gives the lease back; `false`, and nothing is kept, when the lease was over.
    async fn write(
        &self,
        lease: &Lease,
        value: &SecretString,
        life: Duration,
    ) -> Result<bool, StoreError>;
}

#[cfg(test)]
pub(crate) mod conformance;
