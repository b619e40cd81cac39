//! Shared values in Redis: one key for the value, one for the lease.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::Script;
use secrecy::{ExposeSecret, SecretString};

use super::{Link, keys};
use crate::{
    cluster::{Lease, Shared, StoreError},
    ids,
};

/// KEYS lease. ARGV owner, life. 1 when it is the owner's.
static LEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('GET', KEYS[1])
        if found and found ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
        return 1",
    )
});

/// KEYS value, lease. ARGV owner, value, life. 1 when it was kept.
static WRITE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        redis.call('DEL', KEYS[2])
        return 1",
    )
});

/// The values of all nodes.
pub struct RedisShared(pub(super) Link);

#[async_trait]
impl Shared for RedisShared {
    async fn read(&self, key: &str) -> Result<Option<SecretString>, StoreError> {
        let mut get = redis::cmd("GET");
        get.arg(keys::shared(key, "value"));
        let found: Option<String> = self.0.ask(&get).await?;
        Ok(found.map(SecretString::from))
    }

    async fn lease(&self, key: &str, ttl: Duration) -> Result<Option<Lease>, StoreError> {
        let owner = ids::base64url(&ids::random::<12>());
        let mut lease = LEASE.key(keys::shared(key, "lease"));
        lease.arg(&owner).arg(millis(ttl));
        let is_taken: bool = match self.0.run(&lease).await {
            // It knows its owner again.
            Err(_) => self.0.run(&lease).await?,
            Ok(is_taken) => is_taken,
        };
        let key = key.to_owned();
        Ok(is_taken.then_some(Lease { key, owner }))
    }

    async fn write(
        &self,
        lease: &Lease,
        value: &SecretString,
        life: Duration,
    ) -> Result<bool, StoreError> {
        let mut write = WRITE.prepare_invoke();
        write
            .key(keys::shared(&lease.key, "value"))
            .key(keys::shared(&lease.key, "lease"))
            .arg(&lease.owner)
            .arg(value.expose_secret())
            .arg(millis(life));
        self.0.run(&write).await
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
}
