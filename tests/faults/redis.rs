//! The Redis servers of the tests, one and more.

#[expect(dead_code, reason = "wires have addresses of their own")]
#[path = "../redis/server.rs"]
mod server;
#[expect(dead_code, reason = "clusters are for the store's own tests")]
#[path = "../redis/topology.rs"]
mod topology;

pub(crate) use self::server::Redis;
