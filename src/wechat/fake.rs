//! A server that plays a script, one entry for each request, to see what the client makes of broken networks.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use url::Url;

use crate::{config::http_url, tasks::Tasks};

/// What happens to one request, after it was read.
#[derive(Clone)]
pub(super) enum Play {
    /// Status and body.
    Answer(u16, Vec<u8>),
    /// The connection is reset.
    Reset,
    /// A head that promises more than comes before the connection is closed.
    CutOff,
    /// Nothing, for ever.
    Silence,
    /// One byte, then nothing.
    Drip,
}

/// The server; lives as long as the test.
pub(super) struct Fake {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: Tasks,
}

impl Fake {
    /// Starts it. When the script is over, the last entry is played again.
    pub(super) async fn start(script: Vec<Play>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let tasks = Tasks::new();
        tasks.spawn_loop(
            "fake",
            serve(listener, script, Arc::clone(&requests), tasks.clone()),
        );
        Self {
            address,
            requests,
            _tasks: tasks,
        }
    }

    pub(super) fn base(&self) -> Url {
        http_url(self.address)
    }

    /// The request lines so far.
    pub(super) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

pub(super) fn json(body: &str) -> Play {
    Play::Answer(200, body.as_bytes().to_vec())
}

async fn serve(
    listener: TcpListener,
    script: Vec<Play>,
    requests: Arc<Mutex<Vec<String>>>,
    tasks: Tasks,
) {
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let (script, requests) = (script.clone(), Arc::clone(&requests));
        tasks.spawn_loop("fake connection", async move {
            let Some(line) = request_line(&mut stream).await else {
                return;
            };
            let play = {
                let mut requests = requests.lock().unwrap();
                requests.push(line);
                script[(requests.len() - 1).min(script.len() - 1)].clone()
            };
            play_to(stream, play).await;
        });
    }
}

async fn request_line(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(read).unwrap().lines().next()?.to_owned())
}

async fn play_to(mut stream: TcpStream, play: Play) {
    let head = |status: u16, length: usize| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        )
    };
    // The client may hang up at any time: that is what is tested.
    let _ = match play {
        Play::Answer(status, body) => {
            let answer = [head(status, body.len()).into_bytes(), body].concat();
            stream.write_all(&answer).await
        }
        Play::Reset => socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)),
        Play::CutOff => {
            let answer = format!("{}{{\"openid\":\"o", head(200, 500));
            stream.write_all(answer.as_bytes()).await
        }
        Play::Silence => std::future::pending().await,
        Play::Drip => {
            let answer = format!("{}{{", head(200, 500));
            let _ = stream.write_all(answer.as_bytes()).await;
            std::future::pending().await
        }
    };
}
