//! Who a person is: users, the WeChat identities that lead to them, and accounts with a password.

mod account;
#[cfg(test)]
pub(crate) mod conformance;
mod records;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

pub use self::{
    account::{Absorbed, Account, AccountStore, Created, NEWCOMER, Username},
    records::{
        Conflict, KnownBrowser, KnownIdentity, KnownSession, KnownUnionid, Record, UserRecords, Who,
    },
};
use crate::{clock::Millis, cluster::StoreError, ids};

/// A person, as this gateway knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// `sub` of every token; never changes, never reused.
    pub id: UserId,
    /// What WeChat calls them; a display value, never a key.
    pub name: Option<String>,
    /// Their picture, as the gateway serves it.
    pub avatar: Option<AvatarId>,
}

/// The name of a picture: 128 random bits, base64url. A new picture has a new name; who knows it may see the picture.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AvatarId(pub String);

impl AvatarId {
    /// The name as it stands in a URL; `None` for what cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        ids::from_base64url::<16>(text).map(|_bits| Self(text.to_owned()))
    }

    /// Where the gateway serves it.
    pub fn url(&self, public_url: &Url) -> String {
        let mut url = public_url.clone();
        url.set_path(&format!("/avatars/{}", self.0));
        url.into()
    }
}

/// The name of a user's row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserId(pub String);

/// What WeChat proved about somebody, for one of its accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The WeChat account (`wx…`) the openid belongs to.
    pub app_id: String,
    /// One person in one account.
    pub openid: String,
    /// One person in all accounts of one company, where WeChat tells.
    pub unionid: Option<String>,
}

/// Somebody who logged in before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Who they are.
    #[serde(flatten)]
    pub user: User,
    /// When WeChat told name and picture last; never for who was enrolled without.
    pub profiled_at: Option<Millis>,
}

/// What `sns/userinfo` says, cleaned. One that says nothing counts as not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// Without control characters; `None` when empty.
    pub name: Option<String>,
    /// Where WeChat keeps the picture; `https` only. Nobody but the gateway is told.
    pub avatar: Option<String>,
}

/// How many browsers of one user are remembered.
pub const BROWSERS: usize = 20;

/// Users and their identities.
///
/// Keys: unionid when there is one, else (`app_id`, `openid`); never a name (WeChat's rule: an openid differs from
/// account to account, a unionid does not). A user who was merged into another or erased is nobody here.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// The user behind an identity that logged in before.
    async fn find(&self, app_id: &str, openid: &str) -> Result<Option<Known>, StoreError>;

    /// The user of that id.
    async fn get(&self, id: &UserId) -> Result<Option<User>, StoreError>;

    /// Finds or makes the user behind `identity`, in one transaction, and refreshes the profile: what it does
    /// not say stays.
    ///
    /// A known (`app_id`, `openid`) leads to its user; else a known unionid joins this identity to that user;
    /// else a user is made. Two calls at once for the same identity, or the same unionid, give the same user.
    ///
    /// A unionid that appears later and is unknown is kept for the identity's user. One that leads to another user
    /// proves that the two are one person: where nothing else leads to the identity's user, and no other unionid, they
    /// become that other one, as [`UserRecords::merge`] does it. Else both stay, an operator is asked
    /// ([`UserRecords::conflicts`]), and the identity's user is given.
    async fn enrol(
        &self,
        identity: &Identity,
        profile: &Profile,
        now: Millis,
    ) -> Result<User, StoreError>;

    /// Where WeChat keeps the picture of that name, while it is somebody's.
    async fn avatar_source(&self, id: &AvatarId) -> Result<Option<String>, StoreError>;

    /// Whether this user logged in by the browser of that hash before, as far as it is remembered.
    async fn knows_browser(&self, id: &UserId, browser: &[u8; 32]) -> Result<bool, StoreError>;

    /// Remembers that a user has just logged in by that browser; a further one than [`BROWSERS`] drops the one not
    /// seen for longest. Nothing is kept about nobody.
    async fn saw_browser(
        &self,
        id: &UserId,
        browser: &[u8; 32],
        now: Millis,
    ) -> Result<(), StoreError>;
}
