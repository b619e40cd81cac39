//! What every worker and every endpoint of one sandbox shares.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use super::{
    account::Accounts,
    address::Own,
    chat::Chats,
    expiring::Expiring,
    fault::Faults,
    global_token::GlobalTokens,
    ledger::{Grant, Ledger},
    oauth::Back,
    push::Pusher,
    qrconnect::{Logins, MAX_HELD},
    quota::Quotas,
    settings::Settings,
    ticket::Tickets,
    user::Users,
};
use crate::{
    clock::{Clock, Millis},
    tasks::Tasks,
};

/// How long a consent sheet can be answered.
const CONSENT_TTL: Millis = 5 * 60_000;
/// Consent sheets at most; the oldest makes room.
const MAX_CONSENTS: usize = 10_000;

/// One sandbox.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) own: Own,
    pub(super) clock: Clock,
    /// What pushes messages, and on which runtime.
    pub(super) http: reqwest::Client,
    pub(super) tasks: Tasks,
    /// As configured; a reset goes back to them.
    configured: Accounts,
    /// Room for held polls.
    pub(super) held_polls: Semaphore,
    state: Mutex<State>,
}

/// All that changes. No lock is held across an await.
#[derive(Debug)]
pub(super) struct State {
    pub(super) accounts: Accounts,
    pub(super) users: Users,
    pub(super) ledger: Ledger,
    pub(super) global_tokens: GlobalTokens,
    pub(super) tickets: Tickets,
    pub(super) quotas: Quotas,
    pub(super) consents: Expiring<Consent>,
    pub(super) logins: Logins,
    pub(super) settings: Settings,
    pub(super) faults: Faults,
    pub(super) chats: Chats,
    pub(super) pusher: Pusher,
}

/// A consent sheet that somebody looks at.
#[derive(Clone, Debug)]
pub(super) struct Consent {
    pub(super) grant: Grant,
    pub(super) back: Back,
}

impl Shared {
    /// Inside a runtime: messages are pushed on it.
    pub(super) fn new(own: Own, accounts: Accounts, clock: Clock, http: reqwest::Client) -> Self {
        Self {
            own,
            clock,
            held_polls: Semaphore::new(MAX_HELD),
            http,
            tasks: Tasks::new(),
            state: Mutex::new(State::new(accounts.clone())),
            configured: accounts,
        }
    }

    /// Everything as after a start, but for the clock, which cannot go back.
    pub(super) fn reset(&self) {
        *self.lock() = State::new(self.configured.clone());
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves each map whole, so the state is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(accounts: Accounts) -> Self {
        Self {
            accounts,
            users: Users::seeded(),
            ledger: Ledger::new(),
            global_tokens: GlobalTokens::new(),
            tickets: Tickets::new(),
            quotas: Quotas::default(),
            consents: Expiring::new(MAX_CONSENTS, CONSENT_TTL),
            logins: Logins::new(),
            settings: Settings::default(),
            faults: Faults::default(),
            chats: Chats::default(),
            pusher: Pusher::new(),
        }
    }
}
