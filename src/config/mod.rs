//! What an operator can set: [`load()`] merges the layers, [`Config::validate`] refuses what cannot work.
//!
//! Layers, later ones win: `config/default.toml` (compiled in), the `--config` file, `SCANGATE_SECTION__KEY`
//! variables, flags. Every span `KEY_s` may be written `KEY_ms`, every secret as `KEY_file`, the path of a file
//! that holds it.

mod apps;
mod decode;
mod derived;
mod events;
mod load;
mod sandbox;
#[cfg(test)]
mod tests;
mod tree;
mod validate;
mod values;
mod wechat;

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    apps::{App, AppId, Apps, ConfirmInBrowser, Flow, Origin},
    derived::{Credentials, MessagePush, is_loopback},
    events::{EventType, Events, Webhook, Webhooks},
    load::{ConfigError, Overrides, Problem, load},
    sandbox::{SANDBOX_PLATFORM, Sandbox, SandboxAccount, SandboxAccountKind},
    wechat::{
        MessageMode, Mode, OfficialAccount, SANDBOX_APP_ID, SANDBOX_APP_SECRET,
        SANDBOX_ENCODING_AES_KEY, SANDBOX_TOKEN, SANDBOX_WEBSITE_APP_ID,
        SANDBOX_WEBSITE_APP_SECRET, ScanConfirm, TokenEndpoint, Website, Wechat,
    },
};

/// The whole configuration, checked. Holds secrets: it has no `Serialize`, and its `Debug` shows none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Listeners and addresses.
    pub server: Server,
    /// WeChat accounts.
    pub wechat: Wechat,
    /// The embedded sandbox.
    pub sandbox: Sandbox,
    /// Where users and sessions are kept.
    pub store: Store,
    /// What several gateways share.
    pub cluster: Cluster,
    /// What is known of people.
    pub users: Users,
    /// The life of a scene.
    pub scene: Scene,
    /// Pictures of people.
    pub avatars: Avatars,
    /// Where addresses are on the map.
    #[serde(default)]
    pub geo: Geo,
    /// Tokens and sessions.
    pub token: Token,
    /// Accounts with a password.
    pub accounts: Accounts,
    /// The front ends that may use this gateway; `default` always exists.
    pub apps: Apps,
    /// Where login events go.
    pub events: Events,
    /// Who is told of logins by a call.
    #[serde(default)]
    pub webhooks: Webhooks,
    /// Floods.
    pub limits: Limits,
    /// Logs.
    pub telemetry: Telemetry,
}

/// `server.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The public listener.
    #[serde(deserialize_with = "values::socket")]
    pub bind: SocketAddr,
    /// What people type; its origin is on the default app's list. Default: `http://` and `bind`.
    #[serde(default, deserialize_with = "values::url")]
    pub public_url: Option<Url>,
    /// The listener for metrics and health checks.
    #[serde(deserialize_with = "values::socket")]
    pub admin_bind: SocketAddr,
    /// Opens the admin calls that change or reveal something.
    pub admin_token: Option<SecretString>,
    /// Where keys and the database live.
    pub data_dir: Option<PathBuf>,
    /// Peers whose `X-Forwarded-For` is believed.
    #[serde(deserialize_with = "values::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Sockets at most; a further one is told 50300. 1024 connections for plain HTTP come on top.
    pub max_connections: usize,
    /// Workers of the HTTP server; 0 means one for each processor.
    pub workers: usize,
    /// How long to serve on after SIGTERM while balancers notice.
    #[serde(rename = "drain_delay_s", deserialize_with = "values::seconds")]
    pub drain_delay: Duration,
    /// How long a stop may take at most.
    #[serde(rename = "grace_s", deserialize_with = "values::seconds")]
    pub grace: Duration,
}

/// `store.*`; all but `url` is for PostgreSQL.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// `sqlite:` and a path, or `postgres://`. Default: `scangate.db` in the data directory.
    pub url: Option<SecretString>,
    /// Connections of this gateway at most.
    pub max_connections: u32,
    /// How long a call waits for a connection.
    #[serde(rename = "acquire_timeout_s", deserialize_with = "values::seconds")]
    pub acquire_timeout: Duration,
    /// How long the server may work on a statement.
    #[serde(rename = "statement_timeout_s", deserialize_with = "values::seconds")]
    pub statement_timeout: Duration,
    /// How long a statement waits for what another one holds.
    #[serde(rename = "lock_timeout_s", deserialize_with = "values::seconds")]
    pub lock_timeout: Duration,
    /// How long a transaction may rest before the server ends it.
    #[serde(
        rename = "idle_in_transaction_timeout_s",
        deserialize_with = "values::seconds"
    )]
    pub idle_in_transaction_timeout: Duration,
    /// How long a start waits for a database that is away.
    #[serde(rename = "wait_s", deserialize_with = "values::seconds")]
    pub wait: Duration,
}

/// `cluster.*`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// The Redis that gateways share. Default: none, this gateway is alone.
    pub url: Option<SecretString>,
    /// What the others call this one, and `hello` tells. Default: random at each start.
    pub node: Option<String>,
}

/// `users.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// How long a name and a picture are good before WeChat is asked for them again; zero: for ever.
    #[serde(rename = "profile_ttl_s", deserialize_with = "values::seconds")]
    pub profile_ttl: Duration,
}

/// `scene.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// The flow of a `start` that names none.
    pub default_flow: Flow,
    /// The life of `pending`.
    #[serde(rename = "pending_ttl_s", deserialize_with = "values::seconds")]
    pub pending_ttl: Duration,
    /// The life of `pending` in the `website` flow.
    #[serde(rename = "website_ttl_s", deserialize_with = "values::seconds")]
    pub website_ttl: Duration,
    /// The life of `scanned`, from the scan.
    #[serde(rename = "scanned_ttl_s", deserialize_with = "values::seconds")]
    pub scanned_ttl: Duration,
    /// The life of `verifying`, within what is left of `scanned`.
    #[serde(rename = "verifying_ttl_s", deserialize_with = "values::seconds")]
    pub verifying_ttl: Duration,
    /// How long a grant can be redeemed.
    #[serde(rename = "authorized_ttl_s", deserialize_with = "values::seconds")]
    pub authorized_ttl: Duration,
    /// How long an end can be read.
    #[serde(rename = "end_ttl_s", deserialize_with = "values::seconds")]
    pub end_ttl: Duration,
    /// What `scanned` tells of the person.
    pub scanned_user: ScannedUser,
    /// When the phone shows two digits that the browser must send.
    pub number_match: NumberMatch,
}

/// When the phone shows two digits that the browser must send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberMatch {
    /// Never.
    Off,
    /// When phone and browser do not look as if they were side by side.
    Risk,
    /// At each login.
    Always,
}

/// What `scanned` tells of a known person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScannedUser {
    /// The first character and stars, no picture.
    Masked,
    /// Name and picture.
    Full,
    /// Nothing.
    None,
}

/// `avatars.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Avatars {
    /// Where WeChat keeps pictures, in lower case; a name stands for itself and every name below it.
    pub hosts: Vec<String>,
    /// Memory for pictures, in MiB.
    pub cache_mb: u32,
}

/// `geo.*`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Geo {
    /// A file in `MaxMind`'s format (MMDB) that knows cities; without it people see the address alone.
    pub database: Option<PathBuf>,
}

/// `token.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// `iss`. Default: `server.public_url`.
    pub issuer: Option<String>,
    /// `aud`. Default: the app's id.
    pub audience: Option<String>,
    /// What signs access tokens; no other is accepted.
    pub algorithm: SigningAlgorithm,
    /// The life of an access token.
    #[serde(rename = "access_ttl_s", deserialize_with = "values::seconds")]
    pub access_ttl: Duration,
    /// The life of a session, whatever happens.
    #[serde(rename = "refresh_ttl_s", deserialize_with = "values::seconds")]
    pub refresh_ttl: Duration,
    /// The life of a session that is not refreshed.
    #[serde(rename = "refresh_idle_s", deserialize_with = "values::seconds")]
    pub refresh_idle: Duration,
    /// Where the keys live, mode 0600.
    pub key_dir: Option<PathBuf>,
    /// Wraps the keys in the database of `store.url`, where they live then.
    pub master_key: Option<SecretString>,
    /// How long a key signs; zero: until a command.
    #[serde(rename = "rotate_every_s", deserialize_with = "values::seconds")]
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    #[serde(rename = "publish_ahead_s", deserialize_with = "values::seconds")]
    pub publish_ahead: Duration,
}

/// What signs access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// Ed25519 (RFC 8037).
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256 (RFC 7518 section 3.4), for libraries without Ed25519.
    #[serde(rename = "ES256")]
    Es256,
}

impl fmt::Display for SigningAlgorithm {
    /// As the header of a token says it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
        })
    }
}

/// `accounts.*`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// Whether people may register with a user name and a password.
    pub enabled: bool,
    /// The fewest characters of a new password.
    pub min_password_length: usize,
}

/// `limits.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    missing_docs,
    reason = "the names say it; config/default.toml has the numbers"
)]
pub struct Limits {
    pub scenes_per_address_per_min: u32,
    pub live_scenes: usize,
    pub sockets_per_address: u32,
    pub handshakes_per_address_per_s: u32,
    pub frames_per_s: u32,
    pub frame_burst: u32,
    pub failed_resumes_per_address_per_min: u32,
    pub token_per_address_per_min: u32,
    pub callbacks_per_address_per_min: u32,
    pub avatars_per_address_per_min: u32,
    pub registrations_per_address_per_hour: u32,
    pub login_tries_per_account_per_15min: u32,
}

/// `telemetry.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// A filter as `tracing_subscriber::EnvFilter` reads it.
    pub log: String,
    /// How a line looks.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Server {
    /// What people type.
    pub fn public_url(&self) -> Url {
        self.public_url
            .clone()
            .unwrap_or_else(|| http_url(self.bind))
    }
}

/// `http://` and a socket address.
#[expect(
    clippy::expect_used,
    reason = "every socket address is a valid authority"
)]
pub fn http_url(address: SocketAddr) -> Url {
    Url::parse(&format!("http://{address}")).expect("a socket address makes a URL")
}
