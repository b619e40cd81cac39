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

/// All that changes. No lock is held across an await, and nothing grows without bound:
///
/// | what | at most | more |
/// |---|---|---|
/// | accounts | 100 and the sandbox's own | 409 |
/// | users, whom they follow | 1000, users times accounts | 409 |
/// | codes, sessions and user tokens | 100 000 each | the oldest makes room |
/// | global tokens | 100 000, and two and a count per account | the oldest makes room |
/// | parametric codes | 100 000 temporary, 100 000 permanent ones | the oldest makes room |
/// | counts of calls | accounts times limits and users | |
/// | consent sheets, website logins | 10 000 each | the oldest makes room |
/// | held polls | 10 000 | answered straight away |
/// | faults | 64, with bodies of 16 KiB | 400 |
/// | lines of chats, each of 2 KiB | 5000 | the oldest makes room |
/// | codes that wait for a follower | 10 000 | all are forgotten |
/// | pushes under way, remembered attempts | 256, 200 | not delivered, the oldest makes room |
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
            held_polls: Semaphore::new(MAX_HELD),
            http,
            tasks: Tasks::new(),
            state: Mutex::new(State::new(accounts.clone(), clock.wall_s())),
            configured: accounts,
            clock,
        }
    }

    /// Everything as after a start, but for the clock, which cannot go back.
    pub(super) fn reset(&self) {
        *self.lock() = State::new(self.configured.clone(), self.clock.wall_s());
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves each map whole, so the state is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// `now` is in epoch seconds.
    fn new(accounts: Accounts, now: u64) -> Self {
        Self {
            accounts,
            users: Users::seeded(now),
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
