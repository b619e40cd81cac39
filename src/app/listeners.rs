//! Ports and the servers behind them.

use std::{
    net::{Shutdown, SocketAddr, TcpListener},
    time::Duration,
};

use actix_http::{HttpService, Request};
use actix_service::{ServiceFactory, map_config};
use actix_web::{
    App, HttpServer,
    body::MessageBody,
    dev::{AppConfig, Extensions, Server, ServiceResponse},
    middleware::from_fn,
    rt::net::TcpStream,
};
use anyhow::Context;
use socket2::{Domain, SockRef, Socket, Type};

use super::services::Services;
use crate::{
    admin,
    config::Config,
    http::{self, Connections, upgrade},
    push::Drain,
};

/// Connections the kernel may hold for us while workers are busy.
const BACKLOG: i32 = 4_096;
/// Connections for plain HTTP beside all sockets; further ones are closed at once, so that who sent them goes elsewhere.
const BESIDE_SOCKETS: usize = 1_024;
/// How long sent bytes may stay unacknowledged: a browser that vanished, or that does not read, is gone after this.
const USER_TIMEOUT: Duration = Duration::from_secs(15);
/// What of the grace time is left when calls in flight are cut off.
const CUT_OFF: Duration = Duration::from_secs(5);
/// One connection of a page stays open between its calls.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// What browsers and phones meet: what `HttpServer` would be, with upgrades taken out of it.
pub(super) fn public_server(
    config: &Config,
    listener: TcpListener,
    services: &Services,
) -> anyhow::Result<Server> {
    let services = services.clone();
    let most = config.server.max_connections.saturating_add(BESIDE_SOCKETS);
    let connections = Connections::new(most);
    let workers = match config.server.workers {
        0 => std::thread::available_parallelism()?.get(),
        some => some,
    };
    let server = Server::build()
        .disable_signals()
        .workers(workers)
        // No worker's part of it: sockets leave the server and its count, so `connections` has the last word.
        .max_concurrent_connections(most)
        .shutdown_timeout(calls_in_flight(config.server.grace).as_secs().max(1));
    let stopping = server.graceful_shutdown_signal();
    let server = server.listen("public", listener, move || {
        let stopping = stopping.clone();
        let connections = connections.clone();
        HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            // 1 to 450 ms would leave connections open for ever after an answer that ends them; 0 closes at once.
            .client_disconnect_timeout(Duration::ZERO)
            .on_connect_ext(move |stream: &TcpStream, data: &mut Extensions| {
                on_connect(stream, data, &connections);
            })
            .upgrade(upgrade::through(app(&services)))
            .finish(app(&services))
            .tcp()
    })?;
    Ok(server.run())
}

/// Every address of the gateway, for one worker.
fn app(
    services: &Services,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = ServiceResponse<impl MessageBody + use<>>,
    Error = actix_web::Error,
    InitError = (),
> + use<> {
    let services = services.clone();
    let app = App::new()
        .configure(move |app| services.routes(app))
        .wrap(from_fn(http::hosts))
        .wrap(from_fn(http::context));
    // Not asked for: hosts and addresses of callers are http's.
    map_config(app, |()| AppConfig::default())
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

/// Events are small and not to be held back; a peer that vanished, or that does not read, must not hold its socket for
/// long; one too many is shown out.
fn on_connect(stream: &TcpStream, data: &mut Extensions, connections: &Connections) {
    let stream = SockRef::from(stream);
    let set = stream
        .set_tcp_nodelay(true)
        .and_then(|()| stream.set_tcp_user_timeout(Some(USER_TIMEOUT)));
    if let Err(error) = set {
        tracing::warn!(%error, "a connection cannot be set up as it should be");
    }
    match connections.take() {
        Some(place) => drop(data.insert(place)),
        None => drop(stream.shutdown(Shutdown::Both)),
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
    use actix_web::rt::net;

    use super::*;

    #[tokio::test]
    async fn a_connection_is_prompt_and_does_not_outlive_its_peer() {
        let listener = net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Connections::new(1);
        let mut data = Extensions::new();
        let _first = TcpStream::connect(address).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        on_connect(&accepted, &mut data, &connections);
        let options = SockRef::from(&accepted);
        assert!(options.tcp_nodelay().unwrap());
        assert_eq!(options.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
        assert!(connections.take().is_none());

        let second = TcpStream::connect(address).await.unwrap();
        let (refused, _) = listener.accept().await.unwrap();
        on_connect(&refused, &mut Extensions::new(), &connections);
        second.readable().await.unwrap();
        assert_eq!(second.try_read(&mut [0]).unwrap(), 0, "shown out");
        drop(data);
        assert!(connections.take().is_some());
    }
}
