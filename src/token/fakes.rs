//! Stores for the tests of this module: maps under a lock, and a switch that takes them away.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use super::{Session, SessionId, SessionStore};
use crate::{
    clock::Millis,
    cluster::StoreError,
    user::{Identity, Profile, User, UserId, UserStore},
};

#[derive(Default)]
pub(super) struct FakeSessions {
    rows: Mutex<HashMap<SessionId, Session>>,
    pub(super) away: AtomicBool,
}

type Rows<'a> = MutexGuard<'a, HashMap<SessionId, Session>>;

impl FakeSessions {
    fn rows(&self) -> Result<Rows<'_>, StoreError> {
        if self.away.load(Ordering::Relaxed) {
            return Err(StoreError {
                store: "fake",
                message: "away".to_owned(),
            });
        }
        Ok(self.rows.lock().unwrap())
    }

    /// Ends what `which` picks, and gives the names.
    fn end(
        &self,
        now: Millis,
        which: impl Fn(&Session) -> bool,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut rows = self.rows()?;
        let live = rows.values_mut().filter(|row| row.revoked_at.is_none());
        let ended = live.filter(|row| which(row)).map(|row| {
            row.revoked_at = Some(now);
            row.id.clone()
        });
        Ok(ended.collect())
    }
}

#[async_trait]
impl SessionStore for FakeSessions {
    async fn open(&self, session: &Session) -> Result<Session, StoreError> {
        let mut rows = self.rows()?;
        let row = rows.entry(session.id.clone());
        Ok(row.or_insert_with(|| session.clone()).clone())
    }

    async fn get(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        Ok(self.rows()?.get(id).cloned())
    }

    async fn rotate(
        &self,
        id: &SessionId,
        from: u32,
        hash: &[u8; 32],
        now: Millis,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let row = rows.get_mut(id);
        let Some(row) = row.filter(|row| row.generation == from && row.revoked_at.is_none()) else {
            return Ok(false);
        };
        row.generation += 1;
        row.refresh_hash = *hash;
        row.rotated_at = now;
        row.last_seen_at = now;
        Ok(true)
    }

    async fn revoke(&self, id: &SessionId, now: Millis) -> Result<bool, StoreError> {
        Ok(!self.end(now, |row| row.id == *id)?.is_empty())
    }

    async fn revoke_all(&self, user: &UserId, now: Millis) -> Result<Vec<SessionId>, StoreError> {
        self.end(now, |row| row.user == *user)
    }
}

/// Knows everybody whose name starts with `u`.
pub(super) struct FakeUsers;

pub(super) fn user(id: &str) -> User {
    User {
        id: UserId(id.to_owned()),
        name: Some("李小龙".to_owned()),
        avatar: None,
    }
}

#[async_trait]
impl UserStore for FakeUsers {
    async fn find(&self, _: &str, _: &str) -> Result<Option<User>, StoreError> {
        Ok(None)
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        Ok(id.0.starts_with('u').then(|| user(&id.0)))
    }

    async fn enrol(&self, _: &Identity, _: &Profile, _: Millis) -> Result<User, StoreError> {
        Ok(user("u"))
    }

    async fn knows_browser(&self, _: &UserId, _: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn saw_browser(&self, _: &UserId, _: &[u8; 32], _: Millis) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn the_fake_is_a_session_store() {
    let store = FakeSessions::default();
    let [one, two] = ["u1", "u2"].map(|id| UserId(id.to_owned()));
    super::conformance::sessions(&store, &one, &two).await;
}
