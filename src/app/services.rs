//! Which part gets which.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64},
    },
    time::Duration,
};

use actix_web::{middleware::Compress, web};
use anyhow::Context;
use secrecy::SecretBox;

use super::wechat::Wechat;
use crate::{
    admin, api,
    backend::{
        memory::{MemoryOnce, MemoryScenes},
        sqlite::Sqlite,
    },
    callback,
    clock::Clock,
    config::{Config, Mode, http_url},
    geo::Geo,
    http::{self, Http},
    login::{Login, Parts, Settings},
    phone,
    push::{Channels, Registry},
    scene::Lives,
    tasks::Tasks,
    telemetry::Metrics,
    token::{Keys, Tokens},
    websocket,
    wechat::OfficialAccount,
};

/// How often limits forget addresses that have gone quiet.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How often sessions long over are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

/// What the doors are made of; one set for all workers.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) http: Http,
    pub(super) login: Login,
    tokens: Arc<Tokens>,
    channels: Arc<Channels>,
    pub(super) tasks: Tasks,
    pub(super) sockets: Arc<websocket::Sockets>,
    pub(super) websocket: web::Data<websocket::Door>,
    pub(super) api: web::Data<api::Door>,
    pub(super) phone: web::Data<phone::Door>,
    pub(super) admin: web::Data<admin::Door>,
    pub(super) callback: web::Data<callback::Door>,
    official_account: Option<OfficialAccount>,
}

impl Services {
    /// Joins stores, keys and settings.
    pub(super) fn new(
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
        let channels = Arc::new(Channels::new(metrics.clone()));
        let tokens = Arc::new(tokens(config, keys, store, channels.clone(), &clock));
        let wechat = Wechat::new(config, clock.clone(), metrics.clone(), &tasks)?;
        let official_account = wechat.accounts.official.clone();
        let login = Login::new(Parts {
            settings: settings(config),
            scenes: Arc::new(MemoryScenes::new(config.limits.live_scenes, lives(config))),
            users,
            once: Arc::new(MemoryOnce::new(clock.clone())),
            tokens: tokens.clone(),
            push: push.clone(),
            accounts: wechat.accounts,
            inbox: wechat.inbox,
            geo: geo(config)?,
            clock,
            tasks: tasks.clone(),
            metrics: metrics.clone(),
            state_key: SecretBox::new(Box::new(keys.purpose("oauth-state"))),
            phone_key: SecretBox::new(Box::new(keys.purpose("phone-cookie"))),
        });
        let websocket = websocket::Door {
            login: login.clone(),
            tokens: tokens.clone(),
            push: push.clone(),
            channels: channels.clone(),
            sockets: sockets.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            frames: (config.limits.frames_per_s, config.limits.frame_burst),
            node: crate::ids::hex(&crate::ids::random::<4>()),
        };
        let api = api::Door {
            login: login.clone(),
            tokens: tokens.clone(),
            push,
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            page: page(config),
        };
        let phone = phone::Door {
            login: login.clone(),
            is_sandbox: config.wechat.mode == Mode::Sandbox,
            headers: http.headers.clone(),
        };
        let callback = callback::Door {
            login: login.clone(),
            metrics: metrics.clone(),
            logged_at: AtomicU64::new(0),
        };
        let admin = admin::Door {
            login: login.clone(),
            metrics,
            wechat: wechat.api,
            handout: handout(config, official_account.as_ref()),
            official_account: official_account.clone(),
            is_up,
        };
        Ok(Self {
            http,
            login,
            tokens,
            channels,
            tasks,
            sockets,
            websocket: web::Data::new(websocket),
            api: web::Data::new(api),
            phone: web::Data::new(phone),
            admin: web::Data::new(admin),
            callback: web::Data::new(callback),
            official_account,
        })
    }

    /// The loops of this node.
    pub(super) fn keep_house(&self) {
        let login = self.login.clone();
        self.tasks
            .spawn_loop("deadlines", async move { login.keep_time().await });
        let (sockets, clock) = (self.sockets.clone(), self.login.clock().clone());
        self.tasks
            .spawn_loop("heartbeat", async move { sockets.turn(&clock).await });
        let (channels, tokens) = (self.channels.clone(), self.tokens.clone());
        let clock = self.login.clock().clone();
        self.tasks.spawn_loop("ends of sessions", async move {
            channels.keep_watch(&tokens, &clock).await;
        });
        let (tokens, clock) = (self.tokens.clone(), self.login.clock().clone());
        self.tasks.spawn_loop("old sessions", async move {
            loop {
                clock.sleep(PRUNE_EVERY).await;
                match tokens.prune().await {
                    Ok(count) => tracing::debug!(count, "sessions long over are forgotten"),
                    Err(error) => tracing::warn!(%error, "sessions long over stay"),
                }
            }
        });
        if let Some(account) = &self.official_account {
            let authority = account.authority().clone();
            self.tasks
                .spawn_loop("access token", async move { authority.keep_fresh().await });
        }
        let (limits, clock) = (self.http.limits.clone(), self.login.clock().clone());
        self.tasks.spawn_loop("limits", async move {
            loop {
                clock.sleep(FORGET_EVERY).await;
                limits.retain_recent();
            }
        });
    }

    /// What one worker serves.
    pub(super) fn routes(&self, app: &mut web::ServiceConfig) {
        let headers = &self.http.headers;
        self.http.install(app);
        app.app_data(web::Data::from(self.tokens.clone()))
            .app_data(self.websocket.clone())
            .app_data(self.api.clone())
            .app_data(self.phone.clone())
            .app_data(self.callback.clone())
            .configure(api::guard(headers))
            .service(
                web::scope("/api/v1")
                    .wrap(headers.api())
                    .wrap(http::cors(self.http.origins.clone()))
                    .service(web::resource("/ws").get(websocket::upgrade))
                    .configure(api::routes),
            )
            .service(
                web::resource("/.well-known/jwks.json")
                    .get(api::jwks)
                    .route(web::head().to(api::jwks)),
            )
            .configure(phone::routes(headers))
            .configure(callback::routes)
            .service(http::ownership::resource().wrap(headers.api()))
            .service(
                http::assets::resource()
                    .wrap(headers.assets())
                    .wrap(Compress::default()),
            )
            .service(
                web::resource(["/", "/app"])
                    .wrap(headers.page())
                    .wrap(Compress::default())
                    .get(api::page)
                    .route(web::head().to(api::page)),
            );
    }
}

fn handout(config: &Config, account: Option<&OfficialAccount>) -> admin::Handout {
    admin::Handout {
        authority: account.map(|account| account.authority().clone()),
        admin_token: config.server.admin_token.clone(),
    }
}

fn tokens(
    config: &Config,
    keys: &Keys,
    store: &Sqlite,
    watch: Arc<Channels>,
    clock: &Clock,
) -> Tokens {
    let store = Arc::new(store.clone());
    Tokens::new(
        config,
        keys.clone(),
        store.clone(),
        store,
        watch,
        clock.clone(),
    )
}

fn page(config: &Config) -> api::Page {
    let is_sandbox = config.wechat.mode == Mode::Sandbox;
    api::Page {
        apps: config.apps.clone(),
        public_url: config.server.public_url(),
        default_flow: config.scene.default_flow,
        phone_url: is_sandbox.then(|| format!("{}phone", http_url(config.sandbox.bind))),
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        public_url: config.server.public_url(),
        apps: config.apps.clone(),
        default_flow: config.scene.default_flow,
        scanned_user: config.scene.scanned_user,
        number_match: config.scene.number_match,
        lives: lives(config),
        scan_confirm: config.wechat.official_account.confirm,
        fallback_flow: config.wechat.official_account.fallback_flow,
    }
}

fn geo(config: &Config) -> anyhow::Result<Geo> {
    let Some(path) = &config.geo.database else {
        return Ok(Geo::default());
    };
    Geo::open(path).with_context(|| format!("geo.database: {}", path.display()))
}

fn lives(config: &Config) -> Lives {
    let scene = &config.scene;
    Lives {
        pending: scene.pending_ttl,
        website: scene.website_ttl,
        scanned: scene.scanned_ttl,
        verifying: scene.verifying_ttl,
        authorized: scene.authorized_ttl,
        end: scene.end_ttl,
    }
}
