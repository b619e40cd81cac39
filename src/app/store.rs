//! The database that `store.url` names, waited for.

use std::{sync::Arc, time::Duration};

use anyhow::Context;

use crate::{
    backend::{self, Database, OpenError, postgres::Look},
    clock::{Clock, Stopwatch},
    config::Config,
    ids,
};

/// The pause after the first try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Opens the database; while it is away, says so and tries again for `store.wait_s`. What a person has to put right is
/// not waited for.
pub(crate) async fn open(config: &Config, clock: &Clock) -> anyhow::Result<Arc<dyn Database>> {
    let url = config.store_url();
    let database = backend::place(&url);
    let waiting = Stopwatch::start();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match backend::open(&url, &config.store).await {
            Err(OpenError::Away(error)) => error,
            done => return done.with_context(|| format!("store.url: {database}")),
        };
        let left = config.store.wait.saturating_sub(waiting.elapsed());
        if left.is_zero() {
            let waited = config.store.wait;
            return Err(error)
                .with_context(|| format!("store.url: {database} was away for {waited:?}"));
        }
        let next = jittered(pause).min(left);
        tracing::warn!(database, %error, again_in = ?next, "the database is away: the start waits for it");
        clock.sleep(next).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Between half of it and the whole, so that gateways that lost one database do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let [random] = ids::random::<1>();
    pause.mul_f64(0.5 + f64::from(random) / 512.0)
}

/// What `scangate check` tells of the database; `None` when it is a file of this machine.
pub(crate) async fn look(config: &Config) -> Option<(String, Result<Look, OpenError>)> {
    let url = config.store_url();
    // Its state is large, and part of everything that the doctor asks at once.
    let looked = Box::pin(backend::look(&url, &config.store));
    let looked = looked.await.transpose()?;
    Some((backend::place(&url), looked))
}
