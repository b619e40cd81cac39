//! What gateways share in Redis: scenes, claims, and what they tell each other; and the stream of login events.

mod agreement;
mod bus;
mod connection;
mod feed;
mod keys;
mod link;
mod look;
mod once;
mod place;
mod quota;
mod scenes;
mod scripts;
mod shared;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use secrecy::SecretString;

use self::feed::Feed;
pub use self::{
    agreement::RedisAgreement,
    bus::RedisBus,
    link::Link,
    look::{Look, look},
    once::RedisOnce,
    quota::RedisQuota,
    scenes::RedisScenes,
    shared::RedisShared,
    stream::RedisStream,
};
use crate::{
    backend::OpenError,
    clock::{Clock, Millis},
    cluster::StoreError,
    ids,
    scene::Lives,
};

/// How far this machine's clock may be from Redis's: tokens, cookies and the times of scenes depend on it.
const CLOCKS_APART: Millis = 5_000;

/// Everything that is kept in one Redis.
pub struct Redis {
    /// To be kept by [`Link::keep`].
    pub link: Link,
    /// Scenes.
    pub scenes: RedisScenes,
    /// Claims.
    pub once: RedisOnce,
    /// Rates.
    pub quota: RedisQuota,
    /// Values that one node makes for all.
    pub shared: RedisShared,
    /// What is told to everybody.
    pub bus: RedisBus,
    /// What all nodes must have alike.
    pub agreement: RedisAgreement,
}

impl Redis {
    /// Connects once. `node` is what people call this gateway; others know it by a name of its own for each start, so
    /// that nothing of an earlier one reaches it. From here on `clock` tells Redis's time, as on all other nodes.
    ///
    /// # Errors
    /// [`OpenError`]: Redis is away, or this machine's clock is wrong.
    pub async fn open(
        url: &SecretString,
        node: &str,
        limit: usize,
        lives: Lives,
        clock: &Clock,
    ) -> Result<Self, OpenError> {
        let node: Arc<str> = format!("{node}.{}", ids::hex(&ids::random::<4>())).into();
        let channels = [keys::channels() + &node, keys::everybody()];
        let (link, [own, everybody]) = Link::open(url, channels, clock.clone()).await?;
        let server = link.time().await.map_err(OpenError::Away)?;
        let apart = server.abs_diff(clock.now());
        if apart > CLOCKS_APART {
            let message =
                format!("its clock and this machine's are {apart} ms apart; set both by NTP");
            let store = "redis";
            return Err(OpenError::Away(StoreError { store, message }));
        }
        clock.agree(server);
        let feed = Feed::new(link.clone(), node.clone(), own, clock.clone());
        Ok(Self {
            scenes: RedisScenes::new(link.clone(), node, limit, lives, clock.clone(), feed),
            once: RedisOnce::new(link.clone(), clock.clone()),
            quota: RedisQuota(link.clone()),
            shared: RedisShared(link.clone()),
            bus: RedisBus::new(link.clone(), everybody),
            agreement: RedisAgreement::new(link.clone()),
            link,
        })
    }
}
