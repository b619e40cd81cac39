//! A login page as `web/PROTOCOL.md` has it: one socket, resumed wherever the balancer leads, and a grant that is
//! redeemed until somebody answers. Its pauses are shorter than a person's page makes them, so that runs are short.

use std::{future::pending, pin::pin, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::{
    net::TcpStream,
    sync::watch,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

use crate::{dice::Dice, fleet::World, journal::Fact};

/// For a connection and the upgrade.
const CONNECT: Duration = Duration::from_secs(5);
/// `ping_interval_ms` and 10 s: a link that is silent for so long is dropped.
const SILENCE: Duration = Duration::from_secs(35);
/// Redemptions until the page gives up; more than the grant lives.
const REDEMPTIONS: u32 = 100;

/// Of a hundred sockets, how many are lost by the page itself.
const ASLEEP: u64 = 15;

type Socket = WebSocketStream<TcpStream>;

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    SignedIn,
    /// Rejected, expired, cancelled, failed, or finished by somebody else.
    Over,
    /// Its scene is unknown: Redis lost it.
    Forgotten,
    /// It was told something that should never be said.
    Stopped,
}

pub(crate) struct Page<'a> {
    world: &'a World,
    person: &'a str,
    dice: Dice,
    verifier: String,
    scene: Option<Known>,
    /// Who holds the socket.
    node: String,
    /// When to come back, as the gateway said.
    pause: Option<Duration>,
    /// Connections in a row that came to nothing.
    failures: u32,
    /// What the QR code says, for the phone.
    code: watch::Sender<Option<String>>,
    /// What the person reads on the phone.
    digits: watch::Receiver<Option<String>>,
}

/// The scene, as the page keeps it.
struct Known {
    id: String,
    secret: String,
    seq: u64,
    is_verifying: bool,
}

impl<'a> Page<'a> {
    pub(crate) fn new(
        world: &'a World,
        person: &'a str,
        mut dice: Dice,
        code: watch::Sender<Option<String>>,
        digits: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            world,
            person,
            verifier: dice.verifier(),
            dice,
            scene: None,
            node: String::new(),
            pause: None,
            failures: 0,
            code,
            digits,
        }
    }

    /// Until the login is over, whatever happens to the socket.
    pub(crate) async fn run(&mut self) -> End {
        loop {
            let visit = match timeout(CONNECT, self.connect()).await {
                Ok(Some(socket)) => self.listen(socket).await,
                _ => None,
            };
            if let Some(end) = visit {
                return end;
            }
            self.failures += 1;
            let longest = 100 << self.failures.min(4);
            let jitter = self.dice.millis(0..longest);
            sleep(self.pause.take().unwrap_or(jitter)).await;
        }
    }

    async fn connect(&self) -> Option<Socket> {
        let stream = TcpStream::connect(self.world.balancer).await.ok()?;
        let url = format!("ws://{}/api/v1/ws", self.world.balancer);
        let mut request = url.into_client_request().unwrap();
        let origin = HeaderValue::from_str(&self.world.origin()).unwrap();
        let headers = request.headers_mut();
        headers.insert("origin", origin);
        headers.insert(
            "sec-websocket-protocol",
            HeaderValue::from_static("scan.v1"),
        );
        let (mut socket, _) = client_async(request, stream).await.ok()?;
        let first = match &self.scene {
            None => {
                let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier));
                json!({ "type": "start", "challenge": challenge, "svg": false })
            }
            Some(Known {
                id, secret, seq, ..
            }) => {
                json!({ "type": "resume", "scene": id, "secret": secret, "seq": seq })
            }
        };
        say(&mut socket, &first).await?;
        Some(socket)
    }

    /// Until the socket ends; `None` when the page is to come back.
    async fn listen(&mut self, mut socket: Socket) -> Option<End> {
        let mut typed = None;
        let mut sleeps = pin!(self.sleeps());
        loop {
            let wanted = self.scene.as_ref().filter(|scene| scene.is_verifying);
            let digits = self.digits.borrow_and_update().clone();
            let to_type = wanted
                .zip(digits)
                .map(|(scene, digits)| (scene.seq, digits));
            if to_type.is_some() && to_type != typed {
                let code = to_type.as_ref().map(|(_, digits)| digits);
                say(&mut socket, &json!({ "type": "verify", "code": code })).await?;
                typed = to_type;
            }
            let message = tokio::select! {
                message = timeout(SILENCE, socket.next()) => message.ok()??.ok()?,
                Ok(()) = self.digits.changed() => continue,
                () = &mut sleeps => return None,
            };
            match message {
                Message::Text(text) => {
                    let event = serde_json::from_str(&text).unwrap();
                    if let Some(end) = self.hear(&event, &mut socket).await {
                        return Some(end);
                    }
                }
                Message::Close(frame) => {
                    return self.closed(frame.map_or(1006, |frame| u16::from(frame.code)));
                }
                _ => {}
            }
        }
    }

    /// Some pages are on a laptop that is closed: the socket is gone, and the page comes back.
    fn sleeps(&mut self) -> impl Future<Output = ()> + use<> {
        let when = self.dice.percent(ASLEEP).then(|| self.dice.millis(50..900));
        async move {
            match when {
                Some(when) => sleep(when).await,
                None => pending().await,
            }
        }
    }

    async fn hear(&mut self, event: &Value, socket: &mut Socket) -> Option<End> {
        let millis = |value: &Value| value.as_u64().map(Duration::from_millis);
        match text(event, "type").as_str() {
            "hello" => {
                self.node = text(event, "node");
                self.failures = 0;
            }
            // A page that cannot say so finds out by reading on.
            "ping" => {
                let _ = say(socket, &json!({ "type": "pong" })).await;
            }
            "drain" => self.pause = millis(&event["reconnect_in_ms"]),
            "error" => self.pause = millis(&event["error"]["retry_after_ms"]),
            what => return self.moved(what, event).await,
        }
        None
    }

    /// A state event.
    async fn moved(&mut self, what: &str, event: &Value) -> Option<End> {
        let id = text(event, "scene");
        if self.scene.is_none() {
            self.opened(&id, event);
        }
        let scene = self.scene.as_mut()?;
        scene.seq = event["seq"].as_u64().unwrap_or_default();
        scene.is_verifying = what == "verifying";
        let page = scene.id.clone();
        let name = (what == "authorized").then(|| text(&event["user"], "name"));
        self.world.journal.write(Fact::Told {
            node: self.node.clone(),
            page: page.clone(),
            scene: id,
            what: what.to_owned(),
            name,
        });
        match what {
            "authorized" => Some(self.redeem(&page, &event["grant"]).await),
            "rejected" | "expired" | "cancelled" | "failed" => Some(End::Over),
            _ => None,
        }
    }

    fn opened(&mut self, id: &str, event: &Value) {
        self.scene = Some(Known {
            id: id.to_owned(),
            secret: text(event, "secret"),
            seq: 0,
            is_verifying: false,
        });
        let person = self.person.to_owned();
        let scene = id.to_owned();
        self.world.journal.write(Fact::Opened { scene, person });
        self.code.send_replace(Some(text(&event["qr"], "text")));
    }

    /// By the table of close codes.
    fn closed(&self, code: u16) -> Option<End> {
        let scene = self.scene.as_ref().map(|scene| scene.id.clone());
        match (code, scene) {
            (1001 | 1006 | 1011 | 1012 | 1013 | 4408 | 4429, _) | (4404, None) => None,
            (1000 | 4410, _) => Some(End::Over),
            (4404, Some(scene)) => {
                self.world.journal.write(Fact::Forgotten { scene });
                Some(End::Forgotten)
            }
            (_, scene) => {
                let scene = scene.unwrap_or_default();
                let why = format!("close {code}");
                self.world.journal.write(Fact::Stopped { scene, why });
                Some(End::Stopped)
            }
        }
    }

    /// With the same verifier until somebody answers; sometimes once more, as if that answer had been lost.
    async fn redeem(&mut self, scene: &str, grant: &Value) -> End {
        sleep(self.dice.millis(0..200)).await;
        let mut wanted = if self.dice.percent(20) { 2 } else { 1 };
        for _ in 0..REDEMPTIONS {
            match self.redeem_once(grant).await {
                Some((200, answer)) => {
                    let data = &answer["data"];
                    self.world.journal.write(Fact::Token {
                        scene: scene.to_owned(),
                        user: text(&data["user"], "id"),
                        name: text(&data["user"], "name"),
                        session: text(data, "session_id"),
                    });
                    wanted -= 1;
                    if wanted == 0 {
                        return End::SignedIn;
                    }
                }
                None | Some((429 | 500.., _)) => sleep(self.dice.millis(50..700)).await,
                Some((400, answer)) if answer["code"] == 40002 => {
                    let scene = scene.to_owned();
                    self.world.journal.write(Fact::Forgotten { scene });
                    return End::Forgotten;
                }
                Some((status, answer)) => {
                    let (scene, why) = (scene.to_owned(), format!("{status}, {answer}"));
                    self.world.journal.write(Fact::Stopped { scene, why });
                    return End::Stopped;
                }
            }
        }
        End::Over
    }

    async fn redeem_once(&self, grant: &Value) -> Option<(u16, Value)> {
        let url = format!("{}/api/v1/auth/token", self.world.origin());
        let call = self
            .world
            .http
            .post(url)
            .header("origin", self.world.origin());
        let body = json!({ "grant": grant, "verifier": self.verifier });
        let answer = call.json(&body).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.unwrap_or_default()))
    }
}

async fn say(socket: &mut Socket, command: &Value) -> Option<()> {
    socket.send(Message::text(command.to_string())).await.ok()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}
