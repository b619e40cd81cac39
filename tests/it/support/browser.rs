use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        http::{HeaderValue, Response},
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::{Gateway, call, documents, http, within};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A tab with the login page: a socket, a verifier that never leaves it, and what it was told.
pub(crate) struct Browser {
    pub(crate) socket: Socket,
    pub(crate) verifier: String,
    /// The cookie that came with the 101, as it is sent back.
    pub(crate) cookie: Option<String>,
    pub(crate) http: reqwest::Client,
    origin: String,
    token_url: String,
}

/// How a socket ended.
pub(crate) type Ended = Option<CloseFrame>;

pub(crate) fn close_code(ended: &Ended) -> u16 {
    ended.as_ref().map_or(1006, |frame| u16::from(frame.code))
}

impl Browser {
    pub(crate) async fn open(gateway: &Gateway) -> Self {
        Self::open_as(gateway, &gateway.origin(), Some("scan.v1"))
            .await
            .unwrap()
    }

    /// With another origin, or another protocol offered.
    pub(crate) async fn open_as(
        gateway: &Gateway,
        origin: &str,
        protocol: Option<&'static str>,
    ) -> Result<Self, Response<Option<Vec<u8>>>> {
        let mut request = format!("ws://{}/api/v1/ws", gateway.addr)
            .into_client_request()
            .unwrap();
        // As a balancer in front of several gateways passes it on.
        let host = HeaderValue::from_str(gateway.url.authority()).unwrap();
        request.headers_mut().insert("host", host);
        request
            .headers_mut()
            .insert("origin", HeaderValue::from_str(origin).unwrap());
        if let Some(protocol) = protocol {
            request
                .headers_mut()
                .insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        }
        let (socket, cookie) = match within("the upgrade", connect_async(request)).await {
            Ok((socket, response)) => (socket, set_cookie(&response)),
            Err(Error::Http(response)) => return Err(*response),
            Err(error) => panic!("{error}"),
        };
        Ok(Self {
            socket,
            cookie,
            verifier: URL_SAFE_NO_PAD.encode(rand_bytes()),
            http: http().cookie_store(true).build().unwrap(),
            origin: origin.to_owned(),
            token_url: gateway.api("/auth/token"),
        })
    }

    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    pub(crate) async fn say(&mut self, command: Value) {
        self.socket
            .send(Message::text(command.to_string()))
            .await
            .unwrap();
    }

    /// Opens a scene and gives its `pending`.
    pub(crate) async fn start(&mut self) -> Value {
        let challenge = self.challenge();
        self.say(json!({ "type": "start", "challenge": challenge }))
            .await;
        self.event("pending").await
    }

    pub(crate) async fn resume(&mut self, pending: &Value, seq: u64) {
        let command = json!({ "type": "resume", "scene": pending["scene"], "secret": pending["secret"], "seq": seq });
        self.say(command).await;
    }

    /// The next event; it must be of this type. `hello` and `ping` are passed over.
    pub(crate) async fn event(&mut self, name: &str) -> Value {
        loop {
            let event = self.next(name).await;
            if event["type"] == name {
                return event;
            }
            assert!(
                matches!(event["type"].as_str(), Some("hello" | "ping")),
                "waited for {name}, came {event}"
            );
        }
    }

    /// The next event, whatever it is.
    pub(crate) async fn next(&mut self, waiting_for: &str) -> Value {
        loop {
            match within(waiting_for, self.socket.next()).await {
                Some(Ok(Message::Text(text))) => {
                    let event = serde_json::from_str(&text).unwrap();
                    documents::told(&event);
                    return event;
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("waited for {waiting_for}, came {other:?}"),
            }
        }
    }

    /// Pings (RFC 6455) and waits for the answer: whatever the gateway had said before it, except `hello` and `ping`.
    pub(crate) async fn told_meanwhile(&mut self) -> Vec<Value> {
        let ping = Message::Ping("beat".into());
        self.socket.send(ping).await.unwrap();
        let mut told = Vec::new();
        loop {
            match within("a pong", self.socket.next()).await {
                Some(Ok(Message::Pong(payload))) => {
                    assert_eq!(&payload[..], b"beat");
                    return told;
                }
                Some(Ok(Message::Text(text))) => {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    documents::told(&event);
                    if event["type"] != "hello" && event["type"] != "ping" {
                        told.push(event);
                    }
                }
                other => panic!("waited for a pong, came {other:?}"),
            }
        }
    }

    /// The `error` event and the code and reason of the close that follows it.
    pub(crate) async fn refused(&mut self) -> (Value, u16, String) {
        let error = self.event("error").await;
        let ended = self.ended().await;
        let reason = ended.as_ref().map(|frame| frame.reason.to_string());
        (error, close_code(&ended), reason.unwrap_or_default())
    }

    /// Reads to the end and gives the close frame.
    pub(crate) async fn ended(&mut self) -> Ended {
        loop {
            match within("the close", self.socket.next()).await {
                Some(Ok(Message::Close(frame))) => return frame,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// Closes as a page does that is left.
    pub(crate) async fn leave(&mut self) {
        let frame = CloseFrame {
            code: CloseCode::Away,
            reason: "".into(),
        };
        let _ = self.socket.close(Some(frame)).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), self.ended()).await;
    }

    /// Redeems a grant with this tab's verifier.
    pub(crate) async fn redeem(&self, grant: &Value) -> (u16, Value) {
        self.redeem_with(grant, &self.verifier).await
    }

    pub(crate) async fn redeem_with(&self, grant: &Value, verifier: &str) -> (u16, Value) {
        self.post(
            &self.token_url,
            json!({ "grant": grant, "verifier": verifier }),
        )
        .await
    }

    /// A JSON call of the page.
    pub(crate) async fn post(&self, url: &str, body: Value) -> (u16, Value) {
        let post = self.http.post(url).header("origin", &self.origin);
        let answer = call(post.json(&body)).await;
        (answer.status, answer.json)
    }
}

fn set_cookie(response: &Response<Option<Vec<u8>>>) -> Option<String> {
    let cookie = response.headers().get("set-cookie")?.to_str().unwrap();
    cookie.split(';').next().map(str::to_owned)
}

fn rand_bytes() -> [u8; 32] {
    scangate::ids::random()
}
