//! What keeps a gateway out of work while its keys are not those of the others.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{access::issuer, keys::Keys};
use crate::{
    clock::{Clock, Millis},
    cluster::{Agreement, Fingerprint, difference},
    config::Config,
    ids,
};

/// How often it is told what this gateway has; half a dozen times before it is forgotten.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Until the first answer it is asked more often: nobody is served meanwhile.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long a node that differs leaves it to the others to say again what counts: longer than they take.
const BEGIN_AFTER: Millis = 8_000;

/// How long a key counts after it was revoked: until all have noticed, and have told it.
const REMEMBERED: Millis = 60_000;

/// How often the same trouble is told.
const SAY_EVERY: Millis = 60_000;

/// What is known of the keys of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStanding {
    /// Nobody could be asked yet.
    Unknown,
    /// They are the same, or were when they were last asked for.
    Same,
    /// They were others from the start: what this gateway gives out would be refused there.
    Differ,
}

/// Compares this gateway's keys with those of all others, as long as it lives.
pub struct KeyAgreement {
    agreement: Arc<dyn Agreement>,
    keys: Keys,
    issuer: String,
    clock: Clock,
    state: Mutex<State>,
}

/// What was found out, and what is remembered.
struct State {
    standing: KeyStanding,
    /// The keys that were known lately, and when.
    kids: BTreeMap<String, Millis>,
    /// Since when this node, which differs, has found that nothing counts.
    empty_since: Option<Millis>,
}

impl KeyAgreement {
    /// Before the first comparison.
    pub fn new(config: &Config, agreement: Arc<dyn Agreement>, keys: Keys, clock: Clock) -> Self {
        Self {
            agreement,
            keys,
            issuer: issuer(config),
            clock,
            state: Mutex::new(State {
                standing: KeyStanding::Unknown,
                kids: BTreeMap::new(),
                empty_since: None,
            }),
        }
    }

    /// What came of the last comparison.
    pub fn standing(&self) -> KeyStanding {
        self.state().standing
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs until it is dropped.
    pub async fn keep(&self) {
        let mut told: Option<Millis> = None;
        loop {
            let now = self.clock.now();
            let trouble = self.compare().await;
            match trouble {
                Err(problem) if told.is_none_or(|at| now.saturating_sub(at) >= SAY_EVERY) => {
                    tracing::error!(problem, "the keys of the gateways differ");
                    told = Some(now);
                }
                Err(_) => {}
                Ok(()) => told = None,
            }
            let pause = match self.standing() {
                KeyStanding::Same => TELL_EVERY,
                KeyStanding::Unknown | KeyStanding::Differ => ASK_EVERY,
            };
            self.clock.sleep(pause).await;
        }
    }

    /// Compares once.
    ///
    /// # Errors
    /// What differs and what to do.
    pub(super) async fn compare(&self) -> Result<(), String> {
        let mine = self.fingerprint();
        let theirs = self.agreement.agree(&mine, self.may_begin()).await;
        let before = self.standing();
        let (after, problem) = match theirs {
            Ok(Some(theirs)) => {
                self.state().empty_since = None;
                judged(before, &mine, &theirs)
            }
            Ok(None) => {
                let now = self.clock.now();
                self.state().empty_since.get_or_insert(now);
                (before, None)
            }
            Err(error) => {
                tracing::debug!(%error, "the keys of the other gateways are not known");
                (before, None)
            }
        };
        self.state().standing = after;
        if before != after && after == KeyStanding::Same {
            tracing::info!("the keys are those of all gateways");
        }
        problem.map_or(Ok(()), Err)
    }

    /// Whether this node may say what counts where nothing does. Who differs leaves that to the others for as long as
    /// they need to say it again: Redis may just have lost it.
    fn may_begin(&self) -> bool {
        let state = self.state();
        let waited = state
            .empty_since
            .map(|since| self.clock.now().saturating_sub(since));
        state.standing != KeyStanding::Differ || waited.is_some_and(|waited| waited >= BEGIN_AFTER)
    }

    /// What others may know of the keys: those that were just revoked, too, because others may not have noticed yet.
    fn fingerprint(&self) -> Fingerprint {
        let now = self.clock.now();
        let mut state = self.state();
        let known = self.keys.loaded();
        let known = known.keys.keys().map(|kid| (kid.clone(), now));
        state.kids.extend(known);
        state
            .kids
            .retain(|_, at| now.saturating_sub(*at) < REMEMBERED);
        Fingerprint {
            derivation: ids::base64url(&self.keys.purpose("agreement")),
            algorithm: self.keys.algorithm().to_string(),
            issuer: self.issuer.clone(),
            kids: state.kids.keys().cloned().collect(),
        }
    }
}

/// Where a gateway stands after it was told what the others have. Who works goes on working: it is the newcomer who must
/// not begin, and which of the two that is nobody knows here.
fn judged(
    before: KeyStanding,
    mine: &Fingerprint,
    theirs: &Fingerprint,
) -> (KeyStanding, Option<String>) {
    match (difference(mine, theirs), before) {
        (None, _) => (KeyStanding::Same, None),
        (problem, KeyStanding::Same) => (KeyStanding::Same, problem),
        (problem, KeyStanding::Unknown | KeyStanding::Differ) => (KeyStanding::Differ, problem),
    }
}

#[cfg(test)]
#[path = "key_agreement_tests.rs"]
mod tests;
