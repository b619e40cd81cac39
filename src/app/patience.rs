//! How a start waits for what is away.

use std::time::Duration;

use anyhow::Context;

use crate::{
    backend::OpenError,
    clock::{Clock, Stopwatch},
    ids,
};

/// The pause after the first try; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What is opened, for people: the key and the place.
pub(super) struct What<'a> {
    pub(super) key: &'static str,
    pub(super) place: &'a str,
}

/// Opens it; while it is away, says so and tries again for `wait`. What a person has to put right is not waited for.
pub(super) async fn open<T>(
    what: What<'_>,
    wait: Duration,
    clock: &Clock,
    open: impl AsyncFn() -> Result<T, OpenError>,
) -> anyhow::Result<T> {
    let What { key, place } = what;
    let waiting = Stopwatch::start();
    let mut pause = FIRST_PAUSE;
    loop {
        let error = match open().await {
            Err(OpenError::Away(error)) => error,
            done => return done.with_context(|| format!("{key}: {place}")),
        };
        let left = wait.saturating_sub(waiting.elapsed());
        if left.is_zero() {
            return Err(error).with_context(|| format!("{key}: {place} was away for {wait:?}"));
        }
        let next = ids::jittered(pause).min(left);
        tracing::warn!(key, place, %error, again_in = ?next, "it is away: the start waits for it");
        clock.sleep(next).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
