//! How a connection is made: to the one server, to the master that sentinels name, or to a cluster.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue,
    Pipeline, RedisError, RedisFuture, RedisResult, Value,
    aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
};

use super::place::Place;
use crate::ids;

/// How long an answer may take, and a connection to be made. Whoever asks after that is told at once that Redis is away.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);

/// One of the two kinds of connection; each is made to be cloned.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// Connects and subscribes; what is published goes to `receiver`, which must not wait.
pub(super) async fn connect(
    place: &Place,
    channels: Vec<String>,
    receiver: impl AsyncPushSender,
) -> RedisResult<Connection> {
    match place {
        Place::Server(info) => connect_to(info.clone(), channels, receiver).await,
        Place::Sentinel {
            sentinels,
            master,
            template,
        } => {
            let address = find_master(sentinels, master).await?;
            let address = like(template.addr(), address);
            connect_to(template.clone().set_addr(address), channels, receiver).await
        }
        Place::Cluster(nodes) => connect_cluster(nodes, channels, receiver).await,
    }
}

async fn connect_to(
    info: ConnectionInfo,
    channels: Vec<String>,
    receiver: impl AsyncPushSender,
) -> RedisResult<Connection> {
    let config = settings().set_push_sender(receiver);
    let client = Client::open(info)?;
    let mut connection = client
        .get_multiplexed_async_connection_with_config(&config)
        .await?;
    // A server that has become a replica would answer, with yesterday's scenes.
    let role: Vec<Value> = redis::cmd("ROLE").query_async(&mut connection).await?;
    let role = role.into_iter().next().map(String::from_redis_value);
    if role.transpose()?.as_deref() != Some("master") {
        return Err(RedisError::from((
            ErrorKind::Io,
            "this server is a replica",
        )));
    }
    if !channels.is_empty() {
        connection.subscribe(channels).await?;
    }
    Ok(Connection::One(connection))
}

async fn connect_cluster(
    nodes: &[ConnectionInfo],
    channels: Vec<String>,
    receiver: impl AsyncPushSender,
) -> RedisResult<Connection> {
    let client = ClusterClientBuilder::new(nodes.to_vec())
        .use_protocol(redis::ProtocolVersion::RESP3)
        .connection_timeout(TIMEOUT)
        .response_timeout(TIMEOUT)
        .overall_response_timeout(Some(TIMEOUT * 2))
        .retries(2)
        .push_sender(receiver)
        .build()?;
    let mut connection = client.get_async_connection().await?;
    if !channels.is_empty() {
        connection.subscribe(channels).await?;
    }
    Ok(Connection::Cluster(connection))
}

fn settings() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(TIMEOUT))
        .set_response_timeout(Some(TIMEOUT))
}

/// Where the master is now, by the first sentinel that knows. A different one begins each time: one that is cut off from
/// the others goes on naming yesterday's.
async fn find_master(sentinels: &[ConnectionInfo], master: &str) -> RedisResult<(String, u16)> {
    let mut failed = RedisError::from((ErrorKind::Io, "no sentinel knows the master"));
    let [random] = ids::random::<1>();
    let (before, first) = sentinels.split_at(usize::from(random) % sentinels.len().max(1));
    for sentinel in first.iter().chain(before) {
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

impl Connection {
    pub(super) const fn is_one(&self) -> bool {
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
