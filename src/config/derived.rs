//! What follows from the keys: places and the account in use.

use std::{env, path::PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretBox, SecretString, zeroize::Zeroizing};
use url::{Host, Url};

use super::{
    Config, Flow, MessageMode, Mode, SANDBOX_APP_ID, SANDBOX_APP_SECRET, SANDBOX_ENCODING_AES_KEY,
    SANDBOX_TOKEN, SANDBOX_WEBSITE_APP_ID, SANDBOX_WEBSITE_APP_SECRET,
};
use crate::ids;

/// What has a meaning in a database's URL.
const PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

impl Config {
    /// Where keys and the database live: `server.data_dir`, else `scangate` in the user's data directory (XDG
    /// Base Directory), else `/var/lib/scangate`. It need not exist.
    pub fn data_dir(&self) -> PathBuf {
        self.server
            .data_dir
            .clone()
            .unwrap_or_else(default_data_dir)
    }

    /// Where the keys live; it need not exist.
    pub fn key_dir(&self) -> PathBuf {
        self.token
            .key_dir
            .clone()
            .unwrap_or_else(|| self.data_dir().join("keys"))
    }

    /// `token.master_key` as bytes; `None` where it is none, or not 32 bytes.
    pub fn master_key(&self) -> Option<SecretBox<[u8; 32]>> {
        let text = self.token.master_key.as_ref()?.expose_secret();
        let text = text
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_");
        let key = ids::from_base64url(&Zeroizing::new(text))?;
        Some(SecretBox::new(Box::new(key)))
    }

    /// Where `MP_verify_….txt` lies; it need not exist.
    pub fn verify_dir(&self) -> PathBuf {
        self.wechat
            .verify_dir
            .clone()
            .unwrap_or_else(|| self.data_dir().join("verify"))
    }

    /// The database: `store.url`, else `scangate.db` in the data directory.
    pub fn store_url(&self) -> SecretString {
        self.store.url.clone().unwrap_or_else(|| {
            let path = self.data_dir().join("scangate.db");
            let path = path.to_string_lossy();
            format!("sqlite://{}", utf8_percent_encode(&path, PATH)).into()
        })
    }

    /// Whether several gateways can use the database: it is PostgreSQL.
    pub fn is_store_shared(&self) -> bool {
        let url = self.store_url();
        let url = url.expose_secret();
        url.starts_with("postgres://") || url.starts_with("postgresql://")
    }

    /// The file of an SQLite database; `None` when it is in memory or elsewhere.
    pub fn store_path(&self) -> Option<PathBuf> {
        let url = self.store_url();
        let path = url.expose_secret().strip_prefix("sqlite:")?;
        let path = path.strip_prefix("//").unwrap_or(path);
        let path = path.split('?').next().unwrap_or_default();
        if path.is_empty() || path == ":memory:" {
            return None;
        }
        Some(PathBuf::from(
            percent_decode_str(path).decode_utf8_lossy().into_owned(),
        ))
    }

    /// The service account in use; in sandbox mode the sandbox's, unless set, `None` when a live one is not set.
    pub fn official_account(&self) -> Option<Credentials> {
        let account = &self.wechat.official_account;
        self.credentials(
            account.app_id.as_ref(),
            account.app_secret.as_ref(),
            (SANDBOX_APP_ID, SANDBOX_APP_SECRET),
        )
    }

    /// The website application in use, as [`Config::official_account`].
    pub fn website(&self) -> Option<Credentials> {
        let account = &self.wechat.website;
        self.credentials(
            account.app_id.as_ref(),
            account.app_secret.as_ref(),
            (SANDBOX_WEBSITE_APP_ID, SANDBOX_WEBSITE_APP_SECRET),
        )
    }

    fn credentials(
        &self,
        app_id: Option<&String>,
        app_secret: Option<&SecretString>,
        sandbox: (&str, &str),
    ) -> Option<Credentials> {
        match self.wechat.mode {
            Mode::Sandbox => Some(Credentials {
                app_id: app_id.map_or(sandbox.0, String::as_str).to_owned(),
                app_secret: app_secret.cloned().unwrap_or_else(|| sandbox.1.into()),
            }),
            Mode::Live => Some(Credentials {
                app_id: app_id?.clone(),
                app_secret: app_secret?.clone(),
            }),
        }
    }

    /// The account's message push; `None` when a live one has no token, or no key for what its mode encrypts.
    pub fn message_push(&self) -> Option<MessagePush> {
        let account = &self.wechat.official_account;
        let or_sandbox = |set: &Option<SecretString>, sandbox: &str| match self.wechat.mode {
            Mode::Sandbox => Some(set.clone().unwrap_or_else(|| sandbox.into())),
            Mode::Live => set.clone(),
        };
        let push = MessagePush {
            app_id: self.official_account()?.app_id,
            token: or_sandbox(&account.token, SANDBOX_TOKEN)?,
            key: or_sandbox(&account.encoding_aes_key, SANDBOX_ENCODING_AES_KEY),
            previous_key: account.previous_encoding_aes_key.clone(),
            mode: account.message_mode,
        };
        (push.mode == MessageMode::Plain || push.key.is_some()).then_some(push)
    }

    /// Gives the apps that name no flow all that the accounts allow.
    pub(super) fn fill_flows(&mut self) {
        let all = [Flow::H5, Flow::OfficialAccount, Flow::Website];
        let allowed: Vec<Flow> = all.into_iter().filter(|flow| self.allows(*flow)).collect();
        for app in self.apps.0.values_mut().filter(|app| app.flows.is_empty()) {
            app.flows.clone_from(&allowed);
        }
    }

    /// Whether the accounts that are set allow a flow.
    pub fn allows(&self, flow: Flow) -> bool {
        match flow {
            Flow::H5 => self.official_account().is_some(),
            Flow::OfficialAccount => self.message_push().is_some(),
            Flow::Website => self.website().is_some(),
        }
    }
}

/// What opens one account at WeChat.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `wx` and 16 hex digits.
    pub app_id: String,
    /// 32 hex digits.
    pub app_secret: SecretString,
}

/// How the account's messages come, and what proves them.
#[derive(Clone, Debug)]
pub struct MessagePush {
    /// The account.
    pub app_id: String,
    /// Signs.
    pub token: SecretString,
    /// `EncodingAESKey`.
    pub key: Option<SecretString>,
    /// The one before.
    pub previous_key: Option<SecretString>,
    /// As chosen in WeChat's console.
    pub mode: MessageMode,
}

fn default_data_dir() -> PathBuf {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let user = (is_set("HOME") || is_set("XDG_DATA_HOME"))
        .then(|| Xdg::new().ok())
        .flatten();
    user.map_or_else(
        || PathBuf::from("/var/lib/scangate"),
        |places| places.data_dir().join("scangate"),
    )
}

/// Whether a URL leads to this machine only.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
