//! What is known of a scene.

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::state::State;
use crate::{
    clock::Millis,
    code::Locale,
    config::{AppId, Flow},
    ids::{self, TraceId},
};

/// The name of a scene: 128 random bits, 22 characters. Public: it is in the QR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SceneId(pub [u8; 16]);

impl SceneId {
    /// A new one.
    pub fn random() -> Self {
        Self(ids::random())
    }

    /// From its 22 characters.
    pub fn parse(text: &str) -> Option<Self> {
        ids::from_base64url(text).map(Self)
    }
}

impl fmt::Display for SceneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&ids::base64url(&self.0))
    }
}

impl Serialize for SceneId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        bytes::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for SceneId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        bytes::deserialize(deserializer).map(Self)
    }
}

/// What only the browser that opened the scene holds: 256 random bits. Has no `Debug`.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        Self(ids::base64url(&ids::random::<32>()))
    }

    /// What a caller says it is; any text.
    pub const fn claimed(text: String) -> Self {
        Self(text)
    }

    /// For the wire to its owner, and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the store keeps.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// Everything of `start`; a refresh opens its next scene with the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The front end.
    pub app: AppId,
    /// The flow really used.
    pub flow: Flow,
    /// The flow that was asked for: a refresh asks for it again.
    pub asked: Flow,
    /// PKCE S256 (RFC 7636): what the grant is bound to.
    #[serde(with = "bytes")]
    pub challenge: [u8; 32],
    /// The language of the page.
    pub locale: Locale,
    /// Whether the browser wants the QR drawn.
    pub svg: bool,
    /// Where a flow that leaves the page returns to.
    pub return_to: Option<Box<str>>,
    /// SHA-256 of the browser cookie.
    #[serde(with = "some_bytes")]
    pub browser_cookie: Option<[u8; 32]>,
    /// Who asks, as the confirm page shows it.
    pub asker: Asker,
    /// When the browser asked, epoch milliseconds.
    pub opened_at: Millis,
    /// Runs through browser, phone and WeChat calls.
    pub trace_id: TraceId,
}

/// The browser that wants to log in, as the person with the phone sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// "Chrome"
    pub browser: Cow<'static, str>,
    /// "Windows"
    pub system: Cow<'static, str>,
    /// Its address.
    pub ip: Box<str>,
    /// Host and port of the page it shows, by the `Origin` that the gateway has checked.
    pub host: Option<Box<str>>,
}

impl Asker {
    /// "Chrome · Windows", as far as it is recognised; else what the arguments call an unknown browser and an unknown
    /// device.
    pub fn device(&self, unknown_browser: &str, unknown_device: &str) -> String {
        let browser = Some(&*self.browser).filter(|name| *name != "Browser");
        let system = Some(&*self.system).filter(|name| *name != "Unknown");
        match (browser, system) {
            (None, None) => unknown_device.to_owned(),
            (Some(browser), None) => browser.to_owned(),
            (browser, Some(system)) => {
                format!("{} · {system}", browser.unwrap_or(unknown_browser))
            }
        }
    }
}

/// The phone that scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// Whom WeChat named, in the account of this flow.
    pub openid: String,
    /// SHA-256 of the phone cookie's random part: the one browser on the phone that may confirm. `None` while only an
    /// event has named the person.
    #[serde(with = "some_bytes")]
    pub tie: Option<[u8; 32]>,
}

/// One pending login. `seq` numbers its events; `state` is the truth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// Its name.
    pub id: SceneId,
    /// 1 when opened, one more with each event.
    pub seq: u64,
    /// Where it stands.
    pub state: State,
    /// When `state` began.
    pub at: Millis,
    /// When `state` ends; for an end, when the scene is forgotten.
    pub deadline: Millis,
    /// Who scanned, once somebody did.
    pub phone: Option<Box<Phone>>,
    /// What WeChat has ready for it, where its code is not ours: the text of the parametric code
    /// (`official_account`), or the address of WeChat's login page (`website`).
    #[serde(with = "some_text")]
    pub link: Option<Arc<str>>,
    /// SHA-256 of the secret.
    #[serde(with = "bytes")]
    pub secret_hash: [u8; 32],
    /// What it was opened with.
    #[serde(with = "shared")]
    pub opening: Arc<Opening>,
}

/// How long the states live.
#[derive(Clone, Copy, Debug)]
pub struct Lives {
    /// `pending`.
    pub pending: Duration,
    /// `pending` of the `website` flow.
    pub website: Duration,
    /// `scanned`, from the scan; confirming does not extend it.
    pub scanned: Duration,
    /// `verifying`, within what is left of `scanned`.
    pub verifying: Duration,
    /// `authorized` until redeemed, and the time in which the same redemption gets the same answer.
    pub authorized: Duration,
    /// An end, until it is forgotten.
    pub end: Duration,
}

impl Scene {
    /// A scene that begins now.
    pub fn open(
        id: SceneId,
        secret: &Secret,
        opening: Arc<Opening>,
        link: Option<Arc<str>>,
        now: Millis,
        lives: &Lives,
    ) -> Self {
        let life = if opening.flow == Flow::Website {
            lives.website
        } else {
            lives.pending
        };
        Self {
            id,
            seq: 1,
            state: State::Pending,
            at: now,
            deadline: after(now, life),
            phone: None,
            link,
            secret_hash: secret.hash(),
            opening,
        }
    }

    /// Whether `secret` is this scene's, in constant time.
    pub fn is_opened_by(&self, secret: &Secret) -> bool {
        self.secret_hash.ct_eq(&secret.hash()).into()
    }

    /// Whether the browser on the phone with this tie is the one that may confirm; no tie is nobody's.
    pub fn is_tied_to(&self, tie: Option<&[u8; 32]>) -> bool {
        let held = self.phone.as_ref().and_then(|phone| phone.tie.as_ref());
        held.zip(tie)
            .is_some_and(|(held, tie)| held.ct_eq(tie).into())
    }

    /// Whether it was opened in the browser whose cookie has this SHA-256.
    pub fn is_opened_in(&self, browser_cookie: &[u8; 32]) -> bool {
        let kept = self.opening.browser_cookie.as_ref();
        kept.is_some_and(|kept| kept.ct_eq(browser_cookie).into())
    }

    /// Whether this person scanned it.
    pub fn is_openid(&self, openid: &str) -> bool {
        self.phone
            .as_ref()
            .is_some_and(|phone| phone.openid == openid)
    }

    /// Whether its grant was redeemed.
    pub const fn is_redeemed(&self) -> bool {
        matches!(
            self.state,
            State::Authorized {
                redeemed: Some(_),
                ..
            }
        )
    }

    /// Whether it may be forgotten.
    pub const fn is_forgotten_at(&self, now: Millis) -> bool {
        !self.state.is_live() && now >= self.deadline
    }
}

/// `life` after `now`.
pub(super) fn after(now: Millis, life: Duration) -> Millis {
    now.saturating_add(u64::try_from(life.as_millis()).unwrap_or(u64::MAX))
}

/// Bytes as base64url, in a record that a store keeps.
mod bytes {
    use super::*;

    pub(super) fn serialize<const N: usize, S: Serializer>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&ids::base64url(bytes))
    }

    pub(super) fn deserialize<'de, const N: usize, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        ids::from_base64url(&text).ok_or_else(|| D::Error::custom("not bytes in base64url"))
    }
}

/// The same where there may be none.
mod some_bytes {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        bytes: &Option<[u8; 32]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        bytes
            .map(|bytes| ids::base64url(&bytes))
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[u8; 32]>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let bytes = text.map(|text| ids::from_base64url(&text).ok_or(text));
        let bytes = bytes.transpose();
        bytes.map_err(|_text| D::Error::custom("not bytes in base64url"))
    }
}

/// What several scenes may share is kept with each.
mod shared {
    use super::*;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        shared: &Arc<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        shared.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<T>, D::Error> {
        T::deserialize(deserializer).map(Arc::new)
    }
}

mod some_text {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        text: &Option<Arc<str>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        text.as_deref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Arc<str>>, D::Error> {
        Ok(Option::<String>::deserialize(deserializer)?.map(Arc::from))
    }
}
