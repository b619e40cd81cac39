//! The composition root: the only place that knows which store stands behind which trait.

use std::{
    any::Any,
    future::Future,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App as ActixApp, HttpServer,
    dev::{Extensions, Server},
    middleware::{Compress, from_fn},
    rt::net::TcpStream,
    web,
};
use anyhow::Context;
use secrecy::{ExposeSecret, SecretBox};
use socket2::{Domain, SockRef, Socket, Type};
use url::Url;

use crate::{
    admin, api,
    backend::{
        memory::{MemoryOnce, MemoryScenes},
        sqlite::Sqlite,
    },
    clock::Clock,
    config::{Config, Mode, http_url},
    http::{self, Http},
    login::{Login, Parts, Settings},
    outbound, phone,
    push::Registry,
    sandbox::Sandbox,
    scene::Lives,
    tasks::Tasks,
    telemetry::Metrics,
    token::{Keys, Tokens},
    websocket,
    wechat::WeChat,
};

/// Connections the kernel may hold for us while workers are busy.
const BACKLOG: i32 = 4_096;
/// How long sent bytes may stay unacknowledged: a browser that vanished, or that does not read, is gone after this.
const USER_TIMEOUT: Duration = Duration::from_secs(15);
/// How often limits forget addresses that have gone quiet.
const FORGET_EVERY: Duration = Duration::from_secs(60);
/// One connection of a page stays open between its calls.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// One gateway, ready to run; it holds its ports already.
pub struct App {
    config: Config,
    listener: TcpListener,
    admin_listener: TcpListener,
    sandbox: Option<Sandbox>,
    services: Services,
    store: Sqlite,
    is_up: Arc<AtomicBool>,
}

/// What the doors are made of; one set for all workers.
#[derive(Clone)]
struct Services {
    http: Http,
    login: Login,
    tasks: Tasks,
    sockets: Arc<websocket::Sockets>,
    websocket: web::Data<websocket::Door>,
    api: web::Data<api::Door>,
    phone: web::Data<phone::Door>,
    admin: web::Data<admin::Door>,
}

impl App {
    /// Takes the ports, opens keys and stores, and puts the parts together. Port 0 takes a free one.
    ///
    /// # Errors
    /// When a port, the data directory, the keys or the database cannot be had.
    pub async fn build(mut config: Config, clock: Clock) -> anyhow::Result<Self> {
        // A second App in the same process finds it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = listen(config.server.bind, "server.bind")?;
        let admin_listener = listen(config.server.admin_bind, "server.admin_bind")?;
        config.server.bind = listener.local_addr()?;
        config.server.admin_bind = admin_listener.local_addr()?;
        let sandbox = match config.wechat.mode {
            Mode::Live => None,
            Mode::Sandbox => Some(Self::sandbox(&mut config)?),
        };
        let keys = Keys::load_or_make(&config.key_dir()).context("token.key_dir")?;
        let store = Sqlite::open(config.store_url().expose_secret())
            .await
            .context("store.url")?;
        let is_up = Arc::new(AtomicBool::new(false));
        let services = Services::new(&config, &keys, &store, clock, is_up.clone())?;
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
        Ok(sandbox.allow_domain(config.server.public_url().authority()))
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

    /// Serves until `stop`, then goes in order: not ready, no new scenes, sockets told to come back, calls in flight
    /// done, stores closed. Takes `server.drain_delay_s` and then at most `server.grace_s`.
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
        tasks.stopping().cancel();
        services.sockets.close_all();
        let all = async {
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

impl Services {
    fn new(
        config: &Config,
        keys: &Keys,
        store: &Sqlite,
        clock: Clock,
        is_up: Arc<AtomicBool>,
    ) -> anyhow::Result<Self> {
        let http = Http::new(config);
        let tasks = Tasks::new();
        let push = Arc::new(Registry::default());
        let metrics = Arc::new(Metrics::default());
        let sockets = Arc::new(websocket::Sockets::default());
        let users = Arc::new(store.clone());
        let tokens = Tokens::new(
            config,
            keys.clone(),
            Arc::new(store.clone()),
            users.clone(),
            clock.clone(),
        );
        let tokens = Arc::new(tokens);
        let (app_id, app_secret) = config
            .official_account()
            .context("wechat.official_account: app_id and app_secret are needed")?;
        let lives = lives(config);
        let login = Login::new(Parts {
            settings: Settings {
                public_url: config.server.public_url(),
                apps: config.apps.clone(),
                default_flow: config.scene.default_flow,
                scanned_user: config.scene.scanned_user,
                lives,
                wechat_app_id: app_id.clone(),
            },
            scenes: Arc::new(MemoryScenes::new(config.limits.live_scenes, lives)),
            users,
            once: Arc::new(MemoryOnce::new(clock.clone())),
            tokens: tokens.clone(),
            push: push.clone(),
            wechat: WeChat::new(
                outbound::client()?,
                config.wechat.open_base(&config.sandbox),
                config.wechat.api_base(&config.sandbox),
                app_id,
                app_secret,
            ),
            clock,
            tasks: tasks.clone(),
            metrics: metrics.clone(),
            state_key: SecretBox::new(Box::new(keys.purpose("oauth-state"))),
            phone_key: SecretBox::new(Box::new(keys.purpose("phone-cookie"))),
        });
        let is_sandbox = config.wechat.mode == Mode::Sandbox;
        let websocket = websocket::Door {
            login: login.clone(),
            push: push.clone(),
            sockets: sockets.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            frames: (config.limits.frames_per_s, config.limits.frame_burst),
            node: crate::ids::hex(&crate::ids::random::<4>()),
        };
        let api = api::Door {
            login: login.clone(),
            tokens,
            push,
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            apps: config.apps.clone(),
            default_flow: config.scene.default_flow,
            phone_url: is_sandbox.then(|| format!("{}phone", http_url(config.sandbox.bind))),
        };
        let phone = phone::Door {
            login: login.clone(),
            is_sandbox,
        };
        let admin = admin::Door {
            login: login.clone(),
            metrics,
            is_up,
        };
        Ok(Self {
            http,
            login,
            tasks,
            sockets,
            websocket: web::Data::new(websocket),
            api: web::Data::new(api),
            phone: web::Data::new(phone),
            admin: web::Data::new(admin),
        })
    }

    /// The loops of this node.
    fn keep_house(&self) {
        let login = self.login.clone();
        self.tasks
            .spawn_loop("deadlines", async move { login.keep_time().await });
        let (sockets, clock) = (self.sockets.clone(), self.login.clock().clone());
        self.tasks
            .spawn_loop("heartbeat", async move { sockets.turn(&clock).await });
        let (limits, clock) = (self.http.limits.clone(), self.login.clock().clone());
        self.tasks.spawn_loop("limits", async move {
            loop {
                clock.sleep(FORGET_EVERY).await;
                limits.retain_recent();
            }
        });
    }

    fn routes(&self, app: &mut web::ServiceConfig) {
        let headers = &self.http.headers;
        self.http.install(app);
        app.app_data(self.websocket.clone())
            .app_data(self.api.clone())
            .app_data(self.phone.clone())
            .service(
                web::scope("/api/v1")
                    .wrap(headers.api())
                    .wrap(http::cors(self.http.origins.clone()))
                    .service(web::resource("/ws").get(websocket::upgrade))
                    .configure(api::routes),
            )
            .service(web::resource("/.well-known/jwks.json").get(api::jwks))
            .configure(phone::routes(headers))
            .service(
                http::assets::resource()
                    .wrap(headers.assets())
                    .wrap(Compress::default()),
            )
            .service(
                web::resource(["/", "/app"])
                    .wrap(headers.page())
                    .wrap(Compress::default())
                    .get(api::page),
            );
    }
}

fn public_server(
    config: &Config,
    listener: TcpListener,
    services: &Services,
) -> anyhow::Result<Server> {
    let services = services.clone();
    let mut server = HttpServer::new(move || {
        ActixApp::new()
            .configure(|app| services.routes(app))
            .wrap(from_fn(http::hosts))
            .wrap(from_fn(http::context))
    })
    .disable_signals()
    .tcp_nodelay(true)
    .keep_alive(KEEP_ALIVE)
    // 1 to 450 ms would leave sockets open for ever after a close frame; 0 closes at once.
    .client_disconnect_timeout(Duration::ZERO)
    .shutdown_timeout(config.server.grace.as_secs())
    .max_connections(config.server.max_connections)
    .on_connect(on_connect);
    if config.server.workers > 0 {
        server = server.workers(config.server.workers);
    }
    Ok(server.listen(listener)?.run())
}

fn admin_server(listener: TcpListener, services: &Services) -> anyhow::Result<Server> {
    let door = services.admin.clone();
    let server = HttpServer::new(move || {
        ActixApp::new()
            .app_data(door.clone())
            .configure(admin::routes)
    });
    Ok(server
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run())
}

/// A peer that vanished, or that does not read, must not hold its socket for long.
fn on_connect(connection: &dyn Any, _: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<TcpStream>() {
        if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT)) {
            tracing::warn!(%error, "TCP_USER_TIMEOUT could not be set");
        }
    }
}

fn listen(address: SocketAddr, key: &'static str) -> anyhow::Result<TcpListener> {
    let open = || -> std::io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        Ok(socket.into())
    };
    open().with_context(|| format!("{key}: {address} cannot be used"))
}

fn lives(config: &Config) -> Lives {
    let scene = &config.scene;
    Lives {
        pending: scene.pending_ttl,
        website: scene.website_ttl,
        scanned: scene.scanned_ttl,
        authorized: scene.authorized_ttl,
        end: scene.end_ttl,
    }
}
