//! What the sandbox and WeChat ask of the settings.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::Checks;
use crate::config::{
    Config, Flow, MessageMode, Mode, NumberMatch, SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID,
    ScanConfirm, is_loopback,
};

impl Checks<'_> {
    pub(super) fn sandbox(&mut self) {
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
        for (name, account) in &sandbox.accounts {
            if let Err((key, allowed)) = account.check() {
                let key = format!("sandbox.accounts.{name}.{key}");
                self.miss(&key, allowed);
            }
        }
        let accounts = [
            (
                "wechat.official_account.app_id",
                &wechat.official_account.app_id,
                SANDBOX_APP_ID,
            ),
            (
                "wechat.website.app_id",
                &wechat.website.app_id,
                SANDBOX_WEBSITE_APP_ID,
            ),
        ];
        for (key, app_id, own) in accounts {
            if let Some(app_id) = app_id.as_deref().filter(|app_id| *app_id != own) {
                self.refuse(
                    key,
                    app_id,
                    "a real account does not work in the sandbox, which lets everybody in; set wechat.mode = \"live\"",
                );
            }
        }
        for (key, url) in set_bases(self.config).filter(|(_, url)| is_tencent(url)) {
            self.refuse(
                key,
                url.as_str(),
                "WeChat's own address needs wechat.mode = \"live\"",
            );
        }
    }

    pub(super) fn live(&mut self) {
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
        let wechat = &self.config.wechat;
        let (account, website) = (&wechat.official_account, &wechat.website);
        let is_used = |flow| {
            let mut apps = self.config.apps.iter();
            self.config.scene.default_flow == flow || apps.any(|(_, app)| app.flows.contains(&flow))
        };
        let needs_account = is_used(Flow::H5)
            || is_used(Flow::OfficialAccount)
            || account.app_id.is_some()
            || account.app_secret.is_some();
        let needs_website =
            is_used(Flow::Website) || website.app_id.is_some() || website.app_secret.is_some();
        if needs_account {
            self.credentials(
                "wechat.official_account",
                account.app_id.as_deref(),
                account.app_secret.as_ref(),
            );
        }
        if needs_website {
            self.credentials(
                "wechat.website",
                website.app_id.as_deref(),
                website.app_secret.as_ref(),
            );
        }
        if account.app_id.is_some() && account.app_id == website.app_id {
            self.refuse(
                "wechat.website.app_id",
                &website.app_id,
                "a website application of the Open Platform is expected, which is not the official account",
            );
        }
    }

    fn credentials(&mut self, section: &str, app_id: Option<&str>, secret: Option<&SecretString>) {
        const APP_ID: &str = "\"wx\" and 16 hex digits are expected, from WeChat's console";
        const SECRET: &str = "32 hex digits are expected, from WeChat's console (or app_secret_file with their file)";
        let key = format!("{section}.app_id");
        match app_id {
            Some(SANDBOX_APP_ID | SANDBOX_WEBSITE_APP_ID) => self.refuse(
                &key,
                app_id,
                "this is the sandbox's; the AppID of your own account is expected",
            ),
            Some(app_id) if !is_app_id(app_id) => self.refuse(&key, app_id, APP_ID),
            Some(_) => {}
            None => self.miss(&key, APP_ID),
        }
        let secret = secret.map(ExposeSecret::expose_secret);
        if !secret.is_some_and(|secret| is_hex(secret, 32)) {
            self.miss(&format!("{section}.app_secret"), SECRET);
        }
    }

    /// What proves that a message comes from WeChat.
    pub(super) fn message_push(&mut self) {
        let Config { wechat, .. } = self.config;
        let account = &wechat.official_account;
        let shaped = |secret: &Option<SecretString>, lengths: std::ops::RangeInclusive<usize>| {
            secret.as_ref().is_none_or(|secret| {
                let text = secret.expose_secret();
                lengths.contains(&text.len())
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
            })
        };
        if !shaped(&account.token, 3..=32) {
            self.miss(
                "wechat.official_account.token",
                "3 to 32 letters and digits are expected, as set in WeChat's console",
            );
        }
        let keys = [
            ("encoding_aes_key", &account.encoding_aes_key),
            (
                "previous_encoding_aes_key",
                &account.previous_encoding_aes_key,
            ),
        ];
        for (name, _) in keys.into_iter().filter(|(_, key)| !shaped(key, 43..=43)) {
            self.miss(
                &format!("wechat.official_account.{name}"),
                "43 letters and digits are expected, as set in WeChat's console",
            );
        }
        if wechat.mode == Mode::Live && account.message_mode == MessageMode::Plain {
            self.refuse(
                "wechat.official_account.message_mode",
                account.message_mode,
                "safe or compatible is expected when WeChat is live: in plain mode the signature covers no byte of the message",
            );
        }
        if account.confirm == ScanConfirm::None && account.message_mode != MessageMode::Safe {
            self.refuse(
                "wechat.official_account.confirm",
                account.confirm,
                "link or bearer_link is expected unless wechat.official_account.message_mode = \"safe\"",
            );
        }
        if account.confirm == ScanConfirm::None
            && self.config.scene.number_match == NumberMatch::Always
        {
            self.refuse(
                "wechat.official_account.confirm",
                account.confirm,
                "with none there is no page that could show digits, but scene.number_match = \"always\" wants them",
            );
        }
        if account.fallback_flow.is_some_and(|flow| flow != Flow::H5) {
            self.refuse(
                "wechat.official_account.fallback_flow",
                account.fallback_flow,
                "only h5 can stand in: it needs nothing from WeChat to begin",
            );
        }
    }
}

/// The addresses of WeChat that are set.
pub(super) fn set_bases(config: &Config) -> impl Iterator<Item = (&'static str, &Url)> {
    let wechat = &config.wechat;
    [
        ("wechat.open_base", &wechat.open_base),
        ("wechat.api_base", &wechat.api_base),
        ("wechat.mp_base", &wechat.mp_base),
    ]
    .into_iter()
    .filter_map(|(key, url)| Some((key, url.as_ref()?)))
}

pub(super) fn is_bare(url: &Url) -> bool {
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
