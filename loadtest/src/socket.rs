//! A page's socket: `scan.v1` as a browser speaks it.

use std::{fmt, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::Instant};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message, client::IntoClientRequest, handshake::client::Request, http::HeaderValue,
        protocol::WebSocketConfig,
    },
};

use url::Url;

use crate::{bare, target::Target};

/// Why one page or login failed, in words that many failures share.
#[derive(Debug)]
pub(crate) struct Failure(pub(crate) String);

impl Failure {
    pub(crate) fn new(step: &str, why: impl fmt::Display) -> Self {
        Self(format!("{step}: {why}"))
    }
}

/// What a page must know to come back to its scene.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ticket {
    pub(crate) scene: String,
    pub(crate) secret: String,
    pub(crate) seq: u64,
}

impl Ticket {
    /// Takes what the event says.
    pub(crate) fn note(&mut self, event: &Event) {
        if let (Some(scene), Some(secret)) = (&event.scene, &event.secret) {
            (self.scene, self.secret) = (scene.clone(), secret.clone());
        }
        self.seq = event.seq;
    }
}

/// A socket with a page behind it.
#[derive(Debug)]
pub(crate) struct Socket(WebSocketStream<TcpStream>);

/// What the gateway said.
#[derive(Debug)]
pub(crate) enum Heard {
    Event(Box<Event>),
    Closed(u16, String),
}

/// Any event; what a type does not carry is absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) seq: u64,
    pub(crate) scene: Option<String>,
    pub(crate) secret: Option<String>,
    /// Epoch milliseconds of the gateway's clock, as `expires_at` is.
    pub(crate) at: Option<u64>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) reconnect_in_ms: Option<u64>,
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
    pub(crate) retry_after_ms: Option<u64>,
}

impl Event {
    /// How long the state that it tells of lasts.
    pub(crate) fn life(&self) -> Option<Duration> {
        let life = self.expires_at?.saturating_sub(self.at?);
        Some(Duration::from_millis(life))
    }

    /// That the event is of this type and carries this number.
    pub(crate) fn must_be(self, kind: &str, seq: u64) -> Result<Self, Failure> {
        if self.kind != kind {
            let why = format!("got {}", self.describe());
            return Err(Failure::new(kind, why));
        }
        if self.seq != seq {
            let why = format!("seq {} instead of {seq}", self.seq);
            return Err(Failure::new(kind, why));
        }
        Ok(self)
    }

    /// What the code says.
    pub(crate) fn link(&self) -> Result<String, Failure> {
        match &self.qr {
            Some(qr) => Ok(qr.text.clone()),
            None => Err(Failure::new("pending", "no QR code")),
        }
    }

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
    /// Connects and upgrades, as page number `turn`; another `try_no` may reach another node.
    pub(crate) async fn open(target: &Target, turn: usize, try_no: usize) -> Result<Self, Failure> {
        let step = "connect";
        let request = upgrade(target).map_err(|error| Failure::new(step, error))?;
        Self::over(target, turn, try_no, request).await
    }

    /// The same at a peer.
    pub(crate) async fn open_bare(target: &Target, turn: usize) -> Result<Self, Failure> {
        let request = bare::at(target, "/ws", turn).and_then(ws_request);
        let request = request.map_err(|error| Failure::new("connect", error))?;
        Self::over(target, turn, 0, request).await
    }

    async fn over(
        target: &Target,
        turn: usize,
        try_no: usize,
        request: Request,
    ) -> Result<Self, Failure> {
        let step = "connect";
        let stream = target
            .connect(turn, try_no)
            .await
            .map_err(|error| Failure::new(step, error.kind()))?;
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
        let mut start = opening(challenge, svg);
        start["type"] = "start".into();
        self.send(&start).await
    }

    pub(crate) async fn resume(&mut self, ticket: &Ticket) -> Result<(), Failure> {
        let Ticket { scene, secret, seq } = ticket;
        self.send(&json!({"type": "resume", "scene": scene, "secret": secret, "seq": seq}))
            .await
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
                        _ => return Ok((Heard::Event(Box::new(event)), now)),
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

    /// Says goodbye; the gateway keeps the scene.
    pub(crate) async fn close(mut self) {
        // The other side may be gone: nothing is left to do then.
        let _ = self.0.close(None).await;
    }

    /// Is gone without a word, as when a network falls away.
    pub(crate) fn vanish(self) {
        // Where it cannot be set, the connection is closed in the ordinary way.
        let _ = self.0.get_ref().set_zero_linger();
    }
}

/// The fields of `start`, which `POST /scenes` takes too.
pub(crate) fn opening(challenge: &str, svg: bool) -> Value {
    json!({"challenge": challenge, "flow": "h5", "locale": "en", "svg": svg})
}

fn upgrade(target: &Target) -> anyhow::Result<Request> {
    let mut request = ws_request(target.at("/api/v1/ws")?)?;
    let headers = request.headers_mut();
    let protocol = HeaderValue::from_static("scan.v1");
    headers.insert("sec-websocket-protocol", protocol);
    headers.insert("origin", HeaderValue::from_str(&target.origin)?);
    Ok(request)
}

fn ws_request(mut url: Url) -> anyhow::Result<Request> {
    url.set_scheme("ws")
        .map_err(|()| anyhow::anyhow!("no ws address"))?;
    Ok(url.as_str().into_client_request()?)
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
