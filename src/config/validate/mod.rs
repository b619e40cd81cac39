//! What no single key can tell.

mod cluster;
mod events;
mod wechat;

use std::{fmt::Debug, ops::RangeInclusive, time::Duration};

use secrecy::ExposeSecret;
use url::Host;

use self::wechat::{is_bare, set_bases};
use super::{App, AppId, Config, ConfigError, Flow, Mode, load::Problem};

/// Reads one span.
type Span = fn(&Config) -> Duration;

/// The spans with their least and most, in seconds.
const SPANS: [(&str, Span, u64, u64); 16] = [
    (
        "scene.pending_ttl_s",
        |all| all.scene.pending_ttl,
        10,
        1_800,
    ),
    (
        "scene.website_ttl_s",
        |all| all.scene.website_ttl,
        10,
        // As long as an OAuth state is good: WeChat's page could not lead back later.
        300,
    ),
    (
        "scene.scanned_ttl_s",
        |all| all.scene.scanned_ttl,
        10,
        1_800,
    ),
    (
        "scene.verifying_ttl_s",
        |all| all.scene.verifying_ttl,
        10,
        600,
    ),
    (
        "scene.authorized_ttl_s",
        |all| all.scene.authorized_ttl,
        5,
        600,
    ),
    ("scene.end_ttl_s", |all| all.scene.end_ttl, 10, 3_600),
    ("token.access_ttl_s", |all| all.token.access_ttl, 30, 86_400),
    (
        "token.refresh_ttl_s",
        |all| all.token.refresh_ttl,
        60,
        34_560_000,
    ),
    (
        "token.refresh_idle_s",
        |all| all.token.refresh_idle,
        60,
        34_560_000,
    ),
    (
        "token.publish_ahead_s",
        |all| all.token.publish_ahead,
        // Longer than anybody keeps the key set: 300 s by its header, 600 s in jose.
        900,
        604_800,
    ),
    ("server.grace_s", |all| all.server.grace, 1, 600),
    (
        "store.acquire_timeout_s",
        |all| all.store.acquire_timeout,
        1,
        60,
    ),
    (
        "store.statement_timeout_s",
        |all| all.store.statement_timeout,
        1,
        600,
    ),
    ("store.lock_timeout_s", |all| all.store.lock_timeout, 1, 600),
    (
        "store.idle_in_transaction_timeout_s",
        |all| all.store.idle_in_transaction_timeout,
        1,
        600,
    ),
    ("store.wait_s", |all| all.store.wait, 1, 86_400),
];

/// What a flow cannot do without.
const fn needs(flow: Flow) -> &'static str {
    match flow {
        Flow::H5 => "this flow needs wechat.official_account.app_id and app_secret",
        Flow::OfficialAccount => {
            "this flow needs wechat.official_account.app_id, app_secret, token and encoding_aes_key"
        }
        Flow::Website => "this flow needs wechat.website.app_id and app_secret",
    }
}

/// The longest `server.drain_delay_s`.
const DRAIN_DELAY: Duration = Duration::from_secs(120);

/// The longest `token.rotate_every_s`: 400 days.
const ROTATE_EVERY: Duration = Duration::from_secs(34_560_000);
/// What `accounts.min_password_length` may be (NIST SP 800-63B section 3.1.1.2: 8 at least, and 64 must be allowed).
const PASSWORD_LENGTHS: RangeInclusive<usize> = 8..=64;

impl Config {
    /// Refuses combinations that cannot work or are not safe.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] with the key, what was found and what is allowed; all problems at once.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let problems = self.problems();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError::Invalid(problems))
        }
    }

    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut checks = Checks {
            config: self,
            problems: Vec::new(),
        };
        checks.listeners();
        checks.addresses();
        match self.wechat.mode {
            Mode::Sandbox => checks.sandbox(),
            Mode::Live => checks.live(),
        }
        checks.message_push();
        checks.spans();
        checks.accounts();
        checks.apps();
        checks.avatars();
        checks.limits();
        checks.store();
        checks.cluster();
        checks.master_key();
        checks.events();
        checks.problems
    }
}

struct Checks<'a> {
    config: &'a Config,
    problems: Vec<Problem>,
}

impl Checks<'_> {
    fn refuse(&mut self, key: &str, found: impl Debug, allowed: &str) {
        let mut problem = Problem::new(key, allowed);
        problem.found = Some(format!("{found:?}"));
        self.problems.push(problem);
    }

    /// For secrets and for what is not there.
    fn miss(&mut self, key: &str, allowed: &str) {
        self.problems.push(Problem::new(key, allowed));
    }

    fn listeners(&mut self) {
        let server = &self.config.server;
        let sandbox = &self.config.sandbox;
        let taken = |address: std::net::SocketAddr| address.port() != 0 && address == server.bind;
        if taken(server.admin_bind) {
            self.refuse(
                "server.admin_bind",
                server.admin_bind,
                "another address than server.bind is expected",
            );
        }
        if self.config.wechat.mode == Mode::Sandbox && taken(sandbox.bind) {
            self.refuse(
                "sandbox.bind",
                sandbox.bind,
                "another address than server.bind is expected",
            );
        }
        if server.max_connections == 0 {
            self.refuse("server.max_connections", 0, "at least 1 is expected");
        }
    }

    fn addresses(&mut self) {
        let server = &self.config.server;
        if let Some(url) = &server.public_url
            && (!is_bare(url) || url.path() != "/")
        {
            self.refuse(
                "server.public_url",
                url.as_str(),
                "scheme and host alone are expected, as in https://login.example.com; pages and WeChat's callback have fixed paths below it",
            );
        }
        for (key, url) in set_bases(self.config).filter(|(_, url)| !is_bare(url)) {
            self.refuse(
                key,
                url.as_str(),
                "an address without user, query and fragment is expected",
            );
        }
    }

    fn spans(&mut self) {
        let Config {
            server,
            token,
            wechat,
            ..
        } = self.config;
        for (key, span, least, most) in SPANS {
            // Tests of a front end want short lives, and only the sandbox has tests.
            let least = match wechat.mode {
                Mode::Sandbox => Duration::from_millis(1),
                Mode::Live => Duration::from_secs(least),
            };
            let most = Duration::from_secs(most);
            let span = span(self.config);
            if !(least..=most).contains(&span) {
                self.refuse(
                    key,
                    span,
                    &format!("between {least:?} and {most:?} is expected"),
                );
            }
        }
        if server.drain_delay > DRAIN_DELAY {
            self.refuse(
                "server.drain_delay_s",
                server.drain_delay,
                "at most 120s is expected",
            );
        }
        if token.refresh_idle > token.refresh_ttl {
            let allowed = "not more than token.refresh_ttl_s is expected";
            self.refuse("token.refresh_idle_s", token.refresh_idle, allowed);
        }
        let least = token.publish_ahead + token.access_ttl;
        if !token.rotate_every.is_zero() && !(least..=ROTATE_EVERY).contains(&token.rotate_every) {
            let allowed = format!(
                "0, or between {least:?} (token.publish_ahead_s and token.access_ttl_s together) and {ROTATE_EVERY:?} is expected"
            );
            self.refuse("token.rotate_every_s", token.rotate_every, &allowed);
        }
    }

    fn accounts(&mut self) {
        let length = self.config.accounts.min_password_length;
        if !PASSWORD_LENGTHS.contains(&length) {
            self.refuse(
                "accounts.min_password_length",
                length,
                "8 to 64 is expected",
            );
        }
    }

    fn apps(&mut self) {
        let Config { apps, scene, .. } = self.config;
        if !apps.iter().any(|(id, _)| id.is_default()) {
            self.miss(
                "apps.default",
                "the app of callers that name none must exist",
            );
        }
        let default_flow = scene.default_flow;
        // Without its account the missing credentials say enough.
        if self.config.official_account().is_some() && !self.config.allows(default_flow) {
            self.refuse("scene.default_flow", default_flow, needs(default_flow));
            return;
        }
        for (id, app) in apps.iter() {
            self.app(id, app, default_flow);
        }
    }

    fn app(&mut self, id: &AppId, app: &App, default_flow: Flow) {
        let key = |name: &str| format!("apps.{id}.{name}");
        if let Some(flow) = app.flows.iter().find(|flow| !self.config.allows(**flow)) {
            self.refuse(&key("flows"), flow, needs(*flow));
        } else if !app.flows.is_empty() && !app.flows.contains(&default_flow) {
            self.refuse(
                &key("flows"),
                &app.flows,
                "scene.default_flow has to be among them",
            );
        }
        if let Some(origin) = app
            .origins
            .iter()
            .find(|origin| origin.as_str().contains('*'))
        {
            self.refuse(
                &key("origins"),
                origin.as_str(),
                "each origin has to be named, there are no wildcards",
            );
        }
        if app.name.trim().is_empty() {
            self.refuse(
                &key("name"),
                &app.name,
                "a name that people recognise is expected",
            );
        }
    }

    fn avatars(&mut self) {
        for name in &self.config.avatars.hosts {
            let is_name = matches!(Host::parse(name), Ok(Host::Domain(read)) if read == *name);
            let has_level = name
                .split_once('.')
                .is_some_and(|(first, rest)| !first.is_empty() && !rest.is_empty());
            if !is_name || !has_level || name.ends_with('.') || name.contains('*') {
                self.refuse(
                    "avatars.hosts",
                    name,
                    "names in lower case are expected, as in qlogo.cn, which allows what is below it too",
                );
            }
        }
    }

    fn limits(&mut self) {
        let limits = &self.config.limits;
        let zero = [
            (
                limits.scenes_per_address_per_min == 0,
                "limits.scenes_per_address_per_min",
            ),
            (limits.live_scenes == 0, "limits.live_scenes"),
            (
                limits.sockets_per_address == 0,
                "limits.sockets_per_address",
            ),
            (
                limits.handshakes_per_address_per_s == 0,
                "limits.handshakes_per_address_per_s",
            ),
            (limits.frames_per_s == 0, "limits.frames_per_s"),
            (limits.frame_burst == 0, "limits.frame_burst"),
            (
                limits.failed_resumes_per_address_per_min == 0,
                "limits.failed_resumes_per_address_per_min",
            ),
            (
                limits.token_per_address_per_min == 0,
                "limits.token_per_address_per_min",
            ),
            (
                limits.callbacks_per_address_per_min == 0,
                "limits.callbacks_per_address_per_min",
            ),
            (
                limits.avatars_per_address_per_min == 0,
                "limits.avatars_per_address_per_min",
            ),
            (
                limits.registrations_per_address_per_hour == 0,
                "limits.registrations_per_address_per_hour",
            ),
            (
                limits.login_tries_per_account_per_15min == 0,
                "limits.login_tries_per_account_per_15min",
            ),
        ];
        for (_, key) in zero.into_iter().filter(|(is_zero, _)| *is_zero) {
            self.refuse(key, 0, "at least 1 is expected");
        }
    }

    fn store(&mut self) {
        let is_sqlite = self
            .config
            .store_url()
            .expose_secret()
            .starts_with("sqlite:");
        if !is_sqlite && !self.config.is_store_shared() {
            self.miss(
                "store.url",
                "sqlite: and a path, or postgres://role:password@host/database is expected",
            );
        }
        if self.config.store.max_connections == 0 {
            self.refuse("store.max_connections", 0, "at least 1 is expected");
        }
    }
}
