//! WeChat's message push: what people do to an account is delivered to its callback, as it is set up in the
//! account, and what can go wrong on the way can be switched on.
//!
//! | switch | |
//! |---|---|
//! | `duplicate` | each event is delivered that many times more |
//! | `concurrent` | all copies at the same time, and a held event with its successor |
//! | `reorder` | an event is held until the next one was delivered, or ten seconds have passed |
//! | `delay_ms` | each event is delivered that much later |
//! | `stale_s` | the signature's timestamp is that old |
//! | `attempts` | so many in all, five seconds apart; 3 unless set, as "three retries in total" can be read as 4 |
//! | `resign` | each attempt is signed (and sealed) anew; WeChat does not say whether its retries are |
//!
//! All times are the sandbox's clock's. The fault endpoint `push` strikes single attempts.

mod answer;
mod api;
mod delivery;
pub(super) mod envelope;
mod event;
mod request;
mod verify;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use self::envelope::Key;
pub(super) use self::{
    api::configure,
    delivery::{Outcome, push},
    event::{Code, Kind},
    verify::verify_callback,
};
use super::{account::Account, chat::Person};
use crate::{clock::Millis, config::MessageMode};

/// The fault endpoint.
pub(super) const ENDPOINT: &str = "push";
/// How long a callback has to answer.
pub(super) const ANSWER_TIMEOUT: Millis = 5000;
/// Events under way at most; more are not delivered.
const MAX_PENDING: usize = 256;
/// Attempts remembered for `GET /sandbox/api/push`; the oldest makes room.
const MAX_RECORDS: usize = 200;
/// Failed attempts in a row after which an account is left alone.
const FAILURES_BEFORE_PAUSE: u32 = 10;
/// For how long it is.
const PAUSE: Millis = 60_000;

/// What `PUT /sandbox/api/push` sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Switches {
    duplicate: u32,
    reorder: bool,
    concurrent: bool,
    delay_ms: Millis,
    stale_s: u64,
    attempts: u32,
    resign: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            duplicate: 0,
            reorder: false,
            concurrent: false,
            delay_ms: 0,
            stale_s: 0,
            attempts: 3,
            resign: false,
        }
    }
}

impl Switches {
    const MAX_ATTEMPTS: u32 = 4;
    const MAX_DUPLICATE: u32 = 50;
    const MAX_DELAY_MS: Millis = 60_000;
    const MAX_STALE_S: u64 = 86_400;

    /// What is allowed, when a switch is beyond it.
    fn check(&self) -> Result<(), String> {
        for (name, value, max) in [
            (
                "duplicate",
                u64::from(self.duplicate),
                u64::from(Self::MAX_DUPLICATE),
            ),
            ("delay_ms", self.delay_ms, Self::MAX_DELAY_MS),
            ("stale_s", self.stale_s, Self::MAX_STALE_S),
        ] {
            if value > max {
                return Err(format!("{name}: 0 to {max} is allowed"));
            }
        }
        if !(1..=Self::MAX_ATTEMPTS).contains(&self.attempts) {
            let max = Self::MAX_ATTEMPTS;
            return Err(format!("attempts: 1 to {max} is allowed"));
        }
        Ok(())
    }
}

/// Where the messages of an account go, and how.
struct Target {
    app_id: String,
    url: Url,
    token: String,
    key: Option<Key>,
    mode: MessageMode,
}

impl Target {
    /// `None` when no callback is set up.
    fn of(account: &Account) -> Option<Self> {
        let url = account.callback_url.clone()?;
        matches!(url.scheme(), "http" | "https").then(|| Self {
            app_id: account.app_id.clone(),
            url,
            token: account.token.clone(),
            key: Key::parse(&account.encoding_aes_key),
            mode: account.message_mode,
        })
    }
}

/// One attempt, as `GET /sandbox/api/push` shows it.
#[derive(Clone, Debug, Serialize)]
struct Record {
    /// Epoch milliseconds when it ended.
    at: Millis,
    app_id: String,
    user: String,
    event: &'static str,
    key: String,
    /// From 0: which of the deliveries of this event, and which of its attempts.
    copy: u32,
    attempt: u32,
    result: &'static str,
    /// The reply, or what was wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// How an account's callback fares.
#[derive(Debug, Default)]
struct Health {
    failures_in_a_row: u32,
    paused_until: Millis,
}

/// Everything about the push that changes. Deliveries under way end when it is dropped.
#[derive(Debug)]
pub(super) struct Pusher {
    switches: Switches,
    /// Lets the held event go, when dropped.
    held: Option<oneshot::Sender<()>>,
    records: VecDeque<Record>,
    /// By appid.
    health: HashMap<String, Health>,
    /// What was done in this second, and the second that was written of it.
    done: HashMap<(Person, &'static str, String), u64>,
    slots: Arc<Semaphore>,
    stop: CancellationToken,
    _stops: DropGuard,
}

impl Pusher {
    pub(super) fn new() -> Self {
        let stop = CancellationToken::new();
        Self {
            switches: Switches::default(),
            held: None,
            records: VecDeque::new(),
            health: HashMap::new(),
            done: HashMap::new(),
            slots: Arc::new(Semaphore::new(MAX_PENDING)),
            _stops: stop.clone().drop_guard(),
            stop,
        }
    }

    /// A held event goes out when nothing is reordered any more.
    fn switch(&mut self, switches: Switches) {
        self.switches = switches;
        if !switches.reorder {
            self.held = None;
        }
    }

    /// For a new event: what lets the one go that it overtakes, and what it has to wait for itself.
    fn queue(&mut self) -> (Option<oneshot::Sender<()>>, Option<oneshot::Receiver<()>>) {
        let overtaken = self.held.take();
        if !self.switches.reorder || overtaken.is_some() {
            return (overtaken.filter(|_| !self.switches.concurrent), None);
        }
        let (release, released) = oneshot::channel();
        self.held = Some(release);
        (None, Some(released))
    }

    /// When `person` did this, in epoch seconds: accounts tell two events apart by their second, and nobody's hand
    /// does the same twice in one, but a script's does.
    fn second_of(&mut self, person: &Person, kind: &Kind, now_s: u64) -> u64 {
        self.done.retain(|_, second| *second >= now_s);
        let deed = (person.clone(), kind.name(), kind.key());
        let second = self.done.get(&deed).map_or(now_s, |last| last + 1);
        self.done.insert(deed, second);
        second
    }

    fn slot(&self) -> Option<OwnedSemaphorePermit> {
        self.slots.clone().try_acquire_owned().ok()
    }

    fn is_paused(&self, app_id: &str, now: Millis) -> bool {
        self.health
            .get(app_id)
            .is_some_and(|health| now < health.paused_until)
    }

    /// Counts an attempt; after too many failures in a row the account is paused.
    fn note(&mut self, app_id: &str, succeeded: bool, now: Millis) {
        let health = self.health.entry(app_id.to_owned()).or_default();
        if succeeded {
            health.failures_in_a_row = 0;
            return;
        }
        health.failures_in_a_row += 1;
        if health.failures_in_a_row >= FAILURES_BEFORE_PAUSE {
            *health = Health {
                failures_in_a_row: 0,
                paused_until: now + PAUSE,
            };
        }
    }

    fn record(&mut self, record: Record) {
        if self.records.len() >= MAX_RECORDS {
            self.records.pop_front();
        }
        self.records.push_back(record);
    }
}
