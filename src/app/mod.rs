//! The composition root: the only place that knows which store stands behind which trait.

pub(crate) mod cluster;
mod events;
mod housekeeping;
mod listeners;
mod patience;
#[cfg(test)]
mod route_tests;
mod routes;
mod services;
pub(crate) mod store;
mod wechat;

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use url::Url;

use self::{
    cluster::Cluster,
    listeners::{admin_server, listen, public_server},
    services::{Services, lives},
};
pub(crate) use self::{store::with as with_database, wechat::Wechat};
pub(crate) use crate::backend::redis::Look;
use crate::{
    backend::Database,
    clock::Clock,
    config::{Config, Mode},
    sandbox::Sandbox,
    token::{KeyKeeper, KeySource},
};

/// Where WeChat pushes messages to.
const MESSAGE_PATH: &str = "/callback/wechat/message";

/// The sandbox as the gateway's accounts are set up in WeChat's console: where they send people, and where messages
/// go.
pub(crate) fn playing_for(sandbox: Sandbox, config: &Config) -> Sandbox {
    let public_url = config.server.public_url();
    let sandbox = sandbox.allow_domain(public_url.authority());
    match (public_url.join(MESSAGE_PATH), config.message_push()) {
        (Ok(url), Some(push)) => sandbox.push_to(&url, &push),
        _ => sandbox,
    }
}

/// One gateway, ready to run; it holds its ports already.
pub struct App {
    config: Config,
    listener: TcpListener,
    admin_listener: TcpListener,
    sandbox: Option<Sandbox>,
    services: Services,
    store: Arc<dyn Database>,
    is_up: Arc<AtomicBool>,
}

impl App {
    /// Opens the database, takes the ports, reads the keys, and puts the parts together. Port 0 takes a free one.
    /// A database that is away is waited for, at most `store.wait_s`.
    ///
    /// # Errors
    /// When a port, the data directory, the keys or the database cannot be had.
    pub async fn build(mut config: Config, clock: Clock) -> anyhow::Result<Self> {
        // A second App in the same process finds it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        // Before the ports: who calls while it waits is refused at once and goes elsewhere.
        let store = store::open(&config, &clock).await?;
        let cluster = Cluster::open(&config, lives(&config), &clock).await?;
        let listener = listen(config.server.bind, "server.bind")?;
        let admin_listener = listen(config.server.admin_bind, "server.admin_bind")?;
        config.server.bind = listener.local_addr()?;
        config.server.admin_bind = admin_listener.local_addr()?;
        let sandbox = match config.wechat.mode {
            Mode::Live => None,
            Mode::Sandbox => Some(Self::sandbox(&mut config)?),
        };
        let source = KeySource::of(&config, store.key_records());
        let keys = source.open(clock.wall()).await;
        let keys = keys.context(source.setting())?;
        let is_up = Arc::new(AtomicBool::new(false));
        let keeper = KeyKeeper::new(source, keys, clock.clone());
        let services = Services::new(&config, keeper, &store, cluster, clock, is_up.clone())?;
        // Before anything happens that somebody wants to be told of.
        services.relay.subscribe().await?;
        Ok(Self {
            config,
            listener,
            admin_listener,
            sandbox,
            services,
            store,
            is_up,
        })
    }

    fn sandbox(config: &mut Config) -> anyhow::Result<Sandbox> {
        let sandbox = Sandbox::bind(&config.sandbox, Clock::new())
            .with_context(|| format!("sandbox.bind: {}", config.sandbox.bind))?;
        config.sandbox.bind = sandbox.addr();
        Ok(playing_for(sandbox, config))
    }

    /// Where browsers find it.
    pub fn public_url(&self) -> Url {
        self.config.server.public_url()
    }

    /// Where it listens.
    pub const fn addr(&self) -> SocketAddr {
        self.config.server.bind
    }

    /// Where operators find it.
    pub const fn admin_addr(&self) -> SocketAddr {
        self.config.server.admin_bind
    }

    /// Where the embedded sandbox listens, in sandbox mode.
    pub fn sandbox_addr(&self) -> Option<SocketAddr> {
        self.sandbox.as_ref().map(Sandbox::addr)
    }

    /// The configuration with the addresses really taken.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Serves until `stop`, which is polled once everything serves. Then it goes in order: not ready, no new scenes,
    /// pages told to come back elsewhere, calls in flight done, stores closed. Takes `server.drain_delay_s` and then at
    /// most `server.grace_s`.
    ///
    /// # Errors
    /// When a listener cannot be served, or work was still going on at the end of the grace time.
    pub async fn run_until(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let Self {
            config,
            listener,
            admin_listener,
            sandbox,
            services,
            store,
            is_up,
        } = self;
        let tasks = services.tasks.clone();
        let public = public_server(&config, listener, &services)?;
        let admin = admin_server(admin_listener, &services)?;
        let mut handles = vec![public.handle(), admin.handle()];
        tasks.spawn("public server", public);
        tasks.spawn("admin server", admin);
        if let Some(sandbox) = sandbox {
            let sandbox = sandbox.into_server()?;
            handles.push(sandbox.handle());
            tasks.spawn("sandbox", sandbox);
        }
        services.keep_house();
        is_up.store(true, Ordering::Release);
        stop.await;

        tracing::info!("stopping: no new scenes from here on");
        services.login.drain();
        services
            .login
            .clock()
            .sleep(config.server.drain_delay)
            .await;
        let all = async {
            let pages = services.http.limits.open_sockets();
            services.drain.begin(pages, config.server.grace);
            services.sockets.send_away(&services.drain).await;
            for handle in &handles {
                handle.stop(true).await;
            }
            tasks.shut_down(config.server.grace).await
        };
        let in_time = tokio::time::timeout(config.server.grace, all).await;
        store.close().await;
        anyhow::ensure!(
            matches!(in_time, Ok(true)),
            "work was still going on when server.grace_s was over"
        );
        tracing::info!("stopped");
        Ok(())
    }
}
