//! Sessions: what redeeming a grant opens, and the store that keeps them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{clock::Millis, cluster::StoreError, config::AppId, event::Via, user::UserId};

/// The name of a session, a UUID; also the family of its refresh tokens. In the access token as `sid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionId(pub String);

impl SessionId {
    /// The UUID's bytes, or `None` when this is not one.
    pub(super) fn bytes(&self) -> Option<[u8; 16]> {
        Uuid::parse_str(&self.0).ok().map(Uuid::into_bytes)
    }

    /// The name of these bytes.
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes).to_string())
    }
}

/// The browser that holds a session, as its owner sees it in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// "Chrome"
    pub browser: String,
    /// "Windows"
    pub system: String,
    /// The client's address.
    pub ip: String,
}

/// One session's row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Which app it belongs to.
    pub app: AppId,
    /// Where it was opened.
    pub device: Device,
    /// How often its refresh token was rotated; the tokens are derived from it.
    pub generation: u32,
    /// When the present generation began.
    pub rotated_at: Millis,
    /// SHA-256 of the present refresh token.
    pub refresh_hash: [u8; 32],
    /// When it was opened.
    pub created_at: Millis,
    /// When it was last refreshed.
    pub last_seen_at: Millis,
    /// When and why it was ended, if it was.
    pub end: Option<End>,
}

/// How a session was ended, before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at: Millis,
    /// Why.
    pub why: EndReason,
}

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(rename = "SessionEndReason")
)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// Its owner signed out in it.
    SignedOut,
    /// Its owner ended it from the list of another session.
    SignedOutElsewhere,
    /// Its owner signed out everywhere.
    SignedOutEverywhere,
    /// Another login took its place in the browser.
    Replaced,
    /// A refresh token was shown that had been replaced: somebody has a copy.
    Reuse,
    /// The grant that opened it was shown with another verifier.
    GrantBurnt,
    /// The password of the account was changed in another session.
    PasswordChanged,
    /// Its user turned out to be another one, and became one with them.
    Merged,
    /// Its user was erased.
    Erased,
    /// Its time is over.
    Expired,
}

impl EndReason {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::SignedOut,
        Self::SignedOutElsewhere,
        Self::SignedOutEverywhere,
        Self::Replaced,
        Self::Reuse,
        Self::GrantBurnt,
        Self::PasswordChanged,
        Self::Merged,
        Self::Erased,
        Self::Expired,
    ];

    /// The word on the wire, in logs, in metrics and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::SignedOutElsewhere => "signed_out_elsewhere",
            Self::SignedOutEverywhere => "signed_out_everywhere",
            Self::Replaced => "replaced",
            Self::Reuse => "reuse",
            Self::GrantBurnt => "grant_burnt",
            Self::PasswordChanged => "password_changed",
            Self::Merged => "merged",
            Self::Erased => "erased",
            Self::Expired => "expired",
        }
    }

    /// The reason of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }
}

/// One refresh: the next generation, and where the browser was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// SHA-256 of the next refresh token.
    pub hash: [u8; 32],
    /// The client's address.
    pub ip: String,
    /// When.
    pub at: Millis,
}

/// Sessions, kept for good.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session; one of the same id that is there already, ended or not, stays as it is. That of a user who
    /// was merged or erased is kept as ended, without its device. Gives the one kept.
    ///
    /// `via` is what login events tell of its beginning; none is told of one without.
    async fn open(&self, session: &Session, via: Option<&Via>) -> Result<Session, StoreError>;

    /// The session of that id, ended or not.
    async fn get(&self, id: &SessionId) -> Result<Option<Session>, StoreError>;

    /// Moves a live session from generation `from` to the next, in one step, and keeps with it what `rotation`
    /// says; `false` when it is not at `from` any more, has ended or is unknown. Of any number of callers at once,
    /// one gets `true`.
    async fn rotate(
        &self,
        id: &SessionId,
        from: u32,
        rotation: &Rotation,
    ) -> Result<bool, StoreError>;

    /// Ends a session; `false` when it was over or unknown. The first end stays.
    async fn end(&self, id: &SessionId, end: End) -> Result<bool, StoreError>;

    /// Ends all live sessions of a user, except one where that is given, and gives the names of those it ended.
    async fn end_all(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        end: End,
    ) -> Result<Vec<SessionId>, StoreError>;

    /// The sessions of a user that were not ended, those seen last first; at most [`LISTED`].
    async fn of_user(&self, user: &UserId) -> Result<Vec<Session>, StoreError>;

    /// The sessions that were ended at `since` or later, by whichever process.
    async fn ended_since(&self, since: Millis) -> Result<Vec<(SessionId, EndReason)>, StoreError>;

    /// Forgets sessions that were ended before `ended` or opened before `opened`; gives how many.
    async fn prune(&self, ended: Millis, opened: Millis) -> Result<u64, StoreError>;
}

/// How many sessions a user is shown.
pub const LISTED: usize = 100;

/// Hears of every session that ends in this process, from the thread that ends it.
pub trait SessionWatch: Send + Sync {
    /// `session` is over. Must not block.
    fn ended(&self, session: &SessionId, why: EndReason);
}

/// For a process that has no sockets to tell.
impl SessionWatch for () {
    fn ended(&self, _: &SessionId, _: EndReason) {}
}
