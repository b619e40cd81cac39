//! The three actors of every story: a gateway, browsers, phones.

mod accounts;
mod browser;
mod caller;
mod calls;
mod chat;
mod cluster;
mod doctor;
pub(crate) mod documents;
mod gateway;
mod operator;
mod phone;
#[path = "../../postgres/server.rs"]
mod postgres;
mod process;
mod pusher;
mod raw;
mod receiver;
#[path = "../../redis/server.rs"]
mod redis;
pub(crate) mod source;
mod steps;
mod website;

pub(crate) use self::{
    accounts::{PASSWORD, spawn_with_accounts},
    browser::{Browser, close_code},
    caller::{Caller, Stream, path, read},
    calls::{Answer, call},
    chat::{link, types},
    cluster::{spawn_cluster, spawn_cluster_with},
    doctor::{Doctor, answering},
    gateway::{Gateway, respawn_gateway, respawn_gateway_with, spawn_gateway, spawn_gateway_with},
    operator::Operator,
    phone::{Page, Phone},
    postgres::{Database, Server},
    process::{Process, keys_command, keys_command_with, make_keys, refused_process},
    pusher::{Pusher, event},
    raw::{Raw, frame},
    receiver::{Receiver, Reply, Told, signed},
    redis::{Redis, free_port},
    steps::{Step, Steps},
    website::{frame_ancestors, parameter},
};

use std::time::Duration;

/// The longest a test waits for a fact. Far longer than any takes: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A client for plain HTTP alone. It reads no certificates of the system, which would take longer than most tests.
pub(crate) fn http() -> reqwest::ClientBuilder {
    reqwest::Client::builder().tls_certs_only([])
}

/// Waits for a fact, with a bound.
pub(crate) async fn within<T>(what: &str, fact: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, fact).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}
