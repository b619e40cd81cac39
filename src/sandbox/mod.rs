//! Plays WeChat: the pages of open.weixin.qq.com, the calls of api.weixin.qq.com and mp.weixin.qq.com, and a
//! simulated phone.
//!
//! It has its own listener and speaks HTTP only; the gateway meets it as it meets WeChat, and the two share no
//! types. It is as strict as WeChat where WeChat is strict, and what goes wrong there can be
//! made to go wrong here. Everything is kept in memory, bounded, and gone at the end.
//!
//! | path | | in |
//! |---|---|---|
//! | `/connect/oauth2/authorize` | asks the phone's user, or not, and sends the phone back with a code | `oauth` |
//! | `/connect/qrconnect`, `/connect/qrcode/{uuid}`, `/connect/l/qrconnect`, `/connect/confirm`, `…/wxLogin.js` | the page of a website's login, its code, its poll, what the phone does with it | `qrconnect` |
//! | `/sns/oauth2/access_token`, `/sns/oauth2/refresh_token`, `/sns/auth`, `/sns/userinfo`, `/sns/jscode2session` | codes for tokens, tokens for people | `sns` |
//! | `/cgi-bin/token`, `/cgi-bin/stable_token`, `/cgi-bin/qrcode/create`, `/cgi-bin/showqrcode`, `/cgi-bin/user/info`, `/cgi-bin/getcallbackip`, `/cgi-bin/clear_quota`, `/wxa/getwxacodeunlimit` | an account's own token, and what it opens: parametric codes, followers, pictures | `cgi` |
//! | `/phone`, `/phone/…` | the simulated phone, with the chats | `phone` |
//! | `/sandbox/api/scan`, `follow`, `unfollow`, `message`, `js_code` | for tests: what people do | `scan`, `chat`, `sns` |
//! | `/sandbox/api/users`, `accounts`, `settings`, `quotas` | who there is, and what holds | `user`, `account`, `settings`, `quota` |
//! | `/sandbox/api/faults`, `push`, `clock`, `reset` | what goes wrong, when, and a fresh start | `fault`, `push`, `api` |
//! | `/sandbox/assets/…`, `/sandbox/avatars/{id}.jpg` | the parts of its pages, the pictures of its people | `page`, `user` |
//!
//! Every path answers to the listener's own names only. What accounts hear of people is pushed to their callbacks.

mod account;
mod address;
mod api;
mod call;
mod cgi;
mod chat;
mod errcode;
mod expiring;
mod fault;
mod global_token;
mod ledger;
mod oauth;
mod page;
mod page_error;
mod phone;
mod push;
mod qr_image;
mod qrconnect;
mod query;
mod quota;
mod scan;
mod settings;
mod shared;
mod sheet;
mod sns;
#[cfg(test)]
mod tests;
mod ticket;
mod user;
mod wording;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::Server, middleware::from_fn, web};
use secrecy::ExposeSecret;
use url::Url;

use self::{account::Accounts, address::Own, shared::Shared};
use crate::{
    clock::Clock,
    config::{self, MessagePush},
    outbound,
};

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
    accounts: Accounts,
    clock: Clock,
}

impl Sandbox {
    /// Takes the port; port 0 takes a free one. `clock` is the sandbox's own: its API moves it.
    ///
    /// # Errors
    /// When the address is not loopback and `sandbox.allow_private` is off, an account is not one that WeChat's
    /// console would take, or the port cannot be had.
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
        let accounts = Accounts::new(config)
            .map_err(|refused| io::Error::new(io::ErrorKind::InvalidInput, refused))?;
        let listener = TcpListener::bind(config.bind)?;
        Ok(Self {
            addr: listener.local_addr()?,
            listener,
            accounts,
            clock,
        })
    }

    /// Also lets the sandbox's own accounts send people back to `authority` (`host`, or `host:port`): their web
    /// page authorisation domain. Loopback hosts are always allowed.
    #[must_use]
    pub fn allow_domain(mut self, authority: &str) -> Self {
        self.accounts.allow_domain(authority);
        self
    }

    /// Pushes the messages of the account that `push` is about to `url`, in its mode, signed and encrypted by
    /// its token and key. An account that the sandbox does not play is passed over.
    #[must_use]
    pub fn push_to(mut self, url: &Url, push: &MessagePush) -> Self {
        if let Some(account) = self.accounts.get_mut(&push.app_id) {
            account.callback_url = Some(url.clone());
            push.token.expose_secret().clone_into(&mut account.token);
            if let Some(key) = &push.key {
                key.expose_secret()
                    .clone_into(&mut account.encoding_aes_key);
            }
            account.message_mode = push.mode;
        }
        self
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The server: it serves while it is awaited, and stops by its [handle](Server::handle).
    ///
    /// # Errors
    /// When the listener cannot be used, or the TLS back end for the message push not be set up.
    pub fn into_server(self) -> io::Result<Server> {
        let http = outbound::client().map_err(io::Error::other)?;
        let shared = Shared::new(Own(self.addr), self.accounts, self.clock, http);
        let shared = web::Data::new(shared);
        tracing::info!(address = %self.addr, "the sandbox plays WeChat; its phone is at /phone");
        let server = HttpServer::new(move || {
            App::new()
                .wrap(from_fn(fault::interrupt))
                .wrap(from_fn(address::guard))
                .configure(|config| routes(config, &shared))
        })
        .workers(1)
        .disable_signals()
        .tcp_nodelay(true)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(STOP_GRACE_S)
        .on_connect(fault::remember_wire)
        .listen(self.listener)?;
        Ok(server.run())
    }
}

fn routes(config: &mut web::ServiceConfig, shared: &web::Data<Shared>) {
    config
        .app_data(shared.clone())
        .app_data(web::PayloadConfig::new(MAX_BODY))
        .configure(oauth::configure)
        .configure(cgi::configure)
        .configure(qrconnect::configure)
        .configure(sns::configure)
        .configure(api::configure)
        .configure(phone::configure)
        .configure(chat::configure)
        .service(web::resource("/sandbox/avatars/{id}.jpg").get(user::serve_avatar))
        .service(web::resource("/sandbox/assets/{name}").get(page::asset));
}
