//! How the peers of `loadtest/peers` are spoken to: a socket, a callback and a status, and nothing of the contract.

use std::time::Duration;

use hyper::Method;
use tokio::time::{Instant, sleep_until, timeout};
use url::Url;

use crate::{
    http::{Call, Connection, call, call_with},
    page::{next_after, spread},
    socket::Failure,
    target::Target,
    work::Voice,
};

/// What is pushed: as long as an ordinary `authorized`.
const EVENT: usize = 300;
/// The type of the event, and its number: a peer has one.
pub(crate) const KIND: (&str, u64) = ("authorized", 1);
/// An answer that is not there by now does not come.
const ANSWER: Duration = Duration::from_secs(10);

/// `path` for page number `turn`, whose scene is as long as one of the gateway's.
pub(crate) fn at(target: &Target, path: &str, turn: usize) -> anyhow::Result<Url> {
    target.at(&format!("{path}?scene={turn:022}"))
}

/// Has the peer push the event to page number `turn`.
pub(crate) fn callback(url: &Url, turn: usize) -> Call {
    let (kind, seq) = KIND;
    let head = format!(r#"{{"type":"{kind}","seq":{seq},"scene":"{turn:022}","grant":""#);
    let filling = "x".repeat(EVENT.saturating_sub(head.len() + 2));
    let event = format!("{head}{filling}\"}}");
    call_with(Method::POST, url, "application/json", event.into_bytes())
}

/// A page that asks a peer for its status each so often, over a connection of its own.
#[derive(Debug)]
pub(crate) struct Status {
    connection: Connection,
    url: Url,
    every: Duration,
    next: Instant,
}

impl Status {
    pub(crate) async fn open(
        target: &Target,
        every: Duration,
        turn: usize,
    ) -> Result<Self, Failure> {
        let step = "connect";
        let stream = target.connect(turn, 0).await;
        let stream = stream.map_err(|error| Failure::new(step, error.kind()))?;
        let connection = Connection::over(stream).await;
        Ok(Self {
            connection: connection.map_err(|trouble| Failure::new(step, trouble))?,
            url: at(target, "/status", turn).map_err(|error| Failure::new(step, error))?,
            every,
            next: Instant::now() + every.mul_f64(spread(turn)),
        })
    }

    /// Asks until something goes wrong: nobody scans here.
    pub(crate) async fn ask(&mut self, step: &str, voice: &Voice) -> Failure {
        loop {
            sleep_until(self.next).await;
            self.next = next_after(self.next, Instant::now(), self.every);
            let asked = Instant::now();
            let answer = timeout(ANSWER, self.connection.send(call(Method::GET, &self.url))).await;
            match answer {
                Ok(Ok(answer)) if answer.status.is_success() => {
                    voice.record("request", asked.elapsed());
                }
                Ok(Ok(answer)) => {
                    return Failure::new(step, format_args!("HTTP {}", answer.status));
                }
                Ok(Err(trouble)) => return Failure::new(step, trouble),
                Err(_) => return Failure::new(step, "no answer"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::socket::Event;

    #[tokio::test]
    async fn the_event_is_300_bytes_that_a_page_understands() {
        let url = Url::parse("http://127.0.0.1:1/callback?scene=7").unwrap();
        let body = callback(&url, 7).into_body().collect().await.unwrap();
        let body = body.to_bytes();
        assert_eq!(body.len(), EVENT);
        let event: Event = serde_json::from_slice(&body).unwrap();
        event.must_be(KIND.0, KIND.1).unwrap();
    }
}
