//! What operators see and do about one person: look up, merge, export, erase.

use std::str::FromStr;

use async_trait::async_trait;
use serde::Serialize;

use super::UserId;
use crate::{clock::Millis, cluster::StoreError};

/// How an operator names a person. A name is no key: anybody can take any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The user's id; that of a user who was merged leads to the one they became.
    Id(UserId),
    /// `openid:<app_id>:<openid>`
    Openid {
        /// The WeChat account the openid belongs to.
        app_id: String,
        /// One person in that account.
        openid: String,
    },
    /// `unionid:<unionid>`
    Unionid(String),
}

impl FromStr for Who {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SHAPES: &str = "a user id, openid:<app_id>:<openid> or unionid:<unionid> is expected";
        let parts: Vec<&str> = text.split(':').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(SHAPES);
        }
        match parts[..] {
            [id] => Ok(Self::Id(UserId(id.to_owned()))),
            ["unionid", unionid] => Ok(Self::Unionid(unionid.to_owned())),
            ["openid", app_id, openid] => Ok(Self::Openid {
                app_id: app_id.to_owned(),
                openid: openid.to_owned(),
            }),
            _ => Err(SHAPES),
        }
    }
}

/// Everything that is kept about one person. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Record {
    /// `sub` of their tokens.
    pub id: UserId,
    /// What they sign in with, where they have a password.
    pub username: Option<String>,
    /// What WeChat calls them.
    pub name: Option<String>,
    /// Where WeChat keeps their picture.
    pub avatar: Option<String>,
    /// When they logged in for the first time.
    pub created_at: Millis,
    /// When WeChat told name and picture last.
    pub profiled_at: Option<Millis>,
    /// Ids that were theirs before a merge.
    pub merged_ids: Vec<UserId>,
    /// How they log in.
    pub identities: Vec<KnownIdentity>,
    /// What makes the identities of several accounts one person.
    pub unionids: Vec<KnownUnionid>,
    /// By which they logged in; their cookies are known by a hash alone, which says nothing.
    pub browsers: Vec<KnownBrowser>,
    /// Live ones, and ended ones that are not pruned yet.
    pub sessions: Vec<KnownSession>,
    /// Those that wait for an operator, and those that were dismissed.
    pub conflicts: Vec<Conflict>,
}

/// One way by which a person logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownIdentity {
    /// The WeChat account.
    pub app_id: String,
    /// The person there.
    pub openid: String,
    /// When it was first seen.
    pub created_at: Millis,
}

/// A unionid that leads to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownUnionid {
    /// One person in all accounts of one company.
    pub unionid: String,
    /// When it was first seen.
    pub created_at: Millis,
}

/// A browser by which a person logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownBrowser {
    /// When they last did.
    pub last_seen_at: Millis,
}

/// A session as its owner could see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KnownSession {
    /// Its name.
    pub id: String,
    /// Which app it belongs to.
    pub app: String,
    /// "Chrome"
    pub browser: String,
    /// "Windows"
    pub system: String,
    /// The client's address.
    pub ip: String,
    /// When it was opened.
    pub created_at: Millis,
    /// When it was last refreshed.
    pub last_seen_at: Millis,
    /// When it was ended, before its time.
    pub ended_at: Option<Millis>,
    /// Why: the word of `session_revoked`.
    pub end_reason: Option<String>,
}

/// WeChat says that two users are one person, and both have a unionid of their own or other identities: the login went
/// on as `user`, and an operator decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conflict {
    /// Its name.
    pub id: String,
    /// When it was first seen.
    pub at: Millis,
    /// The WeChat account of the login.
    pub app_id: String,
    /// Who logged in there: an identity of `user`.
    pub openid: String,
    /// What came with it: a unionid of `other`.
    pub unionid: String,
    /// Whom the openid leads to.
    pub user: UserId,
    /// Whom the unionid leads to.
    pub other: UserId,
}

/// Users as operators handle them.
#[async_trait]
pub trait UserRecords: Send + Sync {
    /// The live user of that name.
    async fn resolve(&self, who: &Who) -> Result<Option<UserId>, StoreError>;

    /// Everything about a live user.
    async fn export(&self, id: &UserId) -> Result<Option<Record>, StoreError>;

    /// The conflicts that wait for an operator, the oldest first.
    async fn conflicts(&self) -> Result<Vec<Conflict>, StoreError>;

    /// Makes two live users one, in one transaction: identities, unionids, browsers and the password of `from` become those of
    /// `into`, its profile fills what `into` lacks, its live sessions end as `merged`, its id stays unused. `false`
    /// when they are not two live users, or each has a password.
    async fn merge(&self, from: &UserId, into: &UserId, now: Millis) -> Result<bool, StoreError>;

    /// Says that the two of a conflict stay two; it is not raised again for them. `false` when nothing of that name
    /// waits.
    async fn dismiss(&self, conflict: &str, now: Millis) -> Result<bool, StoreError>;

    /// Erases a live user, in one transaction: live sessions end as `erased`, ended ones keep neither browser nor
    /// address, and everything else is gone but the id, which is never used again. Who logs in with the same identity
    /// afterwards is somebody new. `false` when there is no such live user.
    async fn erase(&self, id: &UserId, now: Millis) -> Result<bool, StoreError>;

    /// Takes user name and password from a user, in one transaction: all live sessions end as `password_changed`.
    /// `false` when there are none.
    async fn remove_password(&self, id: &UserId, now: Millis) -> Result<bool, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_an_id_and_never_by_a_name() {
        let openid = Who::Openid {
            app_id: "wx1".to_owned(),
            openid: "o1".to_owned(),
        };
        for (text, who) in [
            ("0199", Some(Who::Id(UserId("0199".to_owned())))),
            ("openid:wx1:o1", Some(openid)),
            ("unionid:u1", Some(Who::Unionid("u1".to_owned()))),
            ("", None),
            ("openid:o1", None),
            ("openid:wx1:", None),
            ("unionid:", None),
            ("name:李小龙", None),
        ] {
            assert_eq!(text.parse().ok(), who, "{text}");
        }
    }
}
