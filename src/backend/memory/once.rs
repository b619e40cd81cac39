//! Claims in a [`DashMap`], each with a channel for those who wait for its outcome.

use std::time::Duration;

use async_trait::async_trait;
use dashmap::{DashMap, Entry};
use tokio::sync::watch;

use crate::{
    clock::{Clock, Millis},
    cluster::{Claim, Once, StoreError},
};

/// Claims are short (a state's nonce lives five minutes); above this many new ones are refused.
const LIMIT: usize = 200_000;
/// A sweep for each so many claims keeps what has run out from piling up.
const SWEEP_EVERY: usize = 1_024;

/// Claims of this process.
#[derive(Debug)]
pub struct MemoryOnce {
    claims: DashMap<String, Claimed>,
    clock: Clock,
}

#[derive(Debug)]
struct Claimed {
    until: Millis,
    outcome: watch::Sender<Option<String>>,
}

impl MemoryOnce {
    /// No claims yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            claims: DashMap::new(),
            clock,
        }
    }

    /// Takes the key, or gives what to wait for. Holds the entry's lock and nothing else.
    fn take(&self, key: &str, ttl: Duration) -> Option<watch::Receiver<Option<String>>> {
        let now = self.clock.now();
        let until = now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        let fresh = || Claimed {
            until,
            outcome: watch::Sender::new(None),
        };
        match self.claims.entry(key.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(fresh());
                None
            }
            Entry::Occupied(mut place) if place.get().until <= now => {
                place.insert(fresh());
                None
            }
            Entry::Occupied(place) => Some(place.get().outcome.subscribe()),
        }
    }

    fn make_room(&self) -> Result<(), StoreError> {
        let count = self.claims.len();
        if count % SWEEP_EVERY == SWEEP_EVERY - 1 || count >= LIMIT {
            let now = self.clock.now();
            self.claims.retain(|_, claimed| claimed.until > now);
        }
        if self.claims.len() >= LIMIT {
            return Err(StoreError {
                store: "memory",
                message: format!("{LIMIT} claims are open"),
            });
        }
        Ok(())
    }
}

#[async_trait]
impl Once for MemoryOnce {
    async fn claim(&self, key: &str, ttl: Duration, wait: Duration) -> Result<Claim, StoreError> {
        self.make_room()?;
        let Some(mut outcome) = self.take(key, ttl) else {
            return Ok(Claim::First);
        };
        let settled = tokio::time::timeout(wait, outcome.wait_for(Option::is_some)).await;
        Ok(match settled {
            Ok(Ok(outcome)) => outcome.clone().map_or(Claim::Pending, Claim::Again),
            Ok(Err(_)) | Err(_) => Claim::Pending,
        })
    }

    async fn settle(&self, key: &str, outcome: &str) -> Result<(), StoreError> {
        if let Some(claimed) = self.claims.get(key) {
            claimed.outcome.send_if_modified(|settled| {
                let first = settled.is_none();
                if first {
                    *settled = Some(outcome.to_owned());
                }
                first
            });
        }
        Ok(())
    }

    async fn is_claimed(&self, key: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        Ok(self
            .claims
            .get(key)
            .is_some_and(|claimed| claimed.until > now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::conformance;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_contract() {
        let clock = Clock::new();
        conformance::once(&MemoryOnce::new(clock.clone()), &clock).await;
    }
}
