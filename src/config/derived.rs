//! What follows from the keys: places and the account in use.

use std::{env, path::PathBuf};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};

use super::{Config, Mode, SANDBOX_APP_ID, SANDBOX_APP_SECRET};

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

    /// The database: `store.url`, else `scangate.db` in the data directory.
    pub fn store_url(&self) -> SecretString {
        self.store.url.clone().unwrap_or_else(|| {
            let path = self.data_dir().join("scangate.db");
            let path = path.to_string_lossy();
            format!("sqlite://{}", utf8_percent_encode(&path, PATH)).into()
        })
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

    /// The service account in use: id and secret. In sandbox mode the sandbox's, unless set; `None` when a
    /// live one is not set.
    pub fn official_account(&self) -> Option<(String, SecretString)> {
        let account = &self.wechat.official_account;
        let (app_id, app_secret) = (account.app_id.clone(), account.app_secret.clone());
        match self.wechat.mode {
            Mode::Sandbox => Some((
                app_id.unwrap_or_else(|| SANDBOX_APP_ID.to_owned()),
                app_secret.unwrap_or_else(|| SANDBOX_APP_SECRET.into()),
            )),
            Mode::Live => app_id.zip(app_secret),
        }
    }
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
