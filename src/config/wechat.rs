//! `wechat.*`: the accounts, and who plays WeChat.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Flow, Sandbox, http_url, values};

/// The service account that the sandbox plays; in sandbox mode it is the gateway's own.
pub const SANDBOX_APP_ID: &str = "wx5a9d0c1b7e3f2468";
/// What opens [`SANDBOX_APP_ID`]. It opens nothing outside the sandbox, so it may stand here, as may the others below.
pub const SANDBOX_APP_SECRET: &str = "5ca9a7e05a9d0c1b7e3f24680f1e2d3c";
/// What signs the message push of [`SANDBOX_APP_ID`].
pub const SANDBOX_TOKEN: &str = "scangateSandboxToken";
/// What encrypts the message push of [`SANDBOX_APP_ID`].
pub const SANDBOX_ENCODING_AES_KEY: &str = "sCaNgAtE0SaNdBoX1aEs2KeY3fOr4tHe5pUsH6mSgA7";
/// The website application that the sandbox plays.
pub const SANDBOX_WEBSITE_APP_ID: &str = "wx7b3e1f0a9c5d8642";
/// What opens [`SANDBOX_WEBSITE_APP_ID`].
pub const SANDBOX_WEBSITE_APP_SECRET: &str = "0e7b3e1f0a9c5d86421c2b3a4f5e6d7c";

/// `wechat.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wechat {
    /// Who plays WeChat.
    pub mode: Mode,
    /// Where `open.weixin.qq.com` is; browsers and phones go there.
    #[serde(default, deserialize_with = "values::url")]
    pub open_base: Option<Url>,
    /// Where `api.weixin.qq.com` is; the gateway calls it.
    #[serde(default, deserialize_with = "values::url")]
    pub api_base: Option<Url>,
    /// Where `mp.weixin.qq.com` is.
    #[serde(default, deserialize_with = "values::url")]
    pub mp_base: Option<Url>,
    /// Where the files lie by which WeChat is shown whose the domain is; without it, `verify` in the data directory.
    #[serde(default)]
    pub verify_dir: Option<PathBuf>,
    /// The service account of the `h5` and `official_account` flows.
    pub official_account: OfficialAccount,
    /// The website application of the `website` flow.
    #[serde(default)]
    pub website: Website,
}

/// Who plays WeChat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The embedded sandbox: loopback only, no real accounts.
    Sandbox,
    /// Tencent's servers.
    Live,
}

/// `wechat.official_account.*`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficialAccount {
    /// `wx` and 16 hex digits.
    pub app_id: Option<String>,
    /// 32 hex digits.
    pub app_secret: Option<SecretString>,
    /// What signs the message push: 3 to 32 letters and digits.
    pub token: Option<SecretString>,
    /// What encrypts the message push: 43 letters and digits.
    pub encoding_aes_key: Option<SecretString>,
    /// The one before, while WeChat may still use it.
    pub previous_encoding_aes_key: Option<SecretString>,
    /// How messages come, as chosen in WeChat's console.
    pub message_mode: MessageMode,
    /// What follows the scan of a parametric QR.
    pub confirm: ScanConfirm,
    /// The flow of new scenes while parametric codes cannot be had.
    pub fallback_flow: Option<Flow>,
    /// Where the account's access token comes from.
    pub token_endpoint: TokenEndpoint,
}

/// `wechat.website.*`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Website {
    /// `wx` and 16 hex digits.
    pub app_id: Option<String>,
    /// 32 hex digits.
    pub app_secret: Option<SecretString>,
}

/// How WeChat pushes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageMode {
    /// In the clear; the signature covers no byte of the body. For the sandbox only.
    Plain,
    /// In the clear and encrypted; only what was encrypted is believed.
    Compatible,
    /// Encrypted.
    Safe,
}

/// What follows the scan of a parametric QR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanConfirm {
    /// The chat gets a link to the confirm page, which asks WeChat again who opens it.
    Link,
    /// The link itself proves who opens it: single use, five minutes. For accounts without web authorisation.
    BearerLink,
    /// The scan is the login. Whoever relays the code takes the account over.
    None,
}

/// Where the account's access token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpoint {
    /// `cgi-bin/stable_token`: a further call gives the same token.
    Stable,
    /// `cgi-bin/token`: a further call ends the token before.
    Token,
}

impl Wechat {
    /// Where browsers and phones meet WeChat.
    pub fn open_base(&self, sandbox: &Sandbox) -> Url {
        self.base(
            self.open_base.as_ref(),
            sandbox,
            "https://open.weixin.qq.com",
        )
    }

    /// Where the gateway calls WeChat.
    pub fn api_base(&self, sandbox: &Sandbox) -> Url {
        self.base(self.api_base.as_ref(), sandbox, "https://api.weixin.qq.com")
    }

    /// Where WeChat shows the pictures of parametric codes.
    pub fn mp_base(&self, sandbox: &Sandbox) -> Url {
        self.base(self.mp_base.as_ref(), sandbox, "https://mp.weixin.qq.com")
    }

    #[expect(
        clippy::expect_used,
        reason = "the argument is one of the constants above"
    )]
    fn base(&self, set: Option<&Url>, sandbox: &Sandbox, live: &str) -> Url {
        match (set, self.mode) {
            (Some(url), _) => url.clone(),
            (None, Mode::Sandbox) => http_url(sandbox.bind),
            (None, Mode::Live) => Url::parse(live).expect("a constant URL"),
        }
    }
}
