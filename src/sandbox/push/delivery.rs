//! The way of one event to the callback: signed, sent, tried again, and what came back put into the chat.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::web;
use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    ANSWER_TIMEOUT, ENDPOINT, Record, Switches, Target,
    answer::{self, Answer},
    event::{Event, Kind},
    request::{Failure, Signed},
};
use crate::{
    clock::Millis,
    sandbox::{
        chat::{Chats, Line, Person},
        fault::{self, Fault, Reset},
        shared::Shared,
    },
};

/// From the start of one attempt to that of the next.
const STEP: Millis = 5000;
/// How long an event is held for the next one to overtake it.
const HOLD: Duration = Duration::from_secs(10);
/// How long the doer of an event waits for its first answer, at most.
const PATIENCE: Duration = Duration::from_millis(ANSWER_TIMEOUT + 1000);

/// What the first attempt brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::sandbox) struct Outcome {
    pub(in crate::sandbox) replies: Vec<String>,
    /// Why there is none, for developers.
    pub(in crate::sandbox) problem: Option<String>,
}

impl Outcome {
    fn problem(why: impl Into<String>) -> Self {
        Self {
            replies: Vec::new(),
            problem: Some(why.into()),
        }
    }
}

/// An event on its way.
struct Delivery {
    shared: Arc<Shared>,
    target: Target,
    person: Person,
    event: Event,
    switches: Switches,
    /// Says when it may go, if it is held.
    held: Mutex<Option<oneshot::Receiver<()>>>,
    progress: Mutex<Progress>,
    stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

/// What has come of it so far.
#[derive(Default)]
struct Progress {
    /// Whoever waits for the first attempt.
    teller: Option<oneshot::Sender<Outcome>>,
    /// The event that this one overtakes.
    overtaken: Option<oneshot::Sender<()>>,
    has_replied: bool,
    has_apologised: bool,
}

/// Pushes what `person` did to the account, and waits for the first answer.
pub(in crate::sandbox) async fn push(
    shared: &web::Data<Shared>,
    person: &Person,
    kind: Kind,
) -> Outcome {
    let (teller, told) = oneshot::channel();
    match begin(shared, person, kind, teller) {
        Ok(delivery) => drop(shared.tasks.spawn("push", delivery.run())),
        Err(problem) => return Outcome::problem(problem),
    }
    tokio::select! {
        outcome = told => outcome.unwrap_or_else(|_held| Outcome::problem("held for the next event to overtake it")),
        () = shared.clock.sleep(PATIENCE) => Outcome::problem("no answer yet"),
    }
}

fn begin(
    shared: &web::Data<Shared>,
    person: &Person,
    kind: Kind,
    teller: oneshot::Sender<Outcome>,
) -> Result<Delivery, String> {
    let now = shared.clock.now();
    let mut state = shared.lock();
    let account = state
        .accounts
        .get(&person.app_id)
        .ok_or("no such account")?;
    let target = Target::of(account).ok_or("the account has no callback_url")?;
    let to = account.original_id.clone();
    let user = state.users.get(&person.user_id).ok_or("no such user")?;
    let event = Event {
        to,
        from: user.openid(&person.app_id),
        create_time: state.pusher.second_of(person, &kind, shared.clock.wall_s()),
        kind,
    };
    if state.pusher.is_paused(&person.app_id, now) {
        apologise(&mut state.chats, person, &event, &Failure::Paused);
        return Err(Failure::Paused.to_string());
    }
    let slot = state.pusher.slot().ok_or("too many events are under way")?;
    let switches = state.pusher.switches;
    let (overtaken, held) = state.pusher.queue();
    let progress = Progress {
        // Nobody waits for an event that waits itself.
        teller: held.is_none().then_some(teller),
        overtaken,
        ..Progress::default()
    };
    Ok(Delivery {
        shared: shared.clone().into_inner(),
        target,
        person: person.clone(),
        event,
        switches,
        held: Mutex::new(held),
        progress: Mutex::new(progress),
        stop: state.pusher.stop.clone(),
        _slot: slot,
    })
}

impl Delivery {
    async fn run(self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.deliver() => {}
        }
    }

    async fn deliver(&self) {
        let clock = &self.shared.clock;
        let held = self
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(released) = held {
            tokio::select! {
                _ = released => {}
                () = clock.sleep(HOLD) => {}
            }
        }
        clock
            .sleep(Duration::from_millis(self.switches.delay_ms))
            .await;
        let signed = self.sign();
        let copies = (0..=self.switches.duplicate).map(|copy| self.deliver_copy(copy, &signed));
        if self.switches.concurrent {
            join_all(copies).await;
        } else {
            for copy in copies {
                copy.await;
            }
        }
    }

    async fn deliver_copy(&self, copy: u32, signed: &Signed) {
        let clock = &self.shared.clock;
        let began = clock.now();
        for attempt in 0..self.switches.attempts {
            clock
                .sleep_until(began + Millis::from(attempt) * STEP)
                .await;
            let result = if self.switches.resign {
                self.attempt(&self.sign()).await
            } else {
                self.attempt(signed).await
            };
            if self.conclude(copy, attempt, result) {
                return;
            }
        }
    }

    fn sign(&self) -> Signed {
        let now = self.shared.clock.wall_s();
        let timestamp = now.saturating_sub(self.switches.stale_s);
        self.target.sign(&self.event, timestamp)
    }

    async fn attempt(&self, signed: &Signed) -> Result<Answer, Failure> {
        let fault = {
            let now = self.shared.clock.now();
            let mut state = self.shared.lock();
            if state.pusher.is_paused(&self.target.app_id, now) {
                return Err(Failure::Paused);
            }
            state.faults.strike(ENDPOINT, fault::chance)
        };
        let latency = fault.as_ref().and_then(|fault| fault.latency_ms);
        let clock = &self.shared.clock;
        clock
            .sleep(Duration::from_millis(latency.unwrap_or_default()))
            .await;
        tokio::select! {
            answer = self.send(signed, fault) => answer,
            () = clock.sleep(Duration::from_millis(ANSWER_TIMEOUT)) => Err(Failure::Timeout),
        }
    }

    async fn send(&self, signed: &Signed, fault: Option<Fault>) -> Result<Answer, Failure> {
        let reset = fault.as_ref().and_then(|fault| fault.reset);
        if reset == Some(Reset::Before) {
            return Err(Failure::Unreachable);
        }
        if let Some(errcode) = fault.as_ref().and_then(|fault| fault.errcode) {
            return Err(Failure::Fault(errcode));
        }
        let truncate = fault.as_ref().and_then(|fault| fault.truncate);
        let instead = fault.filter(|fault| fault.status.is_some() || fault.body.is_some());
        let (status, mut body) = match instead {
            Some(fault) => {
                let body = fault.body.unwrap_or_default();
                (fault.status.unwrap_or(200), body.into_bytes())
            }
            None => self.target.post(&self.shared.http, signed).await?,
        };
        if reset == Some(Reset::After) {
            return Err(Failure::Unreachable);
        }
        body.truncate(truncate.unwrap_or(usize::MAX));
        Ok(answer::read(status, &body, &self.target, &self.event)?)
    }

    /// Notes what an attempt brought; `true` when there is nothing more to try.
    fn conclude(&self, copy: u32, attempt: u32, result: Result<Answer, Failure>) -> bool {
        let now = self.shared.clock.now();
        let mut state = self.shared.lock();
        if self.stop.is_cancelled() {
            return true;
        }
        let paused = matches!(result, Err(Failure::Paused));
        if !paused {
            state.pusher.note(&self.target.app_id, result.is_ok(), now);
        }
        state
            .pusher
            .record(self.record(copy, attempt, &result, now));
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.overtaken = None;
        let is_last = paused || attempt + 1 == self.switches.attempts;
        let outcome = self.show(&mut state.chats, &mut progress, &result, is_last);
        if let Some(teller) = progress.teller.take() {
            // Whoever asked may be gone.
            let _ = teller.send(outcome);
        }
        is_last || result.is_ok()
    }

    /// Puts what an attempt brought into the chat: the first reply, or the excuse, once.
    fn show(
        &self,
        chats: &mut Chats,
        progress: &mut Progress,
        result: &Result<Answer, Failure>,
        is_last: bool,
    ) -> Outcome {
        match result {
            Ok(answer) => {
                if let Some(line) = self.line(answer)
                    && !std::mem::replace(&mut progress.has_replied, true)
                {
                    chats.add(&self.person, line);
                }
                Outcome {
                    replies: text_of(answer).into_iter().collect(),
                    problem: None,
                }
            }
            Err(failure) => {
                // Nonsense is never waited out; silence is, up to the last attempt.
                if (is_last || matches!(failure, Failure::Bad(_)))
                    && !std::mem::replace(&mut progress.has_apologised, true)
                {
                    apologise(chats, &self.person, &self.event, failure);
                }
                Outcome::problem(failure.to_string())
            }
        }
    }

    fn record(
        &self,
        copy: u32,
        attempt: u32,
        result: &Result<Answer, Failure>,
        now: Millis,
    ) -> Record {
        let (result, detail) = match result {
            Ok(Answer::Handled) => ("handled", None),
            Ok(Answer::Text(text)) => ("reply", Some(text.clone())),
            Ok(Answer::Other(kind)) => ("reply", Some(format!("[{kind}]"))),
            Err(failure) => ("failed", Some(failure.to_string())),
        };
        Record {
            at: now,
            app_id: self.person.app_id.clone(),
            user: self.person.user_id.clone(),
            event: self.event.kind.name(),
            key: self.event.kind.key(),
            copy,
            attempt,
            result,
            detail,
        }
    }

    /// Nothing can be sent to somebody who has left.
    fn line(&self, answer: &Answer) -> Option<Line> {
        match answer {
            _ if self.event.kind == Kind::Unsubscribe => None,
            Answer::Handled => None,
            Answer::Text(text) => Some(Line::Reply(text.clone())),
            Answer::Other(kind) => Some(Line::Reply(format!("[{kind}]"))),
        }
    }
}

fn text_of(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Text(text) => Some(text.clone()),
        Answer::Handled | Answer::Other(_) => None,
    }
}

fn apologise(chats: &mut Chats, person: &Person, event: &Event, failure: &Failure) {
    if event.kind != Kind::Unsubscribe {
        chats.add(person, Line::OutOfService(failure.to_string()));
    }
}
