//! Ports and the servers behind them.

use std::{
    any::Any,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{
    App, HttpServer,
    dev::{Extensions, Server},
    middleware::from_fn,
    rt::net::TcpStream,
};
use anyhow::Context;
use socket2::{Domain, SockRef, Socket, Type};

use super::services::Services;
use crate::{admin, config::Config, http, push::Drain};

/// Connections the kernel may hold for us while workers are busy.
const BACKLOG: i32 = 4_096;
/// Connections for plain HTTP beside all sockets; further ones wait in the kernel.
const BESIDE_SOCKETS: usize = 1_024;
/// How long sent bytes may stay unacknowledged: a browser that vanished, or that does not read, is gone after this.
const USER_TIMEOUT: Duration = Duration::from_secs(15);
/// What of the grace time is left when calls in flight are cut off.
const CUT_OFF: Duration = Duration::from_secs(5);
/// One connection of a page stays open between its calls.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What browsers and phones meet.
pub(super) fn public_server(
    config: &Config,
    listener: TcpListener,
    services: &Services,
) -> anyhow::Result<Server> {
    let services = services.clone();
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism()?.get(),
        some => some,
    };
    let server = HttpServer::new(move || {
        App::new()
            .configure(|app| services.routes(app))
            .wrap(from_fn(http::hosts))
            .wrap(from_fn(http::context))
    })
    .disable_signals()
    .tcp_nodelay(true)
    .keep_alive(KEEP_ALIVE)
    // 1 to 450 ms would leave sockets open for ever after a close frame; 0 closes at once.
    .client_disconnect_timeout(Duration::ZERO)
    .shutdown_timeout(calls_in_flight(config.server.grace).as_secs().max(1))
    .workers(workers)
    .max_connections(share(config.server.max_connections, workers))
    .on_connect(on_connect);
    Ok(server.listen(listener)?.run())
}

/// One worker's share of all connections: actix counts for each worker, the setting means the gateway.
const fn share(max_sockets: usize, workers: usize) -> usize {
    max_sockets.saturating_add(BESIDE_SOCKETS).div_ceil(workers)
}

/// How long calls in flight have after pages were sent away. Sooner than the whole grace time, so that whoever does not
/// end is cut off within it.
fn calls_in_flight(grace: Duration) -> Duration {
    grace
        .saturating_sub(Drain::longest_telling(grace))
        .saturating_sub(CUT_OFF)
}

/// What operators and balancers meet.
pub(super) fn admin_server(listener: TcpListener, services: &Services) -> anyhow::Result<Server> {
    let door = services.admin.clone();
    let server =
        HttpServer::new(move || App::new().app_data(door.clone()).configure(admin::routes));
    Ok(server
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run())
}

/// A peer that vanished, or that does not read, must not hold its socket for long.
fn on_connect(connection: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>()
        && let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT))
    {
        tracing::warn!(%error, "TCP_USER_TIMEOUT could not be set");
    }
}

/// Takes a port; `key` is where its address is configured.
pub(super) fn listen(address: SocketAddr, key: &'static str) -> anyhow::Result<TcpListener> {
    let open = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().with_context(|| format!("{key}: {address} cannot be used"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workers_share_one_limit() {
        for (max, workers) in [(18_000, 1), (18_000, 8), (2, 2), (18_000, 7)] {
            let all = share(max, workers) * workers;
            assert!((max + BESIDE_SOCKETS..max + BESIDE_SOCKETS + workers).contains(&all));
        }
    }
}
