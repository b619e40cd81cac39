//! Several gateways that are one: one Redis, one database, one set of keys, one WeChat.

use tempfile::TempDir;

use super::{Database, Gateway, Redis, spawn_gateway_with};

/// Two nodes with what they share. Phones come to the first one, whose address is everybody's `public_url`.
pub(crate) struct Cluster {
    pub(crate) first: Gateway,
    pub(crate) second: Gateway,
    pub(crate) redis: Redis,
    _database: Database,
    _keys: TempDir,
}

pub(crate) async fn spawn_cluster() -> Cluster {
    spawn_cluster_with(&[]).await
}

/// With some keys of the configuration set on both.
pub(crate) async fn spawn_cluster_with(settings: &[(&str, &str)]) -> Cluster {
    let (redis, database) = (Redis::start(), Database::create());
    let keys = tempfile::tempdir().unwrap();
    let (redis_url, store_url) = (redis.url(), database.url());
    let shared = [
        ("cluster.url", redis_url.as_str()),
        ("store.url", store_url.as_str()),
        ("token.key_dir", keys.path().to_str().unwrap()),
    ];
    let mut all: Vec<_> = shared.iter().chain(settings).copied().collect();
    let first = spawn_gateway_with(&all).await;
    let (public_url, wechat) = (first.url.to_string(), format!("http://{}", first.sandbox));
    all.push(("server.public_url", &public_url));
    for base in ["wechat.open_base", "wechat.api_base", "wechat.mp_base"] {
        all.push((base, &wechat));
    }
    let second = spawn_gateway_with(&all).await;
    Cluster {
        first,
        second,
        redis,
        _database: database,
        _keys: keys,
    }
}

impl Cluster {
    pub(crate) async fn stop(self) {
        self.second.stop().await;
        self.first.stop().await;
    }
}
