//! What every worker and every endpoint of one sandbox shares.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    address::{Own, RedirectHosts},
    authorize::Back,
    expiring::Expiring,
    fault::Faults,
    ledger::{Grant, Ledger},
    user::Users,
};
use crate::clock::{Clock, Millis};

/// How long a consent sheet can be answered.
const CONSENT_TTL: Millis = 5 * 60_000;
/// Consent sheets at most; the oldest makes room.
const MAX_CONSENTS: usize = 10_000;

/// One sandbox.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) own: Own,
    pub(super) hosts: RedirectHosts,
    pub(super) clock: Clock,
    state: Mutex<State>,
}

/// All that changes. No lock is held across an await.
#[derive(Debug)]
pub(super) struct State {
    pub(super) users: Users,
    pub(super) ledger: Ledger,
    pub(super) consents: Expiring<Consent>,
    pub(super) faults: Faults,
}

/// A consent sheet that somebody looks at.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    pub(super) grant: Grant,
    pub(super) back: Back,
}

impl Shared {
    pub(super) fn new(own: Own, hosts: RedirectHosts, clock: Clock) -> Self {
        Self {
            own,
            hosts,
            clock,
            state: Mutex::new(State::new()),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves each map whole, so the state is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// As after a start.
    pub(super) fn new() -> Self {
        Self {
            users: Users::seeded(),
            ledger: Ledger::new(),
            consents: Expiring::new(MAX_CONSENTS, CONSENT_TTL),
            faults: Faults::default(),
        }
    }
}
