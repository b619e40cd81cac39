//! `sandbox.*`: what plays WeChat, and the accounts it has besides its own.

use std::{collections::BTreeMap, net::SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{MessageMode, values};

/// The Open Platform account of the sandbox's own accounts.
pub const SANDBOX_PLATFORM: &str = "sandbox";

/// `sandbox.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    /// The sandbox's listener.
    #[serde(deserialize_with = "values::socket")]
    pub bind: SocketAddr,
    /// Lets it listen on addresses that are not loopback, and push messages to others.
    pub allow_private: bool,
    /// Accounts besides the two that are always there; the names only tell them apart here.
    #[serde(default)]
    pub accounts: BTreeMap<String, SandboxAccount>,
}

/// `sandbox.accounts.<name>.*`: an account as somebody set it up in WeChat's console.
///
/// Its secrets are plain texts, and shown, because they open nothing outside the sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SandboxAccount {
    /// `wx` and 16 hex digits.
    pub app_id: String,
    /// 32 hex digits.
    pub app_secret: String,
    /// What it is.
    pub kind: SandboxAccountKind,
    /// What people call it; default: its app id.
    #[serde(default)]
    pub name: String,
    /// `gh_` and 12 hex digits, the sender of its messages; default: derived from the app id.
    #[serde(default)]
    pub original_id: String,
    /// The Open Platform account it is bound to: a person's unionid is the same in all accounts of one. Empty:
    /// it is bound to none, and sees no unionid.
    #[serde(default = "own_platform")]
    pub platform: String,
    /// Where people may be sent back to, besides loopback: `host`, or `host:port`.
    #[serde(default)]
    pub domains: Vec<String>,
    /// What it may ask for; empty: all that its kind can.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Where its messages are pushed: to loopback hosts, unless [`Sandbox::allow_private`].
    #[serde(default, deserialize_with = "values::url")]
    pub callback_url: Option<Url>,
    /// Signs the message push: 3 to 32 letters and digits.
    #[serde(default)]
    pub token: String,
    /// Encrypts the message push: 43 letters and digits.
    #[serde(default)]
    pub encoding_aes_key: String,
    /// How messages are pushed.
    #[serde(default = "plain")]
    pub message_mode: MessageMode,
    /// Who may fetch its access token; empty: everybody.
    #[serde(default, deserialize_with = "values::networks")]
    pub ip_allow_list: Vec<IpNet>,
    /// Whether WeChat has verified it: without, an official account has neither web authorisation nor
    /// parametric codes.
    #[serde(default = "yes")]
    pub is_verified: bool,
    /// A test account: a tenth of the daily quotas, and web authorisation for its followers only.
    #[serde(default)]
    pub is_test: bool,
    /// The published pages of a mini program; empty: every page is published.
    #[serde(default)]
    pub pages: Vec<String>,
}

/// What an account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxAccountKind {
    /// A service account: `snsapi_base`, `snsapi_userinfo`, parametric codes, a chat.
    OfficialAccount,
    /// A website application of the Open Platform: `snsapi_login`.
    Website,
    /// A mini program: `js_code`s.
    MiniProgram,
}

fn own_platform() -> String {
    SANDBOX_PLATFORM.to_owned()
}

const fn plain() -> MessageMode {
    MessageMode::Plain
}

const fn yes() -> bool {
    true
}

impl SandboxAccount {
    /// An account with nothing but what it must have.
    pub fn new(kind: SandboxAccountKind, app_id: &str, app_secret: &str) -> Self {
        Self {
            app_id: app_id.to_owned(),
            app_secret: app_secret.to_owned(),
            kind,
            name: String::new(),
            original_id: String::new(),
            platform: own_platform(),
            domains: Vec::new(),
            scopes: Vec::new(),
            callback_url: None,
            token: String::new(),
            encoding_aes_key: String::new(),
            message_mode: plain(),
            ip_allow_list: Vec::new(),
            is_verified: true,
            is_test: false,
            pages: Vec::new(),
        }
    }

    /// The first key that WeChat's console would not take, and what it would.
    ///
    /// # Errors
    /// The key and a sentence.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let mut rules = self
            .identity()
            .into_iter()
            .chain(self.permissions())
            .chain(self.message_push());
        match rules.find(|(holds, ..)| !holds) {
            Some((_, key, allowed)) => Err((key, allowed)),
            None => Ok(()),
        }
    }

    fn identity(&self) -> [Rule; 5] {
        let digits = self.app_id.strip_prefix("wx").unwrap_or_default();
        let original = self.original_id.strip_prefix("gh_").unwrap_or_default();
        [
            (
                is_hex(digits, 16),
                "app_id",
                "wx and 16 hex digits are expected",
            ),
            (
                is_hex(&self.app_secret, 32),
                "app_secret",
                "32 hex digits are expected",
            ),
            (
                self.name.chars().count() <= 64,
                "name",
                "at most 64 characters are allowed",
            ),
            (
                self.original_id.is_empty() || is_hex(original, 12),
                "original_id",
                "gh_ and 12 hex digits are expected",
            ),
            (
                self.platform.len() <= 64,
                "platform",
                "at most 64 bytes are allowed",
            ),
        ]
    }

    fn permissions(&self) -> [Rule; 4] {
        let own = self.kind.scopes();
        [
            (is_short(&self.domains), "domains", SHORT),
            (
                self.scopes.len() <= own.len()
                    && self
                        .scopes
                        .iter()
                        .all(|scope| own.contains(&scope.as_str())),
                "scopes",
                "snsapi_base and snsapi_userinfo are allowed for an official account, snsapi_login for a website",
            ),
            (
                self.ip_allow_list.len() <= MAX_ITEMS,
                "ip_allow_list",
                "at most 100 networks are allowed",
            ),
            (is_short(&self.pages), "pages", SHORT),
        ]
    }

    fn message_push(&self) -> [Rule; 4] {
        let alphanumeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (token, key) = (self.token.as_str(), self.encoding_aes_key.as_str());
        let needs_key = self.message_mode != MessageMode::Plain;
        [
            (
                (self.callback_url.as_ref()).is_none_or(|url| url.as_str().len() <= MAX_URL),
                "callback_url",
                "at most 2048 bytes are allowed",
            ),
            (
                self.callback_url.is_none() || !token.is_empty(),
                "token",
                "a callback_url needs one",
            ),
            (
                token.is_empty() || (3..=32).contains(&token.len()) && alphanumeric(token),
                "token",
                "3 to 32 letters and digits are expected",
            ),
            (
                key.is_empty() && !needs_key || key.len() == 43 && alphanumeric(key),
                "encoding_aes_key",
                "43 letters and digits are expected where messages are encrypted",
            ),
        ]
    }
}

/// Whether it holds, for which key, and what is allowed.
type Rule = (bool, &'static str, &'static str);

/// Items of a list at most, and bytes of one.
const MAX_ITEMS: usize = 100;
const MAX_ITEM: usize = 256;
/// Bytes of an address at most.
const MAX_URL: usize = 2048;
const SHORT: &str = "at most 100 of at most 256 bytes are allowed";

fn is_short(items: &[String]) -> bool {
    items.len() <= MAX_ITEMS
        && items
            .iter()
            .all(|item| (1..=MAX_ITEM).contains(&item.len()))
}

impl SandboxAccountKind {
    /// All that it can ask for.
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::OfficialAccount => &["snsapi_base", "snsapi_userinfo"],
            Self::Website => &["snsapi_login"],
            Self::MiniProgram => &[],
        }
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
