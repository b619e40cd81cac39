//! Which key signs when: reckoned from a list and a moment, without clock or disk.
//!
//! A key is published first, signs from a settled moment on, and stays published after its successor's moment until
//! the last token signed by it is dead. So the list of keys with the moment from which each one signs says all.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::access::LEEWAY_S;
use crate::{
    clock::Millis,
    config::{Config, SigningAlgorithm},
};

/// Other processes on the same directory sign with the key before for that long: they have not looked yet.
const NOTICED_WITHIN: Duration = Duration::from_secs(10);

/// How keys follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) algorithm: SigningAlgorithm,
    /// How long a key signs; `None` until somebody says so.
    pub(super) rotate_every: Option<Millis>,
    /// How long a key is published before it signs.
    pub(super) publish_ahead: Millis,
    /// How long a key is needed after its successor's moment.
    pub(super) stay: Millis,
}

/// One key of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) kid: String,
    pub(super) algorithm: SigningAlgorithm,
    pub(super) published_at: Millis,
    pub(super) signs_from: Millis,
}

/// The keys, by the moment from which they sign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Ring(Vec<Entry>);

/// What makes keys follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRotation {
    /// A gateway starts: a key of its algorithm must sign.
    Start,
    /// Time has passed.
    Scheduled,
    /// The next key is published, and signs when all verifiers can know it.
    Ahead,
    /// The next key signs at once.
    AtOnce,
    /// A fresh key signs at once, and all others are gone.
    Revoke,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published; it will sign.
    Next,
    /// It signs.
    Signing,
    /// Published for the tokens it has signed.
    Retired,
    /// No token of it is alive.
    Dead,
}

/// One key as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyStatus {
    /// Its name, the RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// Where it stands.
    pub state: KeyState,
    /// Since when.
    pub since: Millis,
    /// Until when; `None` when nothing but a command ends it.
    pub until: Option<Millis>,
}

/// What is to be done to a ring.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Keep,
    /// The key that waits signs from then on.
    Promote(Millis),
    /// A key is made that signs from then on.
    Make(Millis),
    /// A key is made that signs at once, without the others.
    Replace,
}

impl Policy {
    pub(super) fn of(config: &Config) -> Self {
        let token = &config.token;
        let leeway = Duration::from_secs(LEEWAY_S);
        // A grant shown again is answered with the token it gave before, which the same key signs.
        let needed = (token.access_ttl + leeway).max(config.scene.authorized_ttl);
        let every = token.rotate_every;
        Self {
            algorithm: token.algorithm,
            rotate_every: (!every.is_zero()).then(|| millis(every)),
            publish_ahead: millis(token.publish_ahead),
            stay: millis(needed + NOTICED_WITHIN),
        }
    }

    /// Keys that nothing but a command changes.
    pub(super) const fn by_command(algorithm: SigningAlgorithm) -> Self {
        Self {
            algorithm,
            rotate_every: None,
            publish_ahead: 0,
            stay: 0,
        }
    }
}

impl Ring {
    /// A ring of one key.
    pub(super) fn one(key: Entry) -> Self {
        Self(vec![key])
    }

    pub(super) fn keys(&self) -> &[Entry] {
        &self.0
    }

    /// In the order in which they sign, whatever a file says.
    pub(super) fn sorted(mut self) -> Self {
        self.0.sort_by_key(|key| key.signs_from);
        self
    }

    /// The last key whose moment has come; the first of all when the clock has gone back behind it.
    fn current_index(&self, now: Millis) -> usize {
        let begun = self.0.partition_point(|key| key.signs_from <= now);
        begun.saturating_sub(1)
    }

    /// The key that signs at `now`, whatever its algorithm; `None` when there are no keys.
    pub(super) fn current(&self, now: Millis) -> Option<&Entry> {
        self.0.get(self.current_index(now))
    }

    /// The key with which a gateway of that algorithm signs at `now`. It is not [`Ring::current`] while another
    /// gateway has gone over to another algorithm.
    pub(super) fn signing(&self, algorithm: SigningAlgorithm, now: Millis) -> Option<&Entry> {
        let begun = self.0.iter().take(self.current_index(now) + 1);
        let is_ours = |key: &&Entry| key.algorithm == algorithm;
        begun
            .rev()
            .find(is_ours)
            .or_else(|| self.0.iter().find(is_ours))
    }

    /// The keys that wait for their moment.
    fn waiting(&self, now: Millis) -> impl Iterator<Item = &Entry> {
        self.0.iter().skip(self.current_index(now) + 1)
    }

    /// Every key and where it stands at `now`.
    pub(super) fn status<'a>(
        &'a self,
        policy: &'a Policy,
        now: Millis,
    ) -> impl Iterator<Item = KeyStatus> + 'a {
        let current = self.current_index(now);
        let keys = self.0.iter().enumerate();
        keys.map(move |(index, key)| {
            let successor = self.0.get(index + 1).map(|next| next.signs_from);
            let (state, since, until) = if index > current {
                (KeyState::Next, key.published_at, Some(key.signs_from))
            } else if index == current {
                let turn = policy
                    .rotate_every
                    .map(|every| key.signs_from.saturating_add(every));
                (KeyState::Signing, key.signs_from, successor.or(turn))
            } else {
                let since = successor.unwrap_or(key.signs_from);
                let until = since.saturating_add(policy.stay);
                let is_dead = until <= now;
                let state = if is_dead {
                    KeyState::Dead
                } else {
                    KeyState::Retired
                };
                (state, since, Some(until))
            };
            KeyStatus {
                kid: key.kid.clone(),
                algorithm: key.algorithm,
                state,
                since,
                until,
            }
        })
    }

    /// Whether [`KeyRotation::Scheduled`] has something to do for a gateway of that algorithm.
    pub(super) fn is_due(&self, policy: &Policy, now: Millis) -> bool {
        let is_ours = self
            .current(now)
            .is_some_and(|key| key.algorithm == policy.algorithm);
        let has_dead = || {
            self.status(policy, now)
                .any(|key| key.state == KeyState::Dead)
        };
        is_ours && (has_dead() || self.step(KeyRotation::Scheduled, policy, now) != Step::Keep)
    }

    /// The ring after a rotation, without the dead. `make` makes a key that is published at once and signs from the
    /// moment given.
    pub(super) fn rotated<E>(
        &self,
        rotation: KeyRotation,
        policy: &Policy,
        now: Millis,
        make: impl FnOnce(Millis) -> Result<Entry, E>,
    ) -> Result<Self, E> {
        let keys = match self.step(rotation, policy, now) {
            Step::Replace => vec![make(now)?],
            Step::Keep => self.0.clone(),
            Step::Promote(signs_from) => self.promoted(policy, now, signs_from),
            Step::Make(signs_from) => {
                let made = make(signs_from)?;
                // One that waits with another algorithm has never signed, and never will.
                let kept = self.0.iter().enumerate().filter(|(index, key)| {
                    *index <= self.current_index(now) || key.algorithm == policy.algorithm
                });
                let mut keys: Vec<_> = kept.map(|(_, key)| key.clone()).collect();
                keys.push(made);
                keys
            }
        };
        let ring = Self(keys);
        let states = ring.status(policy, now).map(|key| key.state);
        let living = states
            .zip(&ring.0)
            .filter(|(state, _)| *state != KeyState::Dead);
        Ok(Self(living.map(|(_, key)| key.clone()).collect()))
    }

    fn promoted(&self, policy: &Policy, now: Millis, signs_from: Millis) -> Vec<Entry> {
        let next = self.next(policy, now).map(|next| next.kid.clone());
        let mut keys = self.0.clone();
        if let Some(key) = keys.iter_mut().find(|key| Some(&key.kid) == next.as_ref()) {
            key.signs_from = signs_from;
        }
        keys
    }

    /// The first key of the policy's algorithm that waits.
    fn next(&self, policy: &Policy, now: Millis) -> Option<&Entry> {
        self.waiting(now)
            .find(|key| key.algorithm == policy.algorithm)
    }

    fn step(&self, rotation: KeyRotation, policy: &Policy, now: Millis) -> Step {
        // No key follows before the one that signs, whatever the clock of another machine said then.
        let at = now.max(self.current(now).map_or(0, |current| current.signs_from));
        let at_once = || match self.next(policy, now) {
            Some(_) => Step::Promote(at),
            None => Step::Make(at),
        };
        let ahead = at.saturating_add(policy.publish_ahead);
        match (rotation, self.current(now)) {
            (KeyRotation::Revoke, _) => Step::Replace,
            (KeyRotation::AtOnce, _) | (_, None) => at_once(),
            (KeyRotation::Start, Some(current)) if current.algorithm != policy.algorithm => {
                at_once()
            }
            (KeyRotation::Start, _) => Step::Keep,
            (KeyRotation::Ahead, _) => match self.next(policy, now) {
                Some(_) => Step::Keep,
                None => Step::Make(ahead),
            },
            (KeyRotation::Scheduled, Some(current)) => {
                let turn = policy
                    .rotate_every
                    .map(|every| current.signs_from.saturating_add(every));
                match turn {
                    Some(turn) if ahead >= turn && self.waiting(now).next().is_none() => {
                        Step::Make(turn.max(ahead))
                    }
                    _ => Step::Keep,
                }
            }
        }
    }
}

fn millis(span: Duration) -> Millis {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
