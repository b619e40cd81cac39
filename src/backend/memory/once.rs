//! Claims in a [`DashMap`], each with a channel for those who wait for its outcome.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use dashmap::{DashMap, Entry};
use tokio::sync::watch;

use crate::{
    clock::{Clock, Millis},
    cluster::{Claim, Once, StoreError},
};

/// Claims of one purpose. They are short (a state's nonce lives five minutes); above this many new ones are refused.
const LIMIT: usize = 200_000;
/// A sweep for each so many new claims keeps what has run out from piling up.
const SWEEP_EVERY: usize = 1_024;
/// A sweep looks at every claim: more often than this it would be the flood's best weapon.
const SWEEP_APART: Millis = 1_000;

/// Claims of this process, in a room for each purpose.
#[derive(Debug)]
pub struct MemoryOnce {
    rooms: DashMap<String, Arc<Room>>,
    limit: usize,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Room {
    claims: DashMap<String, Claimed>,
    count: AtomicUsize,
    swept_at: AtomicU64,
}

#[derive(Debug)]
struct Claimed {
    until: Millis,
    outcome: watch::Sender<Option<String>>,
}

/// What tells the outcome of somebody else's claim.
type Outcome = watch::Receiver<Option<String>>;

impl MemoryOnce {
    /// No claims yet.
    pub fn new(clock: Clock) -> Self {
        Self::with_limit(LIMIT, clock)
    }

    fn with_limit(limit: usize, clock: Clock) -> Self {
        Self {
            rooms: DashMap::new(),
            limit,
            clock,
        }
    }

    /// The room of a key: named by what stands before its first colon, which the code says and no caller.
    fn room(&self, key: &str) -> Arc<Room> {
        let purpose = key.split_once(':').map_or("", |(purpose, _)| purpose);
        if let Some(room) = self.rooms.get(purpose) {
            return room.clone();
        }
        self.rooms.entry(purpose.to_owned()).or_default().clone()
    }
}

impl Room {
    /// What to wait for, if the key is claimed.
    fn find(&self, key: &str, now: Millis) -> Option<Outcome> {
        let claimed = self.claims.get(key)?;
        (claimed.until > now).then(|| claimed.outcome.subscribe())
    }

    /// Takes the key, or gives what to wait for. Holds the entry's lock and nothing else.
    fn take(&self, key: &str, now: Millis, until: Millis) -> Option<Outcome> {
        let fresh = Claimed {
            until,
            outcome: watch::Sender::new(None),
        };
        match self.claims.entry(key.to_owned()) {
            Entry::Vacant(place) => {
                place.insert(fresh);
                self.count.fetch_add(1, Ordering::AcqRel);
                None
            }
            Entry::Occupied(mut place) if place.get().until <= now => {
                place.insert(fresh);
                None
            }
            Entry::Occupied(place) => Some(place.get().outcome.subscribe()),
        }
    }

    fn make_room(&self, limit: usize, now: Millis) -> Result<(), StoreError> {
        let count = self.count.load(Ordering::Acquire);
        let is_due = count % SWEEP_EVERY == SWEEP_EVERY - 1 || count >= limit;
        if is_due && self.may_sweep(now) {
            self.claims.retain(|_, claimed| {
                let lives = claimed.until > now;
                if !lives {
                    self.count.fetch_sub(1, Ordering::AcqRel);
                }
                lives
            });
        }
        if self.count.load(Ordering::Acquire) < limit {
            return Ok(());
        }
        Err(StoreError {
            store: "memory",
            message: format!("{limit} claims of one purpose are open"),
        })
    }

    /// One of all that ask at once, and not too soon after the last.
    fn may_sweep(&self, now: Millis) -> bool {
        let last = self.swept_at.load(Ordering::Acquire);
        now >= last.saturating_add(SWEEP_APART)
            && self
                .swept_at
                .compare_exchange(last, now, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
    }
}

#[async_trait]
impl Once for MemoryOnce {
    async fn claim(&self, key: &str, ttl: Duration, wait: Duration) -> Result<Claim, StoreError> {
        let (room, now) = (self.room(key), self.clock.now());
        let until = now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX));
        // A full room still knows whom it has.
        let found = match room.find(key, now) {
            Some(outcome) => Some(outcome),
            None => {
                room.make_room(self.limit, now)?;
                room.take(key, now, until)
            }
        };
        let Some(mut outcome) = found else {
            return Ok(Claim::First);
        };
        let settled = tokio::time::timeout(wait, outcome.wait_for(Option::is_some)).await;
        Ok(match settled {
            Ok(Ok(outcome)) => outcome.clone().map_or(Claim::Pending, Claim::Again),
            Ok(Err(_)) | Err(_) => Claim::Pending,
        })
    }

    async fn settle(&self, key: &str, outcome: &str) -> Result<(), StoreError> {
        if let Some(claimed) = self.room(key).claims.get(key) {
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
        Ok(self.room(key).find(key, self.clock.now()).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::conformance;

    #[tokio::test(start_paused = true)]
    async fn keeps_the_contract() {
        let clock = Clock::new();
        let later = async |span| clock.advance(span);
        conformance::once(&MemoryOnce::new(clock.clone()), later).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_one_purpose_leaves_the_others_their_room() {
        let clock = Clock::new();
        let once = MemoryOnce::with_limit(3, clock.clone());
        let claim = async |key: &str| {
            let claim = once.claim(key, Duration::from_secs(60), Duration::ZERO);
            claim.await
        };
        for key in ["state:1", "state:2", "state:3"] {
            assert_eq!(claim(key).await.unwrap(), Claim::First);
        }
        assert!(claim("state:4").await.is_err(), "full");
        assert_eq!(claim("state:1").await.unwrap(), Claim::Pending, "known");
        assert!(once.is_claimed("state:2").await.unwrap());
        assert_eq!(claim("push:1").await.unwrap(), Claim::First);
        clock.advance(Duration::from_secs(61));
        assert_eq!(claim("state:4").await.unwrap(), Claim::First);
        assert!(!once.is_claimed("state:1").await.unwrap());
    }
}
