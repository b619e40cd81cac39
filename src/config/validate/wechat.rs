//! What the sandbox and WeChat ask of the settings.

use secrecy::ExposeSecret;
use url::Url;

use super::Checks;
use crate::config::{Config, SANDBOX_APP_ID, is_loopback};

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
