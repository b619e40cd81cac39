//! The three actors of every story: a gateway, browsers, phones.

mod browser;
mod calls;
mod gateway;
mod phone;
mod steps;

pub(crate) use self::{
    browser::{Browser, close_code},
    calls::{Answer, call},
    gateway::{Gateway, spawn_gateway, spawn_gateway_with},
    phone::{Page, Phone},
    steps::{Step, Steps},
};

use std::time::Duration;

/// The longest a test waits for a fact. Far longer than any takes: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for a fact, with a bound.
pub(crate) async fn within<T>(what: &str, fact: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, fact).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}
