//! The connection to Redis: one for all that a node asks, and for its one subscription.
//!
//! What is asked while it is away fails after [`WAIT`] and not later: nothing here hangs, and nothing is queued. The
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
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    Pipeline, PushInfo, PushKind, RedisError, RedisFuture, RedisResult, ScriptInvocation,
    ServerErrorKind, Value,
    aio::{ConnectionLike, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Notify, mpsc, watch};

use super::place::Place;
use crate::{
    clock::{Clock, Millis},
    cluster::StoreError,
    ids,
};

/// How long an answer may take, and a connection to be made. Whoever asks after that is told at once that Redis is away.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long somebody who asks waits for a connection that is being made again.
const WAIT: Duration = Duration::from_millis(300);
/// Between two tries to connect; each further one waits twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Messages that may wait to be read. More are dropped, which is trouble: what they told is read again.
const QUEUE: usize = 4_096;

/// What is published to one channel.
pub(super) type Messages = mpsc::Receiver<Vec<u8>>;

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Nobody answers, or not yet: another try may succeed.
    #[error("{0}")]
    Away(StoreError),
    /// It stays so until somebody changes something.
    #[error("{0}")]
    Refused(StoreError),
}

/// A handle on the one connection; clones share it.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    place: Place,
    channels: Arc<HashMap<String, mpsc::Sender<Vec<u8>>>>,
    connection: watch::Sender<Option<Made>>,
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

/// One of the two kinds of connection; each is made to be cloned.
#[derive(Clone)]
enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects once, and subscribes to the channels.
    ///
    /// # Errors
    /// [`LinkError`]
    pub(super) async fn open<const N: usize>(
        url: &SecretString,
        channels: [String; N],
        clock: Clock,
    ) -> Result<(Self, [Messages; N]), LinkError> {
        let place = Place::parse(url.expose_secret())
            .map_err(|problem| LinkError::Refused(error(problem.to_owned())))?;
        let mut senders = HashMap::new();
        let messages = channels.map(|channel| {
            let (sender, messages) = mpsc::channel(QUEUE);
            senders.insert(channel, sender);
            messages
        });
        let link = Self(Arc::new(Inner {
            place,
            channels: Arc::new(senders),
            connection: watch::Sender::new(None),
            broken: Notify::new(),
            trouble: Arc::default(),
            clock,
        }));
        let connection = link.connect().await.map_err(|failed| {
            if is_refusal(&failed) {
                LinkError::Refused(said(&failed))
            } else {
                LinkError::Away(said(&failed))
            }
        })?;
        link.0
            .connection
            .send_replace(Some(Made { nth: 0, connection }));
        Ok((link, messages))
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
        self.0.connection.borrow().is_some()
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
                self.0.clock.sleep(jittered(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            };
            self.0.trouble.store(true, Ordering::Release);
            self.0
                .connection
                .send_replace(Some(Made { nth, connection }));
            tracing::info!("Redis is back");
        }
    }

    async fn made(&self) -> Result<Made, StoreError> {
        let mut connection = self.0.connection.subscribe();
        let made = tokio::time::timeout(WAIT, connection.wait_for(Option::is_some)).await;
        let made = made.ok().and_then(|made| made.ok()?.clone());
        made.ok_or_else(|| error("it is away".to_owned()))
    }

    /// Lets go of a connection that is good for nothing any more. A cluster's mends itself.
    fn failed(&self, nth: u64, failed: &RedisError) -> StoreError {
        if is_broken(failed) {
            self.0.trouble.store(true, Ordering::Release);
            self.0.connection.send_if_modified(|made| {
                made.take_if(|made| made.nth == nth && made.connection.is_one())
                    .is_some()
            });
            self.0.broken.notify_one();
        }
        said(failed)
    }

    async fn connect(&self) -> RedisResult<Connection> {
        let connecting = async {
            match &self.0.place {
                Place::Server(info) => self.connect_to(info.clone()).await,
                Place::Sentinel {
                    sentinels,
                    master,
                    template,
                } => {
                    let address = find_master(sentinels, master).await?;
                    let address = like(template.addr(), address);
                    self.connect_to(template.clone().set_addr(address)).await
                }
                Place::Cluster(nodes) => self.connect_cluster(nodes).await,
            }
        };
        // Every step has its own time-out; this bounds their sum.
        match tokio::time::timeout(TIMEOUT * 5, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(RedisError::from((ErrorKind::Io, "no connection in time"))),
        }
    }

    async fn connect_to(&self, info: ConnectionInfo) -> RedisResult<Connection> {
        let config = settings().set_push_sender(self.receiver());
        let client = Client::open(info)?;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        // A server that has become a replica would answer, with yesterday's scenes.
        let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
        let role: String = role.first().map_or_else(
            || Ok(String::new()),
            |role| String::from_redis_value_ref(role),
        )?;
        if role != "master" {
            return Err(RedisError::from((
                ErrorKind::Io,
                "this server is a replica",
            )));
        }
        connection.subscribe(self.channels()).await?;
        Ok(Connection::One(connection))
    }

    async fn connect_cluster(&self, nodes: &[ConnectionInfo]) -> RedisResult<Connection> {
        let client = ClusterClientBuilder::new(nodes.to_vec())
            .use_protocol(redis::ProtocolVersion::RESP3)
            .connection_timeout(TIMEOUT)
            .response_timeout(TIMEOUT)
            .overall_response_timeout(Some(TIMEOUT * 2))
            .retries(2)
            .push_sender(self.receiver())
            .build()?;
        let mut connection = client.get_async_connection().await?;
        connection.subscribe(self.channels()).await?;
        Ok(Connection::Cluster(connection))
    }

    fn channels(&self) -> Vec<&String> {
        self.0.channels.keys().collect()
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

fn settings() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
}

/// Where the master is now, by the first sentinel that knows.
async fn find_master(sentinels: &[ConnectionInfo], master: &str) -> RedisResult<(String, u16)> {
    let mut failed = RedisError::from((ErrorKind::Io, "no sentinel knows the master"));
    for sentinel in sentinels {
        let asked = async {
            let client = Client::open(sentinel.clone())?;
            let mut connection = client
                .get_multiplexed_async_connection_with_config(&settings())
                .await?;
            let mut ask = redis::cmd("SENTINEL");
            ask.arg("get-master-addr-by-name").arg(master);
            let found: Option<(String, u16)> = ask.query_async(&mut connection).await?;
            RedisResult::Ok(found)
        };
        match asked.await {
            Ok(Some(address)) => return Ok(address),
            Ok(None) => {}
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The address of another host, reached in the same way.
fn like(template: &ConnectionAddr, (host, port): (String, u16)) -> ConnectionAddr {
    match template {
        ConnectionAddr::TcpTls {
            insecure,
            tls_params,
            ..
        } => ConnectionAddr::TcpTls {
            host,
            port,
            insecure: *insecure,
            tls_params: tls_params.clone(),
        },
        _ => ConnectionAddr::Tcp(host, port),
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

/// Between half of it and the whole, so that gateways that lost one Redis do not come back in step.
fn jittered(pause: Duration) -> Duration {
    let [random] = ids::random::<1>();
    pause.mul_f64(0.5 + f64::from(random) / 512.0)
}

impl Connection {
    const fn is_one(&self) -> bool {
        matches!(self, Self::One(_))
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
