//! Rates over all nodes: GCRA, as each node's own limits.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::Script;

use super::{Link, keys};
use crate::cluster::{Quota, StoreError};

/// In milliseconds.
const MINUTE: f64 = 60_000.0;

/// KEYS the theoretical arrival time. ARGV the time between two, the time that may be saved up. How many milliseconds
/// there are to wait, 0 when it was counted. By Redis's clock: there is one.
static TAKE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
        local now = time[1] * 1000 + time[2] / 1000
        local next = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + ARGV[1]
        local wait = next - ARGV[2] - now
        if wait > 0 then return math.ceil(wait) end
        redis.call('SET', KEYS[1], string.format('%.3f', next), 'PX', math.ceil(next - now))
        return 0",
    )
});

/// The quotas of all nodes. A key lives until it is full again.
pub struct RedisQuota(pub(super) Link);

#[async_trait]
impl Quota for RedisQuota {
    async fn take(&self, key: &str, per_minute: u32) -> Result<Option<Duration>, StoreError> {
        let mut take = TAKE.key(keys::single("quota", key));
        take.arg(MINUTE / f64::from(per_minute.max(1))).arg(MINUTE);
        let wait: u64 = self.0.run(&take).await?;
        Ok((wait > 0).then(|| Duration::from_millis(wait)))
    }
}
