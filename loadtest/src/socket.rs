//! A page's socket: `scan.v1` as a browser speaks it.

use std::fmt;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message, client::IntoClientRequest, http::HeaderValue, protocol::WebSocketConfig,
    },
};

use crate::target::Target;

/// Why one page or login failed, in words that many failures share.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(step: &str, why: impl fmt::Display) -> Self {
        Self(format!("{step}: {why}"))
    }
}

/// A socket with a page behind it.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// What the gateway said.
#[derive(Debug)]
pub(crate) enum Heard {
    Event(Event),
    Closed(u16, String),
}

/// Any event; what a type does not carry is absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) seq: u64,
    pub(crate) qr: Option<Qr>,
    pub(crate) grant: Option<String>,
    pub(crate) by: Option<String>,
    pub(crate) error: Option<WireError>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Qr {
    pub(crate) text: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct WireError {
    pub(crate) code: u32,
    pub(crate) name: String,
}

impl Event {
    /// A short name for an event that was not wanted.
    pub(crate) fn describe(&self) -> String {
        match (&self.error, &self.by) {
            (Some(error), _) => format!("{} {} {}", self.kind, error.code, error.name),
            (None, Some(by)) => format!("{} by {by}", self.kind),
            (None, None) => self.kind.clone(),
        }
    }
}

impl Socket {
    /// Connects and upgrades.
    pub(crate) async fn open(target: &Target) -> Result<Self, Failure> {
        let step = "connect";
        let stream = TcpStream::connect(target.address)
            .await
            .map_err(|error| Failure::new(step, error.kind()))?;
        stream
            .set_nodelay(true)
            .map_err(|error| Failure::new(step, error.kind()))?;
        let mut url = target
            .at("/api/v1/ws")
            .map_err(|error| Failure::new(step, error))?;
        url.set_scheme("ws")
            .map_err(|()| Failure::new(step, "no ws address"))?;
        let mut request = url
            .as_str()
            .into_client_request()
            .map_err(|error| Failure::new(step, error))?;
        let headers = request.headers_mut();
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("scan.v1"),
        );
        headers.insert(
            "origin",
            HeaderValue::from_str(&target.origin).map_err(|error| Failure::new(step, error))?,
        );
        // The default read buffer is 128 KiB a socket: 15 000 pages would need 2 GB of the generator.
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0)
            .max_write_buffer_size(64 * 1024)
            .max_message_size(Some(64 * 1024));
        let (socket, _) = client_async_with_config(request, stream, Some(config))
            .await
            .map_err(|error| Failure::new(step, reason(&error)))?;
        Ok(Self(socket))
    }

    /// `start` in the h5 flow.
    pub(crate) async fn start(&mut self, challenge: &str, svg: bool) -> Result<(), Failure> {
        self.send(&json!({"type": "start", "challenge": challenge, "flow": "h5", "locale": "en", "svg": svg})).await
    }

    pub(crate) async fn send(&mut self, command: &Value) -> Result<(), Failure> {
        let step = command["type"].as_str().unwrap_or("send");
        self.0
            .send(Message::text(command.to_string()))
            .await
            .map_err(|error| Failure::new(step, reason(&error)))
    }

    /// The next event but `hello` and `ping`, which it deals with, and the moment it was read.
    pub(crate) async fn hear(&mut self, step: &str) -> Result<(Heard, Instant), Failure> {
        loop {
            let message = match self.0.next().await {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(Failure::new(step, reason(&error))),
                None => return Ok((Heard::Closed(1006, String::new()), Instant::now())),
            };
            let now = Instant::now();
            match message {
                Message::Text(text) => {
                    let event: Event = serde_json::from_str(&text).map_err(|error| {
                        Failure::new(step, format_args!("unreadable event ({error})"))
                    })?;
                    match event.kind.as_str() {
                        "hello" => {}
                        "ping" => self.send(&json!({"type": "pong"})).await?,
                        _ => return Ok((Heard::Event(event), now)),
                    }
                }
                Message::Close(frame) => {
                    let (code, why) = frame.map_or((1005, String::new()), |frame| {
                        (frame.code.into(), frame.reason.to_string())
                    });
                    return Ok((Heard::Closed(code, why), now));
                }
                Message::Binary(_) => return Err(Failure::new(step, "a binary frame")),
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    /// The next event, which must be of this type and carry this number.
    pub(crate) async fn expect(
        &mut self,
        kind: &str,
        seq: u64,
    ) -> Result<(Event, Instant), Failure> {
        let (heard, at) = self.hear(kind).await?;
        match heard {
            Heard::Event(event) if event.kind == kind && event.seq == seq => Ok((event, at)),
            Heard::Event(event) if event.kind == kind => Err(Failure::new(
                kind,
                format_args!("seq {} instead of {seq}", event.seq),
            )),
            Heard::Event(event) => {
                Err(Failure::new(kind, format_args!("got {}", event.describe())))
            }
            Heard::Closed(code, why) => {
                Err(Failure::new(kind, format_args!("closed {code} {why}")))
            }
        }
    }

    /// Says goodbye; the gateway keeps the scene.
    pub(crate) async fn close(mut self) {
        // The other side may be gone: nothing is left to do then.
        let _ = self.0.close(None).await;
    }
}

fn reason(error: &tungstenite::Error) -> String {
    match error {
        tungstenite::Error::Http(answer) => format!("HTTP {}", answer.status()),
        tungstenite::Error::Io(error) => error.kind().to_string(),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;

    /// The files that the gateway's own tests write: one event each, or several shapes of it.
    fn golden(name: &str) -> Vec<Value> {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden"));
        let text = fs::read_to_string(folder.join(name)).unwrap();
        match serde_json::from_str(&text).unwrap() {
            Value::Array(shapes) => shapes,
            shape => vec![shape],
        }
    }

    #[test]
    fn every_golden_event_is_understood() {
        let states = [
            "pending",
            "scanned",
            "authorized",
            "rejected",
            "expired",
            "cancelled",
            "failed",
        ];
        for name in states
            .into_iter()
            .chain(["hello", "ping", "drain", "error"])
        {
            for shape in golden(&format!("event-{name}.json")) {
                let event: Event = serde_json::from_value(shape.clone()).unwrap();
                assert_eq!(event.kind, name, "{shape}");
                assert_eq!(event.grant.is_some(), name == "authorized", "{shape}");
                assert_eq!(
                    event.error.is_some(),
                    matches!(name, "failed" | "error"),
                    "{shape}"
                );
            }
        }
    }
}
