//! A webhook's receiver, on a port of its own.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

use super::within;

/// What a receiver does with a call that it has read.
#[derive(Clone, Copy)]
pub(crate) enum Reply {
    Status(u16),
    /// Nothing, as long as the connection lives.
    Silence,
}

/// One call.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
    pub(crate) json: Value,
}

impl Told {
    pub(crate) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    pub(crate) fn kind(&self) -> &str {
        self.json["type"].as_str().unwrap()
    }
}

/// Whether one of its signatures is by this secret (Standard Webhooks), by another library than the gateway's.
pub(crate) fn signed(told: &Told, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap());
    let key = hmac::Key::new(hmac::HMAC_SHA256, &key.unwrap());
    let [id, timestamp] = ["webhook-id", "webhook-timestamp"].map(|name| &told.headers[name]);
    let text = format!("{id}.{timestamp}.{}", told.body);
    let mut signatures = told.headers["webhook-signature"].split(' ');
    signatures.any(|signature| {
        let mac = STANDARD.decode(signature.strip_prefix("v1,").unwrap());
        hmac::verify(&key, text.as_bytes(), &mac.unwrap()).is_ok()
    })
}

/// Reads calls as long as it lives; they are answered 200 when no reply is left.
pub(crate) struct Receiver {
    pub(crate) addr: SocketAddr,
    told: mpsc::UnboundedReceiver<Told>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    listens: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let replies = Arc::new(Mutex::new(replies.iter().copied().collect()));
        let (sender, told) = mpsc::unbounded_channel();
        let script = replies.clone();
        let listens = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, sender.clone(), script.clone()));
            }
        });
        Self {
            addr,
            told,
            replies,
            listens,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// What the next calls are answered.
    pub(crate) fn reply(&self, replies: &[Reply]) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// The next call.
    pub(crate) async fn next(&mut self) -> Told {
        within("a webhook", self.told.recv()).await.unwrap()
    }

    /// The next call of this type.
    pub(crate) async fn next_of(&mut self, kind: &str) -> Told {
        loop {
            let told = self.next().await;
            if told.kind() == kind {
                return told;
            }
        }
    }

    /// Calls that nobody has looked at.
    pub(crate) fn rest(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listens.abort();
    }
}

async fn serve(
    stream: TcpStream,
    told: mpsc::UnboundedSender<Told>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) {
    let mut stream = BufReader::new(stream);
    while let Some(call) = read(&mut stream).await {
        let reply = replies.lock().unwrap().pop_front();
        let _ = told.send(call);
        match reply.unwrap_or(Reply::Status(200)) {
            Reply::Status(status) => {
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\nok");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Reply::Silence => {
                let _ = stream.read_u8().await;
                return;
            }
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Told> {
    let mut headers = HashMap::new();
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|read| *read > 0)?;
    assert_eq!(line, "POST /hook HTTP/1.1\r\n");
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers["content-length"].parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    let body = String::from_utf8(body).unwrap();
    let json = serde_json::from_str(&body).unwrap();
    Some(Told {
        headers,
        body,
        json,
    })
}
