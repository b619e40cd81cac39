//! Something answers in WeChat's place that never comes to an end, says too much, or speaks no HTTP.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::interval,
};

use crate::support::spawn_gateway_with;

/// Longer than a call may take, with what a busy machine adds.
const BOUND: Duration = Duration::from_secs(9);
const MEGABYTE: usize = 1024 * 1024;

/// How it answers.
#[derive(Clone, Copy, Debug)]
enum Play {
    /// This much of a body, all of it announced.
    Body(usize),
    /// Chunks without an end.
    Chunks,
    /// Header lines without an end.
    Headers,
    /// A body of which one byte comes each second.
    DripBody,
    /// A head of which one byte comes each second.
    DripHead,
    /// Less than was announced.
    Short,
    /// Another protocol.
    Nonsense,
    /// Nobody listens.
    Nobody,
}

impl Play {
    /// Until all is said, or nobody listens any more.
    async fn answer(self, stream: &mut TcpStream) -> std::io::Result<()> {
        const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
        match self {
            Self::Body(bytes) => {
                stream.write_all(HEAD).await?;
                let length = format!("content-length: {bytes}\r\n\r\n");
                stream.write_all(length.as_bytes()).await?;
                stream.write_all(&vec![b' '; bytes]).await
            }
            Self::Chunks => {
                stream.write_all(HEAD).await?;
                stream
                    .write_all(b"transfer-encoding: chunked\r\n\r\n")
                    .await?;
                loop {
                    stream.write_all(b"10\r\n                \r\n").await?;
                }
            }
            Self::Headers => {
                stream.write_all(HEAD).await?;
                loop {
                    stream.write_all(b"x-more: and more\r\n").await?;
                }
            }
            Self::DripBody => {
                stream.write_all(HEAD).await?;
                stream.write_all(b"content-length: 60\r\n\r\n").await?;
                drip(stream, &[b' '; 60]).await
            }
            Self::DripHead => drip(stream, HEAD).await,
            Self::Short => {
                stream.write_all(HEAD).await?;
                stream.write_all(b"content-length: 60\r\n\r\n{").await
            }
            Self::Nonsense => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await,
            Self::Nobody => Ok(()),
        }
    }
}

async fn drip(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    let mut second = interval(Duration::from_secs(1));
    for byte in bytes {
        second.tick().await;
        stream.write_all(&[*byte]).await?;
    }
    Ok(())
}

/// Answers every request so, and counts them.
async fn serve(listener: TcpListener, play: Play, requests: Arc<AtomicU32>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let requests = requests.clone();
        tokio::spawn(async move {
            let mut head = [0; 2048];
            if stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                requests.fetch_add(1, Ordering::Relaxed);
                // Whoever has heard enough hangs up.
                let _ = play.answer(&mut stream).await;
            }
        });
    }
}

async fn a_login_meets(play: Play, code: u64, asked: u32) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicU32::new(0));
    let server = if matches!(play, Play::Nobody) {
        drop(listener);
        None
    } else {
        Some(tokio::spawn(serve(listener, play, requests.clone())))
    };
    let gateway = spawn_gateway_with(&[("wechat.api_base", &base)]).await;
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(&gateway).await;
    let callback = browser.to_website_callback(&gateway, &pending, "zoe").await;
    let told = async {
        let step = browser.open_framed(&callback).await;
        step.says(410, "登录没有完成");
    };
    let told = tokio::time::timeout(BOUND, told).await;
    assert!(told.is_ok(), "{play:?} takes too long");
    let failed = gateway.now(&pending).await;
    assert_eq!(failed["type"], "failed", "{play:?}: {failed}");
    assert_eq!(failed["error"]["code"], code, "{play:?}: {failed}");
    assert_eq!(requests.load(Ordering::Relaxed), asked, "{play:?}");
    gateway.refreshed(&pending).await;
    gateway.stop().await;
    if let Some(server) = server {
        server.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_told_in_time_and_the_code_shown_once() {
    let plays = [
        (Play::Body(10 * MEGABYTE), 50200, 1),
        (Play::Chunks, 50200, 1),
        (Play::Headers, 50201, 1),
        (Play::DripBody, 50400, 1),
        (Play::DripHead, 50400, 1),
        (Play::Short, 50201, 1),
        (Play::Nonsense, 50201, 1),
        (Play::Nobody, 50201, 0),
    ];
    let logins = plays.map(|(play, code, asked)| a_login_meets(play, code, asked));
    join_all(logins).await;
}
