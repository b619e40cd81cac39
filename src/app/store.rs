//! The database that `store.url` names, waited for.

use std::sync::Arc;

use super::patience::{self, What};
use crate::{
    backend::{self, Database, OpenError, postgres::Look},
    clock::{Clock, Millis},
    config::Config,
};

/// Opens the database; while it is away, says so and tries again for `store.wait_s`.
pub(crate) async fn open(config: &Config, clock: &Clock) -> anyhow::Result<Arc<dyn Database>> {
    let url = config.store_url();
    let place = &backend::place(&url);
    let key = "store.url";
    let open = async || backend::open(&url, &config.store).await;
    patience::open(What { key, place }, config.store.wait, clock, open).await
}

/// Does one thing on the database, beside the gateway or without it: what a command does, which is told the time.
pub(crate) async fn with<T>(
    config: &Config,
    work: impl AsyncFnOnce(&dyn Database, Millis) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let clock = Clock::new();
    let store = open(config, &clock).await?;
    let done = work(&*store, clock.wall()).await;
    store.close().await;
    done
}

/// What `scangate check` tells of the database; `None` when it is a file of this machine.
pub(crate) async fn look(config: &Config) -> Option<(String, Result<Look, OpenError>)> {
    let url = config.store_url();
    // Its state is large, and part of everything that the doctor asks at once.
    let looked = Box::pin(backend::look(&url, &config.store));
    let looked = looked.await.transpose()?;
    Some((backend::place(&url), looked))
}
