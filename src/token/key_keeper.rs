//! What keeps a running gateway's keys in step with their directory.

use std::time::Duration;

use super::{
    key_dir::KeyDir,
    keys::{KeyError, Keys},
    ring::KeyRotation,
};
use crate::{
    clock::{Clock, Millis},
    config::Config,
};

/// How often the directory is looked at; others count on 10 s.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How often the same trouble is told.
const SAY_EVERY: Millis = 3_600_000;

/// Rotates on schedule, and takes over what other processes wrote.
pub struct KeyKeeper {
    dir: KeyDir,
    keys: Keys,
    clock: Clock,
}

impl KeyKeeper {
    /// For keys that were opened in `token.key_dir`.
    pub fn new(config: &Config, keys: Keys, clock: Clock) -> Self {
        let dir = KeyDir::of(config);
        Self { dir, keys, clock }
    }

    /// Runs until it is dropped. Whatever is wrong with the directory, the keys in memory go on working.
    pub async fn keep(&self) {
        let mut trouble = Trouble::default();
        let mut signing = self.keys.current(self.clock.wall());
        loop {
            let now = self.clock.wall();
            let (dir, keys) = (self.dir.clone(), self.keys.clone());
            let looked = tokio::task::spawn_blocking(move || look(&dir, &keys, now)).await;
            let problem = match looked {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
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

/// Takes over what is in the directory, and does there what is due.
fn look(dir: &KeyDir, keys: &Keys, now: Millis) -> Result<(), KeyError> {
    take_over(dir, keys, now)?;
    if keys.loaded().ring.is_due(dir.policy(), now) {
        dir.turn(KeyRotation::Scheduled, now)?;
        take_over(dir, keys, now)?;
    }
    Ok(())
}

fn take_over(dir: &KeyDir, keys: &Keys, now: Millis) -> Result<(), KeyError> {
    let loaded = keys.loaded();
    if dir.ring()?.as_ref() == Some(&loaded.ring) {
        return Ok(());
    }
    let found = dir.load(&loaded.keys)?;
    if found.ring.signing(keys.algorithm(), now).is_none() {
        return Err(KeyError::Library(format!(
            "{} is configured here, and no key in token.key_dir is one: do all gateways have the same token.algorithm?",
            keys.algorithm()
        )));
    }
    keys.take_over(found);
    Ok(())
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
