//! Plays WeChat: the pages of open.weixin.qq.com, the calls of api.weixin.qq.com, and a simulated phone.
//!
//! It has its own listener and speaks HTTP only; the gateway meets it as it meets WeChat, and the two share no
//! types. It is as strict as WeChat where WeChat is strict, and what goes wrong there can be
//! [made to go wrong](fault) here. Everything is kept in memory, bounded, and gone at the end.
//!
//! | path | |
//! |---|---|
//! | `/connect/oauth2/authorize` | asks the phone's user, or not, and sends the phone back with a code |
//! | `/sns/…` | codes for tokens, tokens for people |
//! | `/phone` | the simulated phone |
//! | `/sandbox/api/…` | for tests: scan, users, faults, the clock, reset |

mod address;
mod api;
mod authorize;
mod avatar;
mod errcode;
mod expiring;
mod fault;
mod interrupt;
mod ledger;
mod oauth;
mod page;
mod phone;
mod shared;
mod sns;
#[cfg(test)]
mod tests;
mod user;
mod wording;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, web};

use self::{
    address::{Own, RedirectHosts},
    shared::Shared,
};
use crate::{clock::Clock, config};

/// Bytes of a request body at most.
const MAX_BODY: usize = 64 * 1024;
/// Longer than clients keep idle connections, so that none is closed under a call.
const KEEP_ALIVE: Duration = Duration::from_secs(120);
/// How long a stop waits for calls that a fault slows down.
const STOP_GRACE_S: u64 = 1;

/// A sandbox that holds its port, but does not serve yet.
#[derive(Debug)]
pub struct Sandbox {
    listener: TcpListener,
    addr: SocketAddr,
    hosts: RedirectHosts,
    clock: Clock,
}

impl Sandbox {
    /// Takes the port; port 0 takes a free one. `clock` is the sandbox's own: its API moves it.
    ///
    /// # Errors
    /// When the address is not loopback and `sandbox.allow_private` is off, or the port cannot be had.
    pub fn bind(config: &config::Sandbox, clock: Clock) -> io::Result<Self> {
        if !config.bind.ip().is_loopback() && !config.allow_private {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "sandbox.bind: {} is not a loopback address; sandbox.allow_private = true allows it",
                    config.bind
                ),
            ));
        }
        let listener = TcpListener::bind(config.bind)?;
        Ok(Self {
            addr: listener.local_addr()?,
            listener,
            hosts: RedirectHosts {
                domains: Vec::new(),
                private: config.allow_private,
            },
            clock,
        })
    }

    /// Also lets people be sent back to `authority` (`host`, or `host:port`): the account's web page
    /// authorisation domain. Loopback hosts are always allowed.
    #[must_use]
    pub fn allow_domain(mut self, authority: &str) -> Self {
        self.hosts.domains.push(authority.to_ascii_lowercase());
        self
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The server: it serves while it is awaited, and stops by its [handle](Server::handle).
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn into_server(self) -> io::Result<Server> {
        let shared = web::Data::new(Shared::new(Own(self.addr), self.hosts, self.clock));
        tracing::info!(address = %self.addr, "the sandbox plays WeChat; its phone is at /phone");
        let server = HttpServer::new(move || {
            App::new()
                .wrap(from_fn(interrupt::interrupt))
                .configure(|config| routes(config, &shared))
        })
        .workers(1)
        .disable_signals()
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(STOP_GRACE_S)
        .on_connect(interrupt::remember_wire)
        .listen(self.listener)?;
        Ok(server.run())
    }
}

fn routes(config: &mut web::ServiceConfig, shared: &web::Data<Shared>) {
    config
        .app_data(shared.clone())
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .configure(oauth::configure)
        .configure(sns::configure)
        .configure(api::configure)
        .configure(phone::configure)
        .service(web::resource("/sandbox/avatars/{id}.svg").get(avatar::serve))
        .service(web::resource("/sandbox/assets/{name}").get(page::asset));
}
