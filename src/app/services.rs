//! Which part gets which.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64},
};

use actix_web::web;
use anyhow::Context;
use secrecy::SecretBox;

use super::{cluster::Cluster, wechat::Wechat};
use crate::{
    admin, api, avatar,
    backend::{Database, redis::Link},
    callback,
    clock::Clock,
    config::{Config, Mode, http_url},
    event::Relay,
    geo::Geo,
    http::Http,
    login::{Accounts, Login, Parts, Settings},
    password::{self, Passwords},
    phone,
    protocol::MAX_INCOMING,
    push::{Channels, Drain, Registry, Revocations},
    rfc6455::Rules,
    scene::Lives,
    tasks::Tasks,
    telemetry::Metrics,
    token::{KeyAgreement, KeyKeeper, Keys, Tokens},
    websocket,
    wechat::{OfficialAccount, message::Inbox},
};

/// What the doors are made of; one set for all workers.
#[derive(Clone)]
pub(super) struct Services {
    pub(super) http: Http,
    pub(super) login: Login,
    pub(super) tokens: Arc<Tokens>,
    pub(super) channels: Arc<Channels>,
    pub(super) drain: Arc<Drain>,
    pub(super) revocations: Arc<Revocations>,
    pub(super) link: Option<Link>,
    pub(super) tasks: Tasks,
    pub(super) sockets: Arc<websocket::Sockets>,
    pub(super) websocket: web::Data<websocket::Door>,
    pub(super) api: web::Data<api::Door>,
    pub(super) phone: web::Data<phone::Door>,
    pub(super) admin: web::Data<admin::Door>,
    pub(super) callback: web::Data<callback::Door>,
    pub(super) avatars: web::Data<avatar::Avatars>,
    pub(super) passwords: Option<web::Data<Passwords>>,
    pub(super) official_account: Option<OfficialAccount>,
    pub(super) key_keeper: Arc<KeyKeeper>,
    pub(super) key_agreement: Option<Arc<KeyAgreement>>,
    pub(super) relay: Arc<Relay>,
}

impl Services {
    /// Joins stores, keys and settings.
    pub(super) fn new(
        config: &Config,
        key_keeper: KeyKeeper,
        store: &Arc<dyn Database>,
        cluster: Cluster,
        clock: Clock,
        is_up: Arc<AtomicBool>,
    ) -> anyhow::Result<Self> {
        let keys = key_keeper.keys().clone();
        let ground = Ground::new(config, &keys, store, cluster, clock);
        let (tasks, metrics, clock) = (&ground.tasks, &ground.metrics, &ground.clock);
        let Wechat {
            accounts,
            inbox,
            api: wechat,
        } = Wechat::new(
            config,
            clock.clone(),
            metrics.clone(),
            tasks,
            ground.cluster.shared.clone(),
        )?;
        let official_account = accounts.official.clone();
        let login = ground.login(accounts, inbox)?;
        let http = Http::new(config);
        let sockets = Arc::new(websocket::Sockets::default());
        let key_agreement = ground.key_agreement();
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
            metrics: metrics.clone(),
            wechat,
            handout: handout(config, official_account.as_ref()),
            official_account: official_account.clone(),
            keys: key_agreement.clone(),
            is_up,
        };
        Ok(Self {
            websocket: web::Data::new(ground.websocket(&login, &sockets, &http)),
            api: web::Data::new(ground.api(&login)),
            phone: web::Data::new(phone),
            admin: web::Data::new(admin),
            callback: web::Data::new(callback),
            avatars: web::Data::new(ground.avatars()?),
            passwords: ground.passwords(&login)?.map(web::Data::new),
            key_keeper: Arc::new(key_keeper),
            key_agreement,
            relay: Arc::new(ground.relay()?),
            official_account,
            http,
            login,
            sockets,
            tokens: ground.tokens,
            channels: ground.channels,
            drain: ground.drain,
            revocations: ground.revocations,
            link: ground.cluster.link,
            tasks: ground.tasks,
        })
    }
}

/// What all parts stand on.
pub(super) struct Ground<'a> {
    pub(super) config: &'a Config,
    keys: &'a Keys,
    pub(super) store: &'a Arc<dyn Database>,
    pub(super) cluster: Cluster,
    pub(super) clock: Clock,
    pub(super) tasks: Tasks,
    pub(super) metrics: Arc<Metrics>,
    push: Arc<Registry>,
    channels: Arc<Channels>,
    drain: Arc<Drain>,
    revocations: Arc<Revocations>,
    tokens: Arc<Tokens>,
}

impl<'a> Ground<'a> {
    fn new(
        config: &'a Config,
        keys: &'a Keys,
        store: &'a Arc<dyn Database>,
        cluster: Cluster,
        clock: Clock,
    ) -> Self {
        let (metrics, tasks) = (Arc::new(Metrics::default()), Tasks::new());
        let channels = Arc::new(Channels::new(metrics.clone()));
        let bus = cluster.bus.clone();
        let revocations = Arc::new(Revocations::new(channels.clone(), bus, tasks.clone()));
        let (sessions, users, watch) = (store.clone(), store.clone(), revocations.clone());
        let tokens = Tokens::new(config, keys.clone(), sessions, users, watch, clock.clone());
        Self {
            config,
            keys,
            store,
            drain: Arc::new(Drain::new(clock.clone(), metrics.clone())),
            cluster,
            clock,
            tasks,
            metrics,
            push: Arc::new(Registry::default()),
            channels,
            revocations,
            tokens: Arc::new(tokens),
        }
    }

    fn login(&self, accounts: Accounts, inbox: Option<Inbox>) -> anyhow::Result<Login> {
        let (config, keys) = (self.config, self.keys);
        Ok(Login::new(Parts {
            settings: settings(config),
            scenes: self.cluster.scenes.clone(),
            users: self.store.clone(),
            once: self.cluster.once.clone(),
            events: self.store.clone(),
            quota: self.cluster.quota.clone(),
            tokens: self.tokens.clone(),
            push: self.push.clone(),
            accounts,
            inbox,
            geo: geo(config)?,
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
            metrics: self.metrics.clone(),
            state_key: SecretBox::new(Box::new(keys.purpose("oauth-state"))),
            phone_key: SecretBox::new(Box::new(keys.purpose("phone-cookie"))),
        }))
    }

    /// Nothing where this gateway is alone.
    fn key_agreement(&self) -> Option<Arc<KeyAgreement>> {
        let (config, keys, clock) = (self.config, self.keys.clone(), self.clock.clone());
        let agreement = self.cluster.agreement.clone();
        agreement.map(|agreement| Arc::new(KeyAgreement::new(config, agreement, keys, clock)))
    }

    /// Nothing where accounts with a password are off.
    fn passwords(&self, login: &Login) -> anyhow::Result<Option<Passwords>> {
        let accounts = self.config.accounts;
        let parts = accounts.enabled.then(|| password::Parts {
            accounts: self.store.clone(),
            users: self.store.clone(),
            tokens: self.tokens.clone(),
            login: login.clone(),
            clock: self.clock.clone(),
            tasks: self.tasks.clone(),
            metrics: self.metrics.clone(),
        });
        let passwords = parts.map(|parts| Passwords::new(accounts, &self.config.limits, parts));
        passwords.transpose()
    }

    fn avatars(&self) -> anyhow::Result<avatar::Avatars> {
        let config = self.config;
        let is_sandbox = config.wechat.mode == Mode::Sandbox;
        let sandbox = is_sandbox.then(|| config.wechat.api_base(&config.sandbox));
        let users = self.store.clone();
        Ok(avatar::Avatars::new(&config.avatars, sandbox, users)?)
    }

    fn websocket(
        &self,
        login: &Login,
        sockets: &Arc<websocket::Sockets>,
        http: &Http,
    ) -> websocket::Door {
        let limits = &self.config.limits;
        websocket::Door {
            login: login.clone(),
            tokens: self.tokens.clone(),
            push: self.push.clone(),
            channels: self.channels.clone(),
            drain: self.drain.clone(),
            sockets: sockets.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            origins: http.origins.clone(),
            limits: http.limits.clone(),
            rules: Rules {
                max_message: MAX_INCOMING,
                frames_per_s: limits.frames_per_s,
                frame_burst: limits.frame_burst,
            },
            node: self.cluster.node.clone(),
        }
    }

    fn api(&self, login: &Login) -> api::Door {
        api::Door {
            login: login.clone(),
            tokens: self.tokens.clone(),
            push: self.push.clone(),
            drain: self.drain.clone(),
            metrics: self.metrics.clone(),
            page: page(self.config),
        }
    }
}

fn page(config: &Config) -> api::Page {
    let is_sandbox = config.wechat.mode == Mode::Sandbox;
    api::Page {
        apps: config.apps.clone(),
        public_url: config.server.public_url(),
        default_flow: config.scene.default_flow,
        accounts: config.accounts.enabled,
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
        scenes_per_minute: config.limits.scenes_per_address_per_min,
        profile_ttl: config.users.profile_ttl,
        scan_confirm: config.wechat.official_account.confirm,
        fallback_flow: config.wechat.official_account.fallback_flow,
    }
}

fn handout(config: &Config, account: Option<&OfficialAccount>) -> admin::Handout {
    admin::Handout {
        authority: account.map(|account| account.authority().clone()),
        admin_token: config.server.admin_token.clone(),
    }
}

fn geo(config: &Config) -> anyhow::Result<Geo> {
    let Some(path) = &config.geo.database else {
        return Ok(Geo::default());
    };
    Geo::open(path).with_context(|| format!("geo.database: {}", path.display()))
}

pub(super) fn lives(config: &Config) -> Lives {
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
