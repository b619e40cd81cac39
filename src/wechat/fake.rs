//! A server that plays a script, one entry for each request, to see what the client makes of broken networks.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
};
use url::Url;

use crate::{config::http_url, tasks::Tasks};

/// What happens to one request, after it was read.
#[derive(Clone)]
pub(crate) enum Play {
    /// Status and body.
    Answer(u16, Vec<u8>),
    /// A whole answer, byte for byte.
    Raw(Vec<u8>),
    /// A body, and the connection stays open for the next request.
    KeepAlive(&'static str),
    /// The connection is reset.
    Reset,
    /// A head that promises more than comes before the connection is closed.
    CutOff,
    /// Nothing until told, then a body.
    Held(Arc<Notify>, String),
    /// Nothing, for ever.
    Silence,
    /// One byte, then nothing.
    Drip,
}

/// The server; lives as long as the test.
pub(crate) struct Fake {
    address: SocketAddr,
    seen: Arc<Seen>,
    _tasks: Tasks,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: watch::Sender<Vec<Request>>,
}

/// One request as it came.
#[derive(Clone)]
struct Request {
    line: String,
    body: Vec<u8>,
}

impl Fake {
    /// Starts it. When the script is over, the last entry is played again.
    pub(crate) async fn start(script: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let tasks = Tasks::new();
        tasks.spawn_loop(
            "fake",
            serve(listener, script, Arc::clone(&seen), tasks.clone()),
        );
        Self {
            address,
            seen,
            _tasks: tasks,
        }
    }

    pub(crate) fn base(&self) -> Url {
        http_url(self.address)
    }

    /// The request lines so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.seen.requests.borrow();
        requests
            .iter()
            .map(|request| request.line.clone())
            .collect()
    }

    /// The JSON bodies so far; requests without a body are left out.
    pub(crate) fn bodies(&self) -> Vec<serde_json::Value> {
        let requests = self.seen.requests.borrow();
        requests
            .iter()
            .filter(|request| !request.body.is_empty())
            .map(|request| serde_json::from_slice(&request.body).unwrap())
            .collect()
    }

    /// The last body as it was sent.
    pub(crate) fn last_body(&self) -> String {
        let requests = self.seen.requests.borrow();
        let last = requests.last().map(|request| request.body.clone());
        String::from_utf8(last.unwrap_or_default()).unwrap()
    }

    /// How many requests came; waits a while for `expected` ones, because a client that gave up may be ahead of
    /// this server.
    pub(crate) async fn count(&self, expected: usize) -> usize {
        let mut requests = self.seen.requests.subscribe();
        let enough = requests.wait_for(|requests| requests.len() >= expected);
        let _ = tokio::time::timeout(Duration::from_secs(5), enough).await;
        self.requests().len()
    }

    /// How many connections carried them.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::Relaxed)
    }
}

pub(crate) fn json(body: &str) -> Play {
    Play::Answer(200, body.as_bytes().to_vec())
}

async fn serve(listener: TcpListener, script: Vec<Play>, seen: Arc<Seen>, tasks: Tasks) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        seen.connections.fetch_add(1, Ordering::Relaxed);
        let (script, seen) = (script.clone(), Arc::clone(&seen));
        tasks.spawn_loop("fake connection", async move {
            while let Some(request) = request(&mut stream).await {
                seen.requests.send_modify(|requests| requests.push(request));
                let last = seen.requests.borrow().len().min(script.len()) - 1;
                let play = script[last].clone();
                if !play_to(&mut stream, play).await {
                    return;
                }
            }
        });
    }
}

async fn request(stream: &mut TcpStream) -> Option<Request> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(read).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let line = head.lines().next()?.to_owned();
    Some(Request { line, body })
}

/// Plays it; tells whether the connection stays open.
async fn play_to(stream: &mut TcpStream, play: Play) -> bool {
    let head = |status: u16, length: usize, connection: &str| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
             Connection: {connection}\r\n\r\n"
        )
    };
    let stays = matches!(play, Play::KeepAlive(_));
    // The client may hang up at any time: that is what is tested.
    let _ = match play {
        Play::Answer(status, body) => {
            let answer = [head(status, body.len(), "close").into_bytes(), body].concat();
            stream.write_all(&answer).await
        }
        Play::Raw(answer) => stream.write_all(&answer).await,
        Play::Held(told, body) => {
            told.notified().await;
            let answer = head(200, body.len(), "close") + &body;
            stream.write_all(answer.as_bytes()).await
        }
        Play::KeepAlive(body) => {
            let answer = head(200, body.len(), "keep-alive") + body;
            stream.write_all(answer.as_bytes()).await
        }
        Play::Reset => socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)),
        Play::CutOff => {
            let answer = head(200, 500, "close") + "{\"openid\":\"o";
            stream.write_all(answer.as_bytes()).await
        }
        Play::Silence => std::future::pending().await,
        Play::Drip => {
            let answer = head(200, 500, "close") + "{";
            let _ = stream.write_all(answer.as_bytes()).await;
            std::future::pending().await
        }
    };
    stays
}
