//! What this gateway shares with others: nothing, or what lies in the Redis of `cluster.url`.

use std::sync::Arc;

use super::patience::{self, What};
use crate::{
    backend::{
        self, OpenError,
        memory::{MemoryOnce, MemoryScenes, NoBus},
        redis::{Link, Look, Redis},
    },
    clock::Clock,
    cluster::{Agreement, Bus, Once, Quota, Shared},
    config::Config,
    ids,
    scene::{Lives, SceneStore},
};

/// Scenes, claims, and the way to the other nodes.
pub(super) struct Cluster {
    /// What people call this node.
    pub(super) node: String,
    pub(super) scenes: Arc<dyn SceneStore>,
    pub(super) once: Arc<dyn Once>,
    pub(super) bus: Arc<dyn Bus>,
    /// What all nodes must have alike; `None` when this gateway is alone, as the next three.
    pub(super) agreement: Option<Arc<dyn Agreement>>,
    pub(super) quota: Option<Arc<dyn Quota>>,
    pub(super) shared: Option<Arc<dyn Shared>>,
    pub(super) link: Option<Link>,
}

impl Cluster {
    /// Reaches the Redis, where there is one; while it is away, says so and tries again for `store.wait_s`.
    pub(super) async fn open(config: &Config, lives: Lives, clock: &Clock) -> anyhow::Result<Self> {
        let node = config.cluster.node.clone();
        let node = node.unwrap_or_else(|| ids::hex(&ids::random::<4>()));
        let limit = config.limits.live_scenes;
        let Some(url) = &config.cluster.url else {
            return Ok(Self {
                node,
                scenes: Arc::new(MemoryScenes::new(limit, lives)),
                once: Arc::new(MemoryOnce::new(clock.clone())),
                bus: Arc::new(NoBus),
                quota: None,
                agreement: None,
                shared: None,
                link: None,
            });
        };
        let (key, place) = ("cluster.url", "Redis");
        let open = async || Redis::open(url, &node, limit, lives, clock).await;
        let redis = patience::open(What { key, place }, config.store.wait, clock, open).await?;
        Ok(Self {
            node,
            scenes: Arc::new(redis.scenes),
            once: Arc::new(redis.once),
            bus: Arc::new(redis.bus),
            quota: Some(Arc::new(redis.quota)),
            agreement: Some(Arc::new(redis.agreement)),
            shared: Some(Arc::new(redis.shared)),
            link: Some(redis.link),
        })
    }
}

/// What `scangate check` tells of the Redis; `None` when there is none.
pub(crate) async fn look(config: &Config) -> Option<Result<Look, OpenError>> {
    let url = config.cluster.url.as_ref()?;
    Some(backend::redis::look(url).await)
}
