//! The door for pictures of people: `/avatars/{id}`.
//!
//! WeChat's own address of a picture stays here: a page that showed it would tell WeChat who looks at whom, and an
//! address that comes from outside must not decide what this machine connects to. So the gateway fetches the picture
//! itself ([`fetch`]), from WeChat's hosts alone ([`source`]) and never from an address inside ([`address`]), looks at
//! its first bytes, and keeps it in memory for a day.

mod address;
mod door;
mod fetch;
mod source;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::{Expiry, future::Cache};
use tokio::sync::Semaphore;
use url::Url;

pub(crate) use self::door::resource;
use self::{
    fetch::{Fetcher, Picture},
    source::Sources,
};
use crate::{
    cluster::StoreError,
    code::Code,
    config,
    http::ApiError,
    user::{AvatarId, UserStore},
};

/// How long a picture is kept. Its name changes when the person changes it, so this only bounds how long WeChat is
/// not asked.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// How long WeChat is not asked again for a picture that could not be had.
const MISSED: Duration = Duration::from_secs(60);
/// Pictures fetched at once.
const MAX_FETCHES: usize = 32;
/// The whole fetch, from the name's resolution to the last byte.
const FETCH_WITHIN: Duration = Duration::from_secs(3);
/// What a caller is asked to wait when all places are taken or the store is away.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// What an entry takes beside the picture, in bytes.
const ENTRY: usize = 256;

/// The pictures of this node.
pub(crate) struct Avatars {
    users: Arc<dyn UserStore>,
    fetcher: Fetcher,
    /// `None` for a picture that could not be had. It has a clock of its own, which tests do not move.
    cache: Cache<AvatarId, Option<Arc<Picture>>>,
    places: Semaphore,
}

/// All places for fetches are taken.
#[derive(Debug, thiserror::Error)]
#[error("{MAX_FETCHES} pictures are being fetched")]
struct Busy;

/// How long which entry lives.
struct Lives;

impl Expiry<AvatarId, Option<Arc<Picture>>> for Lives {
    fn expire_after_create(
        &self,
        _id: &AvatarId,
        picture: &Option<Arc<Picture>>,
        _now: Instant,
    ) -> Option<Duration> {
        Some(if picture.is_some() { KEPT } else { MISSED })
    }
}

impl Avatars {
    /// `sandbox` is where WeChat is played, in sandbox mode.
    ///
    /// # Errors
    /// When the TLS back end cannot be set up.
    pub(crate) fn new(
        config: &config::Avatars,
        sandbox: Option<Url>,
        users: Arc<dyn UserStore>,
    ) -> Result<Self, reqwest::Error> {
        let cache = Cache::builder()
            .max_capacity(u64::from(config.cache_mb) * 1024 * 1024)
            .weigher(|_id, picture: &Option<Arc<Picture>>| {
                let bytes = picture.as_ref().map_or(0, |picture| picture.bytes.len());
                u32::try_from(bytes + ENTRY).unwrap_or(u32::MAX)
            })
            .expire_after(Lives)
            .build();
        let sources = Sources::new(config.hosts.clone(), sandbox);
        Ok(Self {
            users,
            fetcher: Fetcher::new(sources, FETCH_WITHIN)?,
            cache,
            places: Semaphore::new(MAX_FETCHES),
        })
    }

    /// The picture of that name, while it is somebody's; `None` also when WeChat has no usable one.
    ///
    /// The store is asked first, each time: what was erased or replaced is gone at once, whatever the cache holds.
    async fn get(&self, id: &AvatarId) -> Result<Option<Arc<Picture>>, ApiError> {
        let source = self.users.avatar_source(id).await.map_err(away)?;
        let Some(source) = source else {
            return Ok(None);
        };
        // One fetch for all who ask at once; when its caller hangs up, the next one takes over.
        let fetched = self.cache.try_get_with_by_ref(id, self.fetch(&source));
        fetched.await.map_err(|busy| {
            ApiError::new(Code::Overloaded)
                .retry_after(RETRY_AFTER)
                .because(busy)
        })
    }

    async fn fetch(&self, source: &str) -> Result<Option<Arc<Picture>>, Busy> {
        let _place = self.places.try_acquire().map_err(|_full| Busy)?;
        match self.fetcher.fetch(source).await {
            Ok(picture) => Ok(Some(Arc::new(picture))),
            Err(why) => {
                // Without the address: it is part of the person's profile.
                tracing::info!(causes = why.causes(), "a picture cannot be had");
                Ok(None)
            }
        }
    }
}

fn away(error: StoreError) -> ApiError {
    ApiError::new(Code::Overloaded)
        .retry_after(RETRY_AFTER)
        .because(error)
}

#[cfg(test)]
mod tests;
