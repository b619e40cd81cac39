//! The connection to Redis: one for all that a node asks, and for its one subscription.
//!
//! Nothing here hangs, and nothing is queued: what is asked while it is away fails [`WAIT`] after it broke, or at once. The
//! loop [`Link::keep`] brings it back, asks the sentinels again where there are some, and subscribes again. Whatever
//! went wrong, [`Link::take_trouble`] tells once that messages may have been missed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use redis::{
    Cmd, ErrorKind, FromRedisValue, PushInfo, PushKind, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind, Value,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, mpsc, watch};

use super::{
    connection::{self, Connection, TIMEOUT},
    place::Place,
};
use crate::{
    backend::OpenError,
    clock::{Clock, Millis, Stopwatch},
    cluster::StoreError,
    ids,
};

/// How long after it broke a connection that is being made again is waited for.
const WAIT: Duration = Duration::from_millis(300);
/// Between two tries to connect; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Messages that may wait to be read. More are dropped, which is trouble: what they told is read again.
const QUEUE: usize = 4_096;

/// What is published to one channel.
pub(super) type Messages = mpsc::Receiver<Vec<u8>>;

/// A handle on the one connection; clones share it.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    place: Place,
    channels: Arc<HashMap<String, mpsc::Sender<Vec<u8>>>>,
    connection: watch::Sender<Result<Made, Broken>>,
    /// Somebody found the connection broken.
    broken: Notify,
    /// Shared with what receives messages.
    trouble: Arc<AtomicBool>,
    clock: Clock,
}

/// A connection, and the how-many-eth it is: a call that fails late must not end the one that was made meanwhile.
#[derive(Clone)]
struct Made {
    nth: u64,
    connection: Connection,
}

/// Since when there is none.
struct Broken(Stopwatch);

impl Broken {
    fn now() -> Self {
        Self(Stopwatch::start())
    }
}

impl Link {
    /// Connects once, and subscribes to the channels.
    ///
    /// # Errors
    /// [`OpenError`]
    pub(super) async fn open<const N: usize>(
        url: &SecretString,
        channels: [String; N],
        clock: Clock,
    ) -> Result<(Self, [Messages; N]), OpenError> {
        let place = Place::parse(url.expose_secret())
            .map_err(|problem| OpenError::Refused(error(problem.to_owned())))?;
        let mut senders = HashMap::new();
        let messages = channels.map(|channel| {
            let (sender, messages) = mpsc::channel(QUEUE);
            senders.insert(channel, sender);
            messages
        });
        let link = Self(Arc::new(Inner {
            place,
            channels: Arc::new(senders),
            connection: watch::Sender::new(Err(Broken::now())),
            broken: Notify::new(),
            trouble: Arc::default(),
            clock,
        }));
        let connection = link.connect().await.map_err(|failed| {
            if is_refusal(&failed) {
                OpenError::Refused(said(&failed))
            } else {
                OpenError::Away(said(&failed))
            }
        })?;
        let _broken = link
            .0
            .connection
            .send_replace(Ok(Made { nth: 0, connection }));
        Ok((link, messages))
    }

    pub(super) fn place(&self) -> &Place {
        &self.0.place
    }

    /// Into how many places keys are spread: those of one place can be changed in one step. One server is one place;
    /// a cluster has sixteen, so that its servers share the work.
    pub(super) fn places(&self) -> u8 {
        match self.0.place {
            Place::Cluster(_) => 16,
            Place::Server(_) | Place::Sentinel { .. } => 1,
        }
    }

    /// Runs a script.
    ///
    /// # Errors
    /// [`StoreError`] when Redis is away: what was asked for may or may not have happened.
    pub(super) async fn run<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, StoreError> {
        let Made {
            nth,
            mut connection,
        } = self.made().await?;
        let done = script.invoke_async(&mut connection).await;
        done.map_err(|failed| self.failed(nth, &failed))
    }

    /// Runs a command.
    ///
    /// # Errors
    /// As [`Link::run`].
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let Made {
            nth,
            mut connection,
        } = self.made().await?;
        let done = command.query_async(&mut connection).await;
        done.map_err(|failed| self.failed(nth, &failed))
    }

    /// The server's time.
    ///
    /// # Errors
    /// As [`Link::run`].
    pub(super) async fn time(&self) -> Result<Millis, StoreError> {
        let (seconds, micros): (u64, u64) = self.ask(&redis::cmd("TIME")).await?;
        Ok(seconds * 1_000 + micros / 1_000)
    }

    /// Whether messages may have been missed since the last time this was asked.
    pub(super) fn take_trouble(&self) -> bool {
        self.0.trouble.swap(false, Ordering::AcqRel)
    }

    /// Whether there is a connection right now.
    pub fn is_up(&self) -> bool {
        self.0.connection.borrow().is_ok()
    }

    /// Connects again whenever the connection breaks; runs until the process stops.
    pub async fn keep(&self) {
        for nth in 1.. {
            while self.is_up() {
                self.0.broken.notified().await;
            }
            tracing::warn!("Redis is away: connecting again");
            let mut pause = FIRST_PAUSE;
            let connection = loop {
                match self.connect().await {
                    Ok(connection) => break connection,
                    Err(failed) => tracing::debug!(error = %said(&failed), "Redis is still away"),
                }
                self.0.clock.sleep(ids::jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            };
            self.0.trouble.store(true, Ordering::Release);
            let _broken = self.0.connection.send_replace(Ok(Made { nth, connection }));
            tracing::info!("Redis is back");
        }
    }

    async fn made(&self) -> Result<Made, StoreError> {
        let mut connection = self.0.connection.subscribe();
        let left = match &*connection.borrow() {
            Ok(made) => return Ok(made.clone()),
            Err(Broken(since)) => WAIT.saturating_sub(since.elapsed()),
        };
        let made = tokio::time::timeout(left, connection.wait_for(Result::is_ok)).await;
        let made = made.ok().and_then(|made| made.ok()?.as_ref().ok().cloned());
        made.ok_or_else(|| error("it is away".to_owned()))
    }

    /// Lets go of a connection that is good for nothing any more. A cluster's mends itself.
    fn failed(&self, nth: u64, failed: &RedisError) -> StoreError {
        if is_broken(failed) {
            self.0.trouble.store(true, Ordering::Release);
            self.0.connection.send_if_modified(|made| {
                let is_it = |made: &Made| made.nth == nth && made.connection.is_one();
                let breaks = made.as_ref().is_ok_and(is_it);
                if breaks {
                    *made = Err(Broken::now());
                }
                breaks
            });
            self.0.broken.notify_one();
        }
        said(failed)
    }

    async fn connect(&self) -> RedisResult<Connection> {
        let channels: Vec<_> = self.0.channels.keys().cloned().collect();
        // Every step has its own time-out; this bounds their sum.
        let connecting = connection::connect(&self.0.place, channels, self.receiver());
        match tokio::time::timeout(TIMEOUT * 5, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(RedisError::from((ErrorKind::Io, "no connection in time"))),
        }
    }

    /// What takes messages from the connection's own task: it must not wait.
    fn receiver(&self) -> impl Fn(PushInfo) -> Result<(), redis::aio::SendError> + 'static {
        let channels = self.0.channels.clone();
        let trouble = self.0.trouble.clone();
        move |push| {
            let is_lost = match push.kind {
                PushKind::Disconnection => true,
                PushKind::Message => pass_on(&channels, push.data).is_none(),
                _ => false,
            };
            if is_lost {
                trouble.store(true, Ordering::Release);
            }
            Ok(())
        }
    }
}

/// Nothing when it found no place.
fn pass_on(channels: &HashMap<String, mpsc::Sender<Vec<u8>>>, data: Vec<Value>) -> Option<()> {
    let [channel, payload] = <[Value; 2]>::try_from(data).ok()?;
    let channel = String::from_redis_value(channel).ok()?;
    let payload = Vec::from_redis_value(payload).ok()?;
    channels.get(&channel)?.try_send(payload).ok()
}

/// Whether the connection, or the server behind it, is good for nothing any more.
fn is_broken(failed: &RedisError) -> bool {
    failed.is_io_error()
        || failed.is_unrecoverable_error()
        || matches!(
            failed.kind(),
            ErrorKind::ClusterConnectionNotFound
                | ErrorKind::Server(
                    ServerErrorKind::ReadOnly
                        | ServerErrorKind::MasterDown
                        | ServerErrorKind::BusyLoading
                        | ServerErrorKind::ClusterDown
                )
        )
}

/// Whether another try would be refused as well.
fn is_refusal(failed: &RedisError) -> bool {
    matches!(
        failed.kind(),
        ErrorKind::AuthenticationFailed
            | ErrorKind::InvalidClientConfig
            | ErrorKind::RESP3NotSupported
    )
}

/// What Redis said. It repeats no key and no value: those are arguments of scripts.
fn said(failed: &RedisError) -> StoreError {
    error(failed.to_string())
}

fn error(message: String) -> StoreError {
    StoreError {
        store: "redis",
        message,
    }
}
