//! Claims in Redis: a key for each, empty until somebody settles it.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::Script;

use super::{Link, keys};
use crate::{
    clock::Clock,
    cluster::{Claim, Once, StoreError},
};

/// Between two looks at a claim that somebody else has not settled yet; each further one waits twice as long.
const FIRST_LOOK: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// KEYS claim. ARGV who claims, life. What was there before, nothing when it was free: a claimant whose answer was lost
/// finds itself.
static CLAIM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('GET', KEYS[1])
        if found and found ~= ARGV[1] then return found end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return false",
    )
});

/// KEYS claim. ARGV outcome. The first one stays.
static SETTLE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('GET', KEYS[1])
        if found and string.sub(found, 1, 1) == '?' then
            redis.call('SET', KEYS[1], '=' .. ARGV[1], 'KEEPTTL')
        end",
    )
});

/// Claims of all nodes. They end by themselves; how many there may be is Redis's `maxmemory`, beyond which new ones are
/// refused.
pub struct RedisOnce {
    link: Link,
    clock: Clock,
}

impl RedisOnce {
    pub(super) const fn new(link: Link, clock: Clock) -> Self {
        Self { link, clock }
    }

    async fn look(&self, key: &str) -> Result<Option<String>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(keys::single("once", key));
        self.link.ask(&get).await
    }

    /// Waits for the outcome of somebody else's claim.
    async fn wait(&self, key: &str, found: String, wait: Duration) -> Result<Claim, StoreError> {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let until = self.clock.now().saturating_add(wait);
        let (mut found, mut pause) = (found, FIRST_LOOK);
        loop {
            if let Some(outcome) = found.strip_prefix('=') {
                return Ok(Claim::Again(outcome.to_owned()));
            }
            let left = Duration::from_millis(until.saturating_sub(self.clock.now()));
            if left.is_zero() {
                return Ok(Claim::Pending);
            }
            self.clock.sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
            found = self.look(key).await?.unwrap_or_default();
        }
    }
}

#[async_trait]
impl Once for RedisOnce {
    async fn claim(&self, key: &str, ttl: Duration, wait: Duration) -> Result<Claim, StoreError> {
        let me = format!("?{}", crate::ids::base64url(&crate::ids::random::<12>()));
        let mut claim = CLAIM.key(keys::single("once", key));
        let ttl = u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1);
        claim.arg(&me).arg(ttl);
        let found: Option<String> = match self.link.run(&claim).await {
            Err(_) => self.link.run(&claim).await?,
            Ok(found) => found,
        };
        match found {
            None => Ok(Claim::First),
            Some(found) => self.wait(key, found, wait).await,
        }
    }

    async fn settle(&self, key: &str, outcome: &str) -> Result<(), StoreError> {
        let mut settle = SETTLE.key(keys::single("once", key));
        settle.arg(outcome);
        match self.link.run(&settle).await {
            Err(_) => self.link.run(&settle).await,
            Ok(()) => Ok(()),
        }
    }

    async fn is_claimed(&self, key: &str) -> Result<bool, StoreError> {
        Ok(self.look(key).await?.is_some())
    }
}
