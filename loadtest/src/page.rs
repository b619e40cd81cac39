//! A page that waits for its scan, however it hears of it.

use std::{str::FromStr, time::Duration};

use hyper::{
    Method,
    header::{AUTHORIZATION, ORIGIN},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::{
    bare,
    http::{Call, Connection, call, call_with, set},
    socket::{Event, Failure, Heard, Socket, Ticket, opening},
    target::Target,
    work::Voice,
};

/// How long the gateway may hold a long poll, in seconds: the most it allows.
const HOLD_S: u64 = 25;
/// A long poll that is answered without news comes no sooner than this after the last one.
const PAUSE: Duration = Duration::from_secs(1);
/// An answer that is not there by now does not come: a long poll is held for [`HOLD_S`] at most.
const ANSWER: Duration = Duration::from_secs(HOLD_S + 10);
/// Multiples of it, without their whole part, lie evenly however many there are.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// How a page hears what happens to its code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Way {
    /// It is told, over a WebSocket.
    Push,
    /// It asks, and the gateway answers when there is something to say.
    LongPoll,
    /// It asks again and again.
    Poll { every: Duration },
}

impl Way {
    /// The phase of being told what the phone confirmed.
    pub(crate) const fn latency(self) -> &'static str {
        match self {
            Self::Push => "push_latency",
            Self::LongPoll => "long_poll_latency",
            Self::Poll { .. } => "poll_latency",
        }
    }
}

/// One page.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) ticket: Ticket,
    line: Line,
}

#[derive(Debug)]
enum Line {
    Socket(Box<Socket>),
    Calls(Box<Calls>),
    Status(Box<bare::Status>),
}

/// What opening a page gave.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) page: Page,
    pub(crate) pending: Event,
    pub(crate) connect: Duration,
    pub(crate) shown: Duration,
}

impl Page {
    /// Opens page number `turn` and waits for its code.
    pub(crate) async fn open(
        target: &Target,
        way: Way,
        turn: usize,
        challenge: &str,
    ) -> Result<Opened, Failure> {
        let began = Instant::now();
        let (line, connected, pending, at) = match way {
            Way::Push => {
                let mut socket = Socket::open(target, turn, 0).await?;
                let connected = Instant::now();
                socket.start(challenge, target.svg).await?;
                let (heard, at) = socket.hear("pending").await?;
                let line = Line::Socket(Box::new(socket));
                (line, connected, event(heard, "pending")?, at)
            }
            Way::LongPoll | Way::Poll { .. } => {
                let mut calls = Calls::open(target, way, turn).await?;
                let connected = Instant::now();
                let (pending, at) = calls.start(target, challenge).await?;
                (Line::Calls(Box::new(calls)), connected, pending, at)
            }
        };
        let pending = pending.must_be("pending", 1)?;
        let mut ticket = Ticket::default();
        ticket.note(&pending);
        Ok(Opened {
            page: Self { ticket, line },
            pending,
            connect: connected - began,
            shown: at - connected,
        })
    }

    /// Opens page number `turn` at a peer, which shows no code; with how long that took.
    pub(crate) async fn open_bare(
        target: &Target,
        way: Way,
        turn: usize,
    ) -> Result<(Self, Duration), Failure> {
        let began = Instant::now();
        let line = match way {
            Way::Push => Line::Socket(Box::new(Socket::open_bare(target, turn).await?)),
            Way::Poll { every } => {
                Line::Status(Box::new(bare::Status::open(target, every, turn).await?))
            }
            Way::LongPoll => return Err(Failure::new("connect", "no peer has long poll")),
        };
        let ticket = Ticket::default();
        Ok((Self { ticket, line }, began.elapsed()))
    }

    /// One that came back to its scene over this socket.
    pub(crate) fn resumed(ticket: Ticket, socket: Socket) -> Self {
        let line = Line::Socket(Box::new(socket));
        Self { ticket, line }
    }

    /// What happens next, and when that was known.
    pub(crate) async fn hear(
        &mut self,
        step: &str,
        voice: &Voice,
    ) -> Result<(Heard, Instant), Failure> {
        let (heard, at) = match &mut self.line {
            Line::Socket(socket) => socket.hear(step).await?,
            Line::Calls(calls) => {
                let (event, at) = calls.news(step, &self.ticket, voice).await?;
                (Heard::Event(Box::new(event)), at)
            }
            Line::Status(status) => return Err(status.ask(step, voice).await),
        };
        if let Heard::Event(event) = &heard
            && event.seq > 0
        {
            self.ticket.note(event);
        }
        Ok((heard, at))
    }

    /// The next event, which must be of this type and carry this number.
    pub(crate) async fn expect(
        &mut self,
        kind: &str,
        seq: u64,
        voice: &Voice,
    ) -> Result<(Event, Instant), Failure> {
        let (heard, at) = self.hear(kind, voice).await?;
        Ok((event(heard, kind)?.must_be(kind, seq)?, at))
    }

    /// A new code in place of one that ran out.
    pub(crate) async fn refresh(&mut self) -> Result<(), Failure> {
        match &mut self.line {
            Line::Socket(socket) => socket.send(&json!({"type": "refresh"})).await,
            Line::Calls(calls) => calls.refresh(&self.ticket).await,
            Line::Status(_) => Err(Failure::new("refresh", "a peer has no codes")),
        }
    }

    pub(crate) async fn close(self) {
        if let Line::Socket(socket) = self.line {
            socket.close().await;
        }
    }

    /// Is gone without a word.
    pub(crate) fn vanish(self) -> Ticket {
        if let Line::Socket(socket) = self.line {
            socket.vanish();
        }
        self.ticket
    }
}

fn event(heard: Heard, step: &str) -> Result<Event, Failure> {
    match heard {
        Heard::Event(event) => Ok(*event),
        Heard::Closed(code, why) => Err(Failure::new(step, format_args!("closed {code} {why}"))),
    }
}

/// A page without WebSocket: it keeps one connection, as a browser does, and asks over it.
#[derive(Debug)]
struct Calls {
    connection: Connection,
    way: Way,
    /// When the next question is due.
    next: Instant,
    /// Where in the interval this page asks: the questions of all are spread over it, as those of people are.
    offset: f64,
    scenes: url::Url,
    origin: String,
    /// What a refresh was answered by; the page hears of it as of any other event.
    renewed: Option<(Event, Instant)>,
}

impl Calls {
    async fn open(target: &Target, way: Way, turn: usize) -> Result<Self, Failure> {
        let step = "connect";
        let stream = target
            .connect(turn, 0)
            .await
            .map_err(|error| Failure::new(step, error.kind()))?;
        let connection = Connection::over(stream).await;
        let scenes = target.at("/api/v1/scenes");
        Ok(Self {
            connection: connection.map_err(|trouble| Failure::new(step, trouble))?,
            way,
            next: Instant::now(),
            offset: spread(turn),
            scenes: scenes.map_err(|error| Failure::new(step, error))?,
            origin: target.origin.clone(),
            renewed: None,
        })
    }

    async fn start(
        &mut self,
        target: &Target,
        challenge: &str,
    ) -> Result<(Event, Instant), Failure> {
        let url = self.scenes.clone();
        let body = opening(challenge, target.svg);
        self.post("pending", &url, &body, None).await
    }

    async fn refresh(&mut self, ticket: &Ticket) -> Result<(), Failure> {
        let url = self.scene(ticket, "/refresh")?;
        let renewed = self.post("refresh", &url, &json!({}), Some(ticket)).await?;
        self.renewed = Some(renewed);
        Ok(())
    }

    /// Asks until there is something new.
    async fn news(
        &mut self,
        step: &str,
        ticket: &Ticket,
        voice: &Voice,
    ) -> Result<(Event, Instant), Failure> {
        if let Some(renewed) = self.renewed.take() {
            return Ok(renewed);
        }
        loop {
            let wait = match self.way {
                Way::Poll { every } => {
                    sleep_until(self.next).await;
                    self.next = next_after(self.next, Instant::now(), every);
                    0
                }
                _ => HOLD_S,
            };
            let url = self.scene(ticket, &format!("?after={}&wait={wait}", ticket.seq))?;
            let asked = Instant::now();
            let (event, at) = self.get(step, &url, ticket).await?;
            voice.record("request", at - asked);
            if event.seq > ticket.seq {
                return Ok((event, at));
            }
            if wait > 0 {
                sleep(PAUSE.saturating_sub(at - asked)).await;
            }
        }
    }

    fn scene(&self, ticket: &Ticket, rest: &str) -> Result<url::Url, Failure> {
        let text = format!("{}/{}{rest}", self.scenes, ticket.scene);
        url::Url::from_str(&text).map_err(|error| Failure::new("scene", error))
    }

    async fn post(
        &mut self,
        step: &str,
        url: &url::Url,
        body: &Value,
        ticket: Option<&Ticket>,
    ) -> Result<(Event, Instant), Failure> {
        let body = body.to_string().into_bytes();
        let mut post = call_with(Method::POST, url, "application/json", body);
        set(&mut post, ORIGIN, &self.origin);
        if let Some(ticket) = ticket {
            set(
                &mut post,
                AUTHORIZATION,
                &format!("Scene {}", ticket.secret),
            );
        }
        let event = self.answer(step, post).await?;
        if let Way::Poll { every } = self.way {
            self.next = event.1 + every.mul_f64(self.offset);
        }
        Ok(event)
    }

    async fn get(
        &mut self,
        step: &str,
        url: &url::Url,
        ticket: &Ticket,
    ) -> Result<(Event, Instant), Failure> {
        let mut get = call(Method::GET, url);
        set(&mut get, AUTHORIZATION, &format!("Scene {}", ticket.secret));
        self.answer(step, get).await
    }

    async fn answer(&mut self, step: &str, call: Call) -> Result<(Event, Instant), Failure> {
        let answer = timeout(ANSWER, self.connection.send(call)).await;
        let at = Instant::now();
        let answer = answer
            .map_err(|_elapsed| Failure::new(step, "no answer"))?
            .map_err(|trouble| Failure::new(step, trouble))?;
        let event = answer.data::<Event>();
        Ok((event.map_err(|why| Failure::new(step, why))?, at))
    }
}

/// Where in the interval page number `turn` asks.
pub(crate) fn spread(turn: usize) -> f64 {
    (turn as f64 * GOLDEN).fract()
}

/// When a page asks again: what it missed while it waited for an answer it leaves out, as `setInterval` does.
pub(crate) fn next_after(due: Instant, now: Instant, every: Duration) -> Instant {
    let mut next = due + every;
    while next < now {
        next += every;
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_asks_at_its_own_times_and_leaves_out_what_it_missed() {
        let (due, every) = (Instant::now(), Duration::from_secs(2));
        let after = |ms| next_after(due, due + Duration::from_millis(ms), every) - due;
        assert_eq!(after(0), Duration::from_secs(2));
        assert_eq!(after(1_900), Duration::from_secs(2));
        assert_eq!(after(5_000), Duration::from_secs(6));
    }

    #[test]
    fn pages_ask_at_different_times() {
        let mut offsets: Vec<_> = (0..1_000).map(spread).collect();
        offsets.sort_by(f64::total_cmp);
        let gaps = offsets.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps.fold(0.0, f64::max) < 0.003, "none is wide");
    }
}
