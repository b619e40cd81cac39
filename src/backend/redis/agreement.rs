//! What the living nodes work with: one key, which ends soon after the last of them.

use std::{sync::LazyLock, time::Duration};

use async_trait::async_trait;
use redis::Script;

use super::{Link, keys};
use crate::cluster::{Agreement, Fingerprint, StoreError, difference};

/// How long it stands for a node that tells it no more. After that a node with other keys may begin.
const LIFE: Duration = Duration::from_secs(60);

/// How often somebody else may change it between two looks.
const TRIES: usize = 8;

/// KEYS the fingerprint. ARGV what is expected there, what to put there, life, 1 when it may be put where nothing is.
/// Puts it in the place of what is expected or of nothing, and says what is there then.
static AGREE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('GET', KEYS[1])
        if found and found ~= ARGV[1] then return found end
        if not found and ARGV[4] ~= '1' then return false end
        redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
        return ARGV[2]",
    )
});

/// The fingerprint that all nodes of one Redis have in common.
pub struct RedisAgreement {
    link: Link,
    pub(super) life: Duration,
}

impl RedisAgreement {
    pub(super) const fn new(link: Link) -> Self {
        Self { link, life: LIFE }
    }
}

#[async_trait]
impl Agreement for RedisAgreement {
    async fn agree(
        &self,
        mine: &Fingerprint,
        may_begin: bool,
    ) -> Result<Option<Fingerprint>, StoreError> {
        let text = serde_json::to_string(mine).map_err(|error| broken(&error))?;
        let mut expected = text.clone();
        for _ in 0..TRIES {
            let mut agree = AGREE.key(keys::single("agreement", "keys"));
            let life = u64::try_from(self.life.as_millis()).unwrap_or(u64::MAX);
            let may_begin = u8::from(may_begin);
            agree.arg(&expected).arg(&text).arg(life).arg(may_begin);
            let found: Option<String> = self.link.run(&agree).await?;
            let Some(found) = found else { return Ok(None) };
            if found == text {
                return Ok(Some(mine.clone()));
            }
            let theirs = serde_json::from_str(&found).map_err(|error| broken(&error))?;
            if difference(mine, &theirs).is_some() {
                return Ok(Some(theirs));
            }
            expected = found;
        }
        // Others who are alike were faster each time: it stands for this node as well.
        Ok(Some(mine.clone()))
    }
}

fn broken(error: &serde_json::Error) -> StoreError {
    StoreError {
        store: "redis",
        message: format!("the fingerprint of the keys cannot be read: {error}"),
    }
}
