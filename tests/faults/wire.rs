//! A TCP proxy that misbehaves: between each gateway and what it talks to.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use crate::resp::Quiet;

/// What the wire does to everything on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// Every chunk takes so long, each way.
    Slow(Duration),
    /// Nothing passes, nothing is refused: what is sent waits.
    Dark,
    /// Connections end, and new ones do at once.
    Cut,
    /// Answers end in the middle of a frame, and the connection with them, each time after so many of them.
    Torn(u32),
    /// What Redis publishes is lost; answers pass.
    Mute,
}

/// Sees what clients ask, and says what is passed on of it.
pub(crate) type Tap = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// One listener, before one server. It ends with this.
pub(crate) struct Wire {
    pub(crate) addr: SocketAddr,
    mood: watch::Sender<Mood>,
    accepting: JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to_redis(server: SocketAddr) -> Self {
        Self::to(server, None).await
    }

    pub(crate) async fn to_wechat(server: SocketAddr, tap: Tap) -> Self {
        Self::to(server, Some(tap)).await
    }

    async fn to(server: SocketAddr, tap: Option<Tap>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mood = watch::Sender::new(Mood::Fine);
        let addr = listener.local_addr().unwrap();
        let accepting = tokio::spawn(accept(listener, server, mood.subscribe(), tap));
        Self {
            addr,
            mood,
            accepting,
        }
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_replace(mood);
    }

    /// Every connection there is ends; new ones are fine.
    pub(crate) async fn cut_once(&self) {
        self.set(Mood::Cut);
        // Until those that pump have seen it.
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.set(Mood::Fine);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.set(Mood::Cut);
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    mood: watch::Receiver<Mood>,
    tap: Option<Tap>,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        if *mood.borrow() != Mood::Cut {
            tokio::spawn(join(client, server, mood.clone(), tap.clone()));
        }
    }
}

/// Both ways, until one of them ends.
async fn join(
    client: TcpStream,
    server: SocketAddr,
    mood: watch::Receiver<Mood>,
    tap: Option<Tap>,
) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let ((from_client, to_client), (from_server, to_server)) =
        (client.into_split(), server.into_split());
    // Only Redis publishes.
    let quiet = tap.is_none().then(Quiet::default);
    tokio::select! {
        () = ask(from_client, to_server, mood.clone(), tap) => {}
        () = answer(from_server, to_client, mood.clone(), quiet) => {}
        () = until_cut(mood) => {}
    }
}

async fn until_cut(mut mood: watch::Receiver<Mood>) {
    let _ = mood.wait_for(|mood| *mood == Mood::Cut).await;
}

/// Waits as long as the mood has it.
async fn linger(mood: &mut watch::Receiver<Mood>) {
    let now = *mood.borrow();
    if let Mood::Slow(delay) = now {
        tokio::time::sleep(delay).await;
    }
    let _ = mood.wait_for(|mood| *mood != Mood::Dark).await;
}

async fn ask(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mood: watch::Receiver<Mood>,
    tap: Option<Tap>,
) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        let asked = &chunk[..length];
        let passes = tap
            .as_ref()
            .map_or_else(|| asked.to_vec(), |tap| tap(asked));
        linger(&mut mood).await;
        if to.write_all(&passes).await.is_err() {
            return;
        }
    }
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mood: watch::Receiver<Mood>,
    mut quiet: Option<Quiet>,
) {
    let mut chunk = vec![0; 16 * 1024];
    let mut answers = 0;
    while let Ok(length @ 1..) = from.read(&mut chunk).await {
        linger(&mut mood).await;
        let now = *mood.borrow();
        let passes = match &mut quiet {
            Some(quiet) => quiet.filter(&chunk[..length], now == Mood::Mute),
            None => chunk[..length].to_vec(),
        };
        answers += 1;
        let is_torn = matches!(now, Mood::Torn(after) if answers >= after && passes.len() > 1);
        let whole = if is_torn {
            passes.len() / 2
        } else {
            passes.len()
        };
        if to.write_all(&passes[..whole]).await.is_err() || is_torn {
            return;
        }
    }
}
