//! What gateways that belong together must be told alike.

use secrecy::ExposeSecret;

use super::Checks;

/// The ways to name a Redis.
const SCHEMES: [&str; 6] = [
    "redis://",
    "rediss://",
    "redis+sentinel://",
    "rediss+sentinel://",
    "redis+cluster://",
    "rediss+cluster://",
];

/// The longest name of a node.
const MAX_NODE: usize = 32;

impl Checks<'_> {
    pub(super) fn cluster(&mut self) {
        let cluster = &self.config.cluster;
        let url = cluster.url.as_ref().map(ExposeSecret::expose_secret);
        if url.is_some_and(|url| !SCHEMES.iter().any(|scheme| url.starts_with(scheme))) {
            self.miss(
                "cluster.url",
                "redis:// or rediss://, redis+sentinel://sentinel1,sentinel2/master, or redis+cluster://host1,host2 is expected",
            );
        }
        let node = cluster.node.as_deref();
        if let Some(node) = node.filter(|node| !is_name(node)) {
            self.refuse(
                "cluster.node",
                node,
                "1 to 32 of a-z, 0-9 and - are expected",
            );
        }
    }

    pub(super) fn master_key(&mut self) {
        if self.config.token.master_key.is_none() {
            return;
        }
        if self.config.master_key().is_none() {
            self.miss(
                "token.master_key",
                "32 random bytes in base64 are expected, as openssl rand -base64 32 prints them",
            );
        }
        if !self.config.is_store_shared() {
            self.miss(
                "token.master_key",
                "this key wraps keys in a database: store.url must be postgres://",
            );
        }
    }
}

fn is_name(node: &str) -> bool {
    let passes = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=MAX_NODE).contains(&node.len()) && node.bytes().all(passes)
}
