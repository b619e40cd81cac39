//! The outgoing side of a socket: synchronous, bounded, callable from any thread.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use actix_http::ws::OpCode;
use actix_ws::{CloseCode, CloseReason};

use super::{Refusal, Socket};
use crate::{
    clock::Millis,
    code::{Close, Code, Locale},
    protocol::{Control, Encoded, ErrorBody},
    push::{Dismissal, Drain, Slow, Tab, Watcher},
    rfc6455::{self, Line},
    scene::SceneId,
};

/// One browser's socket, as the rest of the gateway sees it.
///
/// What is sent is written to the connection by whoever has it to say. A browser that leaves too much of it unread ends
/// its socket. Nothing here waits.
pub(super) struct Connection {
    line: Line,
    state: Mutex<State>,
    /// The socket's own side, while it waits.
    parked: Mutex<Option<Box<Socket>>>,
    opened_at: Millis,
    heard_at: AtomicU64,
    pinged_at: AtomicU64,
}

struct State {
    /// Why it was closed, once it was.
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
    pub(super) fn new(line: Line, locale: Locale, now: Millis) -> Self {
        let state = State {
            closed: None,
            has_begun: false,
            over: None,
            scene: None,
            seq: 0,
            locale,
        };
        Self {
            line,
            state: Mutex::new(state),
            parked: Mutex::default(),
            opened_at: now,
            heard_at: AtomicU64::new(now),
            pinged_at: AtomicU64::new(0),
        }
    }

    /// For the socket's own side, which reads.
    pub(super) const fn line(&self) -> &Line {
        &self.line
    }

    /// Keeps the socket's own side until it is woken.
    pub(super) fn park(&self, socket: Box<Socket>) {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        *parked = Some(socket);
    }

    /// The socket's own side, for whoever comes first.
    pub(super) fn unpark(&self) -> Option<Box<Socket>> {
        let mut parked = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        parked.take()
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
        let _ = self.say(&mut state, event);
        if let Some(over) = state.over.take() {
            self.end_session(&mut state, &over);
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
        self.say(&mut state, event)
    }

    /// Sends a control event.
    pub(super) fn send(&self, event: &Encoded) -> Result<(), Slow> {
        self.say(&mut self.lock(), event)
    }

    /// Answers a ping of RFC 6455.
    pub(super) fn pong(&self, payload: &[u8]) {
        // As with `ping`.
        let _ = self.write(&mut self.lock(), OpCode::Pong, payload);
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
        let _ = self.say(&mut state, &Control::Error { error, command }.encode());
        if code.close().is_some() {
            self.end(&mut state, Close::Error(code));
        }
    }

    /// Says `drain`, and closes with 1012: the page comes back, to this node or another. Once.
    pub(super) fn send_away(&self, drain: &Drain) {
        let mut state = self.lock();
        if state.closed.is_none() {
            let _ = self.say(&mut state, &drain.farewell());
            self.end(&mut state, Close::Restart);
        }
    }

    /// Closes; the first reason stays.
    pub(super) fn close(&self, why: Close) {
        self.end(&mut self.lock(), why);
    }

    /// The browser closes: it hears its own words again.
    pub(super) fn answer_close(&self, reason: Option<CloseReason>) {
        self.lock().closed.get_or_insert(Close::Finished);
        self.line.close(reason);
    }

    fn say(&self, state: &mut State, event: &Encoded) -> Result<(), Slow> {
        self.write(state, OpCode::Text, event.json.as_bytes())
    }

    fn write(&self, state: &mut State, opcode: OpCode, payload: &[u8]) -> Result<(), Slow> {
        self.line.send(opcode, payload).map_err(|rfc6455::Slow| {
            state.closed.get_or_insert(Close::Gone);
            Slow
        })
    }

    fn end_session(&self, state: &mut State, event: &Encoded) {
        let _ = self.say(state, event);
        self.end(state, Close::Finished);
    }

    fn end(&self, state: &mut State, why: Close) {
        if state.closed.is_none() {
            state.closed = Some(why);
            self.line.close(Some(CloseReason {
                code: CloseCode::from(why.number()),
                description: Some(why.reason().to_owned()),
            }));
        }
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
            self.end_session(&mut state, event);
        } else {
            // Its `attach` is under way: it is refused, or hears this next.
            state.over = Some(Box::new(event.clone()));
        }
    }
}
