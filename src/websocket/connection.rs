//! The outgoing side of a socket: synchronous, bounded, callable from any thread.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use actix_ws::{CloseCode, CloseReason, Session};
use futures_util::FutureExt;
use tokio::task::unconstrained;

use super::Refusal;
use crate::{
    clock::Millis,
    code::{Close, Code, Locale},
    protocol::{Control, Encoded, ErrorBody},
    push::{Dismissal, Drain, Slow, Tab, Watcher},
    scene::SceneId,
};

/// One browser's socket, as the rest of the gateway sees it.
///
/// actix-ws queues 32 messages for each session; a message that finds no room there means that the browser does
/// not read, and ends the socket. Nothing here waits.
pub(super) struct Connection {
    state: Mutex<State>,
    opened_at: Millis,
    heard_at: AtomicU64,
    pinged_at: AtomicU64,
}

struct State {
    /// `None` once closed.
    session: Option<Session>,
    /// Why it was closed, for the metrics.
    closed: Option<Close>,
    /// Whether its first command was carried out.
    has_begun: bool,
    /// The end of its session, where that came before `attached`.
    over: Option<Box<Encoded>>,
    /// The scene it watches, and the last event it was sent of it.
    scene: Option<SceneId>,
    seq: u64,
    locale: Locale,
}

impl Connection {
    pub(super) fn new(session: Session, locale: Locale, now: Millis) -> Self {
        let state = State {
            session: Some(session),
            closed: None,
            has_begun: false,
            over: None,
            scene: None,
            seq: 0,
            locale,
        };
        Self {
            state: Mutex::new(state),
            opened_at: now,
            heard_at: AtomicU64::new(now),
            pinged_at: AtomicU64::new(0),
        }
    }

    /// Anything from the browser counts as a sign of life.
    pub(super) fn heard(&self, now: Millis) {
        self.heard_at.store(now, Ordering::Relaxed);
    }

    /// From now on only this scene's events pass, each once.
    pub(super) fn watch(&self, scene: SceneId, locale: Locale) {
        let mut state = self.lock();
        state.has_begun = true;
        (state.scene, state.seq, state.locale) = (Some(scene), 0, locale);
    }

    /// It watches no scene: it is the channel of a session.
    pub(super) fn attach(&self, event: &Encoded) {
        let mut state = self.lock();
        state.has_begun = true;
        // A browser that does not read is closed by the attempt.
        let _ = state.send(event);
        if let Some(over) = state.over.take() {
            state.end_session(&over);
        }
    }

    /// No first command yet, and `span` to say it is over.
    pub(super) fn is_late(&self, now: Millis, span: Millis) -> bool {
        now >= self.opened_at + span && !self.lock().has_begun
    }

    /// Why it was closed, if it was.
    pub(super) fn closed(&self) -> Option<Close> {
        self.lock().closed
    }

    /// Sends a state event, unless it was sent already.
    pub(super) fn send_event(&self, scene: SceneId, event: &Encoded) -> Result<(), Slow> {
        let mut state = self.lock();
        if state.scene != Some(scene) || event.seq <= state.seq {
            return Ok(());
        }
        state.seq = event.seq;
        state.send(event)
    }

    /// Sends a control event.
    pub(super) fn send(&self, event: &Encoded) -> Result<(), Slow> {
        self.lock().send(event)
    }

    /// Answers a ping of RFC 6455.
    pub(super) fn pong(&self, payload: &[u8]) {
        let mut state = self.lock();
        let sent = state
            .session
            .as_mut()
            .and_then(|session| unconstrained(session.pong(payload)).now_or_never());
        if sent.is_none() {
            state.drop_slow();
        }
    }

    /// Sends `ping` and remembers when.
    pub(super) fn ping(&self, ping: &Encoded, now: Millis) {
        self.pinged_at.store(now, Ordering::Relaxed);
        // A browser that does not read is closed by the attempt.
        let _ = self.send(ping);
    }

    /// Whether nothing was heard since the last ping, and that was at least `span` ago. By the clock, not by the
    /// wheel's turns: after a halt of this process many turns come at once, and it was deaf, not the browser silent.
    pub(super) fn is_silent(&self, now: Millis, span: Millis) -> bool {
        let pinged_at = self.pinged_at.load(Ordering::Relaxed);
        self.heard_at.load(Ordering::Relaxed) < pinged_at && now >= pinged_at + span
    }

    /// Says `error`, and closes where the code does.
    pub(super) fn refuse(&self, refusal: Refusal, command: Option<&'static str>) {
        let Refusal {
            code,
            retry_after,
            reason,
        } = refusal;
        let mut state = self.lock();
        let error = ErrorBody {
            retry_after_ms: retry_after
                .map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
            reason,
            ..ErrorBody::new(code, state.locale)
        };
        let _ = state.send(&Control::Error { error, command }.encode());
        if code.close().is_some() {
            state.close(Close::Error(code));
        }
    }

    /// Says `drain`, and closes with 1012: the page comes back, to this node or another. Once.
    pub(super) fn send_away(&self, drain: &Drain) {
        let mut state = self.lock();
        if state.session.is_some() {
            let _ = state.send(&drain.farewell());
            state.close(Close::Restart);
        }
    }

    /// Closes; the first reason stays.
    pub(super) fn close(&self, why: Close) {
        self.lock().close(why);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher for Connection {
    fn deliver(&self, scene: SceneId, event: &Encoded) -> Result<(), Slow> {
        self.send_event(scene, event)
    }

    fn dismiss(&self, scene: SceneId, why: Dismissal) {
        if self.lock().scene != Some(scene) {
            return;
        }
        match why {
            Dismissal::TakenOver => self.refuse(Code::TakenOver.into(), None),
            Dismissal::Finished => self.close(Close::Finished),
            Dismissal::Lost => self.refuse(Code::SceneNotFound.into(), None),
            Dismissal::Recalled => self.close(Close::Restart),
        }
    }
}

impl Tab for Connection {
    fn session_over(&self, event: &Encoded) {
        let mut state = self.lock();
        if state.has_begun {
            state.end_session(event);
        } else {
            // Its `attach` is under way: it is refused, or hears this next.
            state.over = Some(Box::new(event.clone()));
        }
    }
}

impl State {
    /// Hands the text to the session's queue. Unconstrained: tokio's budget for one task must not look like a full
    /// queue when many sockets are told in one go.
    fn send(&mut self, event: &Encoded) -> Result<(), Slow> {
        let Some(session) = self.session.as_mut() else {
            return Ok(());
        };
        match unconstrained(session.text(event.json.clone())).now_or_never() {
            Some(_) => Ok(()),
            None => {
                self.drop_slow();
                Err(Slow)
            }
        }
    }

    fn end_session(&mut self, event: &Encoded) {
        let _ = self.send(event);
        self.close(Close::Finished);
    }

    /// Without its session the connection ends: what was queued is sent if the browser reads again in time, else the
    /// kernel gives up on it (`TCP_USER_TIMEOUT`).
    fn drop_slow(&mut self) {
        if self.session.take().is_some() {
            self.closed.get_or_insert(Close::Gone);
        }
    }

    fn close(&mut self, why: Close) {
        if let Some(session) = self.session.take() {
            self.closed = Some(why);
            let reason = CloseReason {
                code: CloseCode::from(why.number()),
                description: Some(why.reason().to_owned()),
            };
            // No room for the close frame either: dropping the session ends the connection all the same.
            let _ = unconstrained(session.close(Some(reason))).now_or_never();
        }
    }
}
