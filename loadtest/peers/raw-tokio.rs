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
const SWITCH: &str = "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// By scene.
type Map = HashMap<String, Arc<TcpStream>>;
type Sockets = Arc<Mutex<Map>>;

/// What is asked for: a socket if there is a key.
struct Asked {
    scene: String,
    key: Option<String>,
    body: Vec<u8>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let port: u16 = std::env::args().nth(1).unwrap_or_default().parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let sockets = Sockets::default();
    tokio::spawn(beat(Arc::clone(&sockets)));
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A broken request ends its connection.
        tokio::spawn(serve(stream, Arc::clone(&sockets)));
    }
}

fn lock(sockets: &Sockets) -> MutexGuard<'_, Map> {
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn beat(sockets: Sockets) {
    let mut seconds = interval(Duration::from_secs(1));
    for group in (0..GROUPS).cycle() {
        seconds.tick().await;
        for socket in lock(&sockets).values().skip(group).step_by(GROUPS) {
            // Who does not read is not pinged.
            let _ = socket.try_write(&PING);
        }
    }
}

async fn serve(mut stream: TcpStream, sockets: Sockets) -> anyhow::Result<()> {
    let mut buffer = Vec::with_capacity(1024);
    loop {
        let Asked { scene, key, body } = read(&mut stream, &mut buffer).await?;
        if let Some(key) = key {
            let accept = derive_accept_key(key.as_bytes());
            let answer = format!("{SWITCH}sec-websocket-accept: {accept}\r\n\r\n");
            stream.write_all(answer.as_bytes()).await?;
            let socket = Arc::new(stream);
            lock(&sockets).insert(scene.clone(), Arc::clone(&socket));
            // A task of its own, without what reading the request took.
            tokio::spawn(hold(socket, scene, sockets));
            return Ok(());
        }
        let socket = lock(&sockets).remove(&scene).context("nobody waits")?;
        socket.try_write(&frames(&body))?;
        stream.write_all(OK).await?;
    }
}

/// The event, and the close frame behind it.
fn frames(event: &[u8]) -> Vec<u8> {
    let length = u16::try_from(event.len()).unwrap_or(u16::MAX);
    [&[0x81, 126], &length.to_be_bytes()[..], event, &CLOSE].concat()
}

/// Until the other side closes; pongs need no answer. Each read is taken for one frame.
async fn hold(socket: Arc<TcpStream>, scene: String, sockets: Sockets) {
    let ready = || poll_fn(|context| socket.poll_read_ready(context));
    while ready().await.is_ok() {
        let mut scratch = [0; 1024];
        match socket.try_read(&mut scratch) {
            Ok(0) => break,
            Ok(_) if scratch.first() == Some(&0x88) => break,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => break,
            Ok(_) | Err(_) => {}
        }
    }
    if lock(&sockets).remove(&scene).is_some() {
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
    let path = request.path.unwrap_or_default();
    let (_, scene) = path.split_once("?scene=").context("no scene")?;
    let header = |name: &str| {
        let mut all = request.headers.iter();
        let found = all.find(|header| header.name.eq_ignore_ascii_case(name))?;
        Some(String::from_utf8_lossy(found.value).into_owned())
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let end = head + MAX_REQUEST.min(length.unwrap_or(0));
    let (scene, key) = (scene.to_owned(), header("sec-websocket-key"));
    let body = buffer.get(head..end).map(ToOwned::to_owned);
    Ok(body.map(|body| (Asked { scene, key, body }, end)))
}
