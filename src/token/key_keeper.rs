//! What keeps a running gateway's keys in step with their place.

use std::time::Duration;

use super::{key_source::KeySource, keys::Keys};
use crate::clock::{Clock, Millis};

/// How often the keys are looked at; others count on 10 s.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often the same trouble is told.
const SAY_EVERY: Millis = 3_600_000;

/// Rotates on schedule, and takes over what other processes wrote.
pub struct KeyKeeper {
    source: KeySource,
    keys: Keys,
    clock: Clock,
}

impl KeyKeeper {
    /// For keys that were opened there.
    pub const fn new(source: KeySource, keys: Keys, clock: Clock) -> Self {
        Self {
            source,
            keys,
            clock,
        }
    }

    /// The keys as they are in memory.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Runs until it is dropped. Whatever is wrong there, the keys in memory go on working.
    pub async fn keep(&self) {
        let mut trouble = Trouble::default();
        let mut signing = self.keys.current(self.clock.wall());
        loop {
            let now = self.clock.wall();
            let looked = self.source.look(&self.keys, now).await;
            let problem = looked.err().map(|error| error.to_string());
            if let Some(problem) = problem.filter(|problem| trouble.is_news(problem, now)) {
                tracing::error!(problem, "the signing keys stay as they are");
            }
            let current = self.keys.current(now);
            if current != signing {
                tracing::info!(kid = current, "another key signs access tokens");
                signing = current;
            }
            self.clock.sleep(LOOK_EVERY).await;
        }
    }
}

/// What was told last, and when.
#[derive(Default)]
struct Trouble(Option<(String, Millis)>);

impl Trouble {
    fn is_news(&mut self, problem: &str, now: Millis) -> bool {
        let is_told = self
            .0
            .as_ref()
            .is_some_and(|(told, at)| told == problem && now.saturating_sub(*at) < SAY_EVERY);
        if !is_told {
            self.0 = Some((problem.to_owned(), now));
        }
        !is_told
    }
}

#[cfg(test)]
#[cfg(unix)]
#[path = "key_keeper_tests.rs"]
mod tests;
