//! `apps.<id>.*`: the front ends that may use this gateway.

use std::{borrow::Borrow, collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize, Serializer, de};
use url::Url;

/// All apps; `default` is always there.
#[derive(Clone, Debug, Deserialize)]
pub struct Apps(pub(super) BTreeMap<AppId, App>);

/// One front end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// What people call it; shown on the confirm page.
    pub name: String,
    /// Origins whose pages may open scenes and hold sessions. The default app's list also has the origin of
    /// `server.public_url`.
    #[serde(default)]
    pub origins: Vec<Origin>,
    /// The flows it may use; when none is set, all that the accounts allow.
    #[serde(default)]
    pub flows: Vec<Flow>,
    /// Where flows that leave the page may return to, compared whole.
    #[serde(default, deserialize_with = "super::values::urls")]
    pub return_urls: Vec<Url>,
    /// Lets callers without an `Origin` header in: native applications, never browsers.
    #[serde(default)]
    pub allow_missing_origin: bool,
    /// Whether the page asks before it redeems.
    #[serde(default)]
    pub confirm_in_browser: ConfirmInBrowser,
}

/// Whether the page asks before it redeems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ConfirmInBrowser {
    /// When the tab already belongs to another user.
    #[default]
    Auto,
    /// Each time.
    Always,
    /// Not at all.
    Never,
}

/// How the phone proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// The gateway's own page inside WeChat.
    H5,
    /// A parametric QR of a service account.
    OfficialAccount,
    /// WeChat's own login page for websites.
    Website,
}

/// The name of an app: `[a-z0-9_]{2,24}`.
/// Clones share it: every waiting page has one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline, extend("pattern" = "^[a-z0-9_]{2,24}$")))]
pub struct AppId(Arc<str>);

impl AppId {
    /// The app of a caller that names none.
    pub fn default_app() -> Self {
        Self("default".into())
    }

    /// `text` when it has the shape of an app's name.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (2..=24).contains(&text.len())
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        fits.then(|| Self(text.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the app of callers that name none.
    pub fn is_default(&self) -> bool {
        &*self.0 == "default"
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for AppId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AppId {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!(
                "app id {text:?}: 2 to 24 of a-z, 0-9 and _ are allowed"
            ))
        })
    }
}

/// Scheme, host and port of a page (RFC 6454), compared whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(Arc<str>);

impl Origin {
    /// The origin of an `Origin` header or a configuration key: `http` or `https`, nothing behind the port.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let origin = Self::of(&url)?;
        // The serialised form is the only one accepted: no path, no user, no default port, no capitals.
        (&*origin.0 == text).then_some(origin)
    }

    /// The origin of a URL, when it is a tuple origin of the web.
    pub fn of(url: &Url) -> Option<Self> {
        let is_web = matches!(url.scheme(), "http" | "https");
        is_web.then(|| Self(url.origin().ascii_serialization().into()))
    }

    /// Host and port, as an address bar shows them.
    pub fn host(&self) -> &str {
        self.0.split_once("://").map_or(&*self.0, |(_, host)| host)
    }

    /// As it stands in the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Origin {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            de::Error::custom(format!(
                "origin {text:?}: scheme, host and port are allowed, as in https://www.example.com"
            ))
        })
    }
}

impl Apps {
    /// The app of that name.
    pub fn get(&self, id: &AppId) -> Option<&App> {
        self.0.get(id)
    }

    /// The same with its name, which clones share.
    pub fn named(&self, id: &AppId) -> Option<(&AppId, &App)> {
        self.0.get_key_value(id)
    }

    /// All apps by name.
    pub fn iter(&self) -> impl Iterator<Item = (&AppId, &App)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_exactly_its_serialised_form() {
        for good in [
            "https://www.example.com",
            "http://127.0.0.1:8080",
            "http://[::1]:8080",
        ] {
            assert_eq!(Origin::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "null",
            "https://a.example/",
            "https://a.example:443",
            "HTTPS://a.example",
            "ftp://a",
            "*",
            "",
        ] {
            assert_eq!(Origin::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_app_id_is_short_and_plain() {
        assert!(AppId::parse("shop_2").is_some());
        for bad in ["a", "Shop", "a-b", "", "aaaaaaaaaaaaaaaaaaaaaaaaa"] {
            assert_eq!(AppId::parse(bad), None, "{bad}");
        }
    }
}
