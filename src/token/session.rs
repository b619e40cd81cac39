//! Sessions: what redeeming a grant opens, and the store that keeps them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{clock::Millis, cluster::StoreError, config::AppId, user::UserId};

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
    /// When it was ended, if it was.
    pub revoked_at: Option<Millis>,
}

/// Sessions, kept for good.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Keeps a new session; one of the same id that is there already, ended or not, stays as it is. Gives the
    /// one kept.
    async fn open(&self, session: &Session) -> Result<Session, StoreError>;

    /// The session of that id, ended or not.
    async fn get(&self, id: &SessionId) -> Result<Option<Session>, StoreError>;

    /// Moves a live session from generation `from` to the next, in one step, and keeps `hash` and `now` with
    /// it; `false` when it is not at `from` any more, has ended or is unknown. Of any number of callers at
    /// once, one gets `true`.
    async fn rotate(
        &self,
        id: &SessionId,
        from: u32,
        hash: &[u8; 32],
        now: Millis,
    ) -> Result<bool, StoreError>;

    /// Ends a session; `false` when it was over or unknown.
    async fn revoke(&self, id: &SessionId, now: Millis) -> Result<bool, StoreError>;

    /// Ends all live sessions of a user and gives their ids.
    async fn revoke_all(&self, user: &UserId, now: Millis) -> Result<Vec<SessionId>, StoreError>;
}
