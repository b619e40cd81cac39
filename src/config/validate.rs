//! What no single key can tell.

use std::{fmt::Debug, time::Duration};

use secrecy::ExposeSecret;
use url::Url;

use super::{
    App, AppId, Config, ConfigError, Flow, Mode, SANDBOX_APP_ID, is_loopback, load::Problem,
};

/// Reads one span.
type Span = fn(&Config) -> Duration;

/// The spans with their least and most, in seconds.
const SPANS: [(&str, Span, u64, u64); 9] = [
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
        1_800,
    ),
    (
        "scene.scanned_ttl_s",
        |all| all.scene.scanned_ttl,
        10,
        1_800,
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
    ("server.grace_s", |all| all.server.grace, 1, 600),
];

/// The longest `server.drain_delay_s`.
const DRAIN_DELAY: Duration = Duration::from_secs(120);

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
        checks.spans();
        checks.apps();
        checks.limits();
        checks.store();
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

    fn sandbox(&mut self) {
        let Config {
            server,
            sandbox,
            wechat,
            ..
        } = self.config;
        if !sandbox.allow_private {
            for (key, address) in [("server.bind", server.bind), ("sandbox.bind", sandbox.bind)] {
                if !address.ip().is_loopback() {
                    self.refuse(
                        key,
                        address,
                        "a loopback address is expected, because everybody can sign in as anybody in the sandbox; \
                         set wechat.mode = \"live\", or sandbox.allow_private = true in a network of your own",
                    );
                }
            }
        }
        if let Some(app_id) = wechat.official_account.app_id.as_deref()
            && app_id != SANDBOX_APP_ID
        {
            self.refuse(
                "wechat.official_account.app_id",
                app_id,
                "a real account does not work in the sandbox, which lets everybody in; set wechat.mode = \"live\"",
            );
        }
        for (key, url) in set_bases(self.config).filter(|(_, url)| is_tencent(url)) {
            self.refuse(
                key,
                url.as_str(),
                "WeChat's own address needs wechat.mode = \"live\"",
            );
        }
    }

    fn live(&mut self) {
        let public_url = self.config.server.public_url();
        if !is_loopback(&public_url) {
            if public_url.scheme() != "https" {
                self.refuse(
                    "server.public_url",
                    public_url.as_str(),
                    "https is expected when WeChat is live",
                );
            }
            if public_url.port().is_some() {
                self.refuse(
                    "server.public_url",
                    public_url.as_str(),
                    "no port is allowed: WeChat refuses a return address with one (error 10003)",
                );
            }
        }
        for (key, url) in
            set_bases(self.config).filter(|(_, url)| url.scheme() != "https" && !is_loopback(url))
        {
            self.refuse(key, url.as_str(), "https is expected when WeChat is live");
        }
        self.credentials();
    }

    fn credentials(&mut self) {
        const APP_ID: &str = "\"wx\" and 16 hex digits are expected, from WeChat's console";
        const SECRET: &str = "32 hex digits are expected, from WeChat's console (or app_secret_file with their file)";
        let account = &self.config.wechat.official_account;
        match account.app_id.as_deref() {
            Some(SANDBOX_APP_ID) => self.refuse(
                "wechat.official_account.app_id",
                SANDBOX_APP_ID,
                "this is the sandbox's; the AppID of your service account is expected",
            ),
            Some(app_id) if !is_app_id(app_id) => {
                self.refuse("wechat.official_account.app_id", app_id, APP_ID)
            }
            Some(_) => {}
            None => self.miss("wechat.official_account.app_id", APP_ID),
        }
        let secret = account.app_secret.as_ref().map(ExposeSecret::expose_secret);
        if !secret.is_some_and(|secret| is_hex(secret, 32)) {
            self.miss("wechat.official_account.app_secret", SECRET);
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
    }

    fn apps(&mut self) {
        let Config { apps, scene, .. } = self.config;
        if !apps.iter().any(|(id, _)| id.is_default()) {
            self.miss(
                "apps.default",
                "the app of callers that name none must exist",
            );
        }
        if scene.default_flow != Flow::H5 {
            self.refuse(
                "scene.default_flow",
                scene.default_flow,
                "this flow is not in this release; allowed: h5",
            );
        }
        for (id, app) in apps.iter() {
            self.app(id, app, scene.default_flow);
        }
    }

    fn app(&mut self, id: &AppId, app: &App, default_flow: Flow) {
        let key = |name: &str| format!("apps.{id}.{name}");
        if let Some(flow) = app.flows.iter().find(|flow| **flow != Flow::H5) {
            self.refuse(
                &key("flows"),
                flow,
                "this flow is not in this release; allowed: h5",
            );
        } else if !app.flows.contains(&default_flow) {
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
        ];
        for (_, key) in zero.into_iter().filter(|(is_zero, _)| *is_zero) {
            self.refuse(key, 0, "at least 1 is expected");
        }
    }

    fn store(&mut self) {
        let url = self.config.store_url();
        if !url.expose_secret().starts_with("sqlite:") {
            self.miss(
                "store.url",
                "sqlite: and a path is expected; other databases are not in this release",
            );
        }
    }
}

/// The addresses of WeChat that are set.
fn set_bases(config: &Config) -> impl Iterator<Item = (&'static str, &Url)> {
    let wechat = &config.wechat;
    [
        ("wechat.open_base", &wechat.open_base),
        ("wechat.api_base", &wechat.api_base),
        ("wechat.mp_base", &wechat.mp_base),
    ]
    .into_iter()
    .filter_map(|(key, url)| Some((key, url.as_ref()?)))
}

fn is_bare(url: &Url) -> bool {
    url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
}

fn is_tencent(url: &Url) -> bool {
    url.domain()
        .is_some_and(|name| name == "qq.com" || name.ends_with(".qq.com"))
}

fn is_app_id(text: &str) -> bool {
    text.strip_prefix("wx")
        .is_some_and(|digits| is_hex(digits, 16))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
