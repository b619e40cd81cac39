//! A peer of the load tests: tokio and httparse, with frames of its own. The lean floor: nothing is kept for an idle
//! socket but a small task and its place in the map.
//!
//! `GET /ws?scene=ID` holds a socket, `POST /callback?scene=ID` sends its body to it and closes it.

#![expect(
    clippy::disallowed_methods,
    reason = "a peer is written as its library's readers write it"
)]

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::interval,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Each second one of so many groups is pinged.
const GROUPS: usize = 25;
const MAX_REQUEST: usize = 16 * 1024;
const PING: [u8; 2] = [0x89, 0];
/// Close, with the code 1000.
const CLOSE: [u8; 4] = [0x88, 2, 0x03, 0xe8];
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";

/// By scene.
type Map = HashMap<String, Arc<TcpStream>>;

#[derive(Clone, Default)]
struct Sockets(Arc<Mutex<Map>>);

impl Sockets {
    fn lock(&self) -> MutexGuard<'_, Map> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a request asks for.
enum Asked {
    Socket { scene: String, accept: String },
    Callback { scene: String, event: Vec<u8> },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap_or_default().parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let sockets = Sockets::default();
    tokio::spawn(beat(sockets.clone()));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A broken request ends its connection.
        tokio::spawn(serve(stream, sockets.clone()));
    }
}

async fn beat(sockets: Sockets) {
    let mut seconds = interval(Duration::from_secs(1));
    for group in (0..GROUPS).cycle() {
        seconds.tick().await;
        for (place, socket) in sockets.lock().values().enumerate() {
            if place % GROUPS == group {
                // Who does not read is not pinged.
                let _ = socket.try_write(&PING);
            }
        }
    }
}

async fn serve(mut stream: TcpStream, sockets: Sockets) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        match read(&mut stream, &mut buffer).await? {
            Asked::Socket { scene, accept } => {
                let answer = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
                     sec-websocket-accept: {accept}\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await?;
                let socket = Arc::new(stream);
                sockets.lock().insert(scene.clone(), Arc::clone(&socket));
                // A task of its own, without what reading the request took.
                tokio::spawn(hold(socket, scene, sockets));
                return Ok(());
            }
            Asked::Callback { scene, event } => {
                let socket = sockets.lock().remove(&scene);
                let pushed = socket.is_some_and(|socket| socket.try_write(&frames(&event)).is_ok());
                stream
                    .write_all(if pushed { OK } else { NOT_FOUND })
                    .await?;
            }
        }
    }
}

/// The event, and the close frame behind it.
fn frames(event: &[u8]) -> Vec<u8> {
    let mut frames = vec![0x81, 126];
    frames.extend(u16::try_from(event.len()).unwrap_or(u16::MAX).to_be_bytes());
    frames.extend(event);
    frames.extend(CLOSE);
    frames
}

/// Until the other side closes; pongs need no answer. Each read is taken for one frame.
async fn hold(socket: Arc<TcpStream>, scene: String, sockets: Sockets) {
    while poll_fn(|context| socket.poll_read_ready(context))
        .await
        .is_ok()
    {
        let mut scratch = [0; 1024];
        match socket.try_read(&mut scratch) {
            Ok(0) => break,
            Ok(_) if scratch.first() == Some(&0x88) => break,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
            Ok(_) | Err(_) => {}
        }
    }
    if sockets.lock().remove(&scene).is_some() {
        // The browser closed first: it gets its close frame back.
        let _ = socket.try_write(&CLOSE);
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<Asked> {
    loop {
        if let Some((asked, used)) = parse(buffer)? {
            buffer.drain(..used);
            return Ok(asked);
        }
        if buffer.len() > MAX_REQUEST || stream.read_buf(buffer).await? == 0 {
            bail!("no request");
        }
    }
}

/// The request and its length, once it is there.
fn parse(buffer: &[u8]) -> anyhow::Result<Option<(Asked, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(buffer)? else {
        return Ok(None);
    };
    let (path, scene) = request
        .path
        .unwrap_or_default()
        .split_once("?scene=")
        .context("scene")?;
    let scene = scene.to_owned();
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name));
        found.map_or(&b""[..], |header| header.value)
    };
    if path == "/ws" {
        let accept = derive_accept_key(header("sec-websocket-key"));
        return Ok(Some((Asked::Socket { scene, accept }, head)));
    }
    let length: usize = std::str::from_utf8(header("content-length"))?.parse()?;
    let end = head + length.min(MAX_REQUEST);
    let event = buffer.get(head..end).map(ToOwned::to_owned);
    Ok(event.map(|event| (Asked::Callback { scene, event }, end)))
}
