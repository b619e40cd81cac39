//! Stores for the tests of this module: maps under a lock, and a switch that takes them away.

use std::{
    cmp::Reverse,
    collections::HashMap,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;

use super::{End, EndReason, LISTED, Rotation, Session, SessionId, SessionStore};
use crate::{
    clock::Millis,
    cluster::StoreError,
    event::Via,
    user::{AvatarId, Identity, Known, Profile, User, UserId, UserStore},
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
    fn end_those(
        &self,
        end: End,
        which: impl Fn(&Session) -> bool,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut rows = self.rows()?;
        let live = rows.values_mut().filter(|row| row.end.is_none());
        let ended = live.filter(|row| which(row)).map(|row| {
            row.end = Some(end);
            row.id.clone()
        });
        Ok(ended.collect())
    }
}

#[async_trait]
impl SessionStore for FakeSessions {
    async fn open(&self, session: &Session, _: Option<&Via>) -> Result<Session, StoreError> {
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
        rotation: &Rotation,
    ) -> Result<bool, StoreError> {
        let mut rows = self.rows()?;
        let row = rows.get_mut(id);
        let Some(row) = row.filter(|row| row.generation == from && row.end.is_none()) else {
            return Ok(false);
        };
        row.generation += 1;
        row.refresh_hash = rotation.hash;
        row.device.ip.clone_from(&rotation.ip);
        row.rotated_at = rotation.at;
        row.last_seen_at = rotation.at;
        Ok(true)
    }

    async fn end(&self, id: &SessionId, end: End) -> Result<bool, StoreError> {
        Ok(!self.end_those(end, |row| row.id == *id)?.is_empty())
    }

    async fn end_all(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        end: End,
    ) -> Result<Vec<SessionId>, StoreError> {
        self.end_those(end, |row| row.user == *user && Some(&row.id) != except)
    }

    async fn of_user(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        let rows = self.rows()?;
        let live = rows.values().filter(|row| row.end.is_none());
        let mut found: Vec<_> = live.filter(|row| row.user == *user).cloned().collect();
        found.sort_by_key(|row| Reverse(row.last_seen_at));
        found.truncate(LISTED);
        Ok(found)
    }

    async fn ended_since(&self, since: Millis) -> Result<Vec<(SessionId, EndReason)>, StoreError> {
        let rows = self.rows()?;
        let ended = rows
            .values()
            .filter_map(|row| Some((row.id.clone(), row.end?)));
        let lately = ended.filter(|(_, end)| end.at >= since);
        Ok(lately.map(|(id, end)| (id, end.why)).collect())
    }

    async fn prune(&self, ended: Millis, opened: Millis) -> Result<u64, StoreError> {
        let mut rows = self.rows()?;
        let before = rows.len();
        rows.retain(|_, row| row.end.is_none_or(|end| end.at >= ended) && row.created_at >= opened);
        Ok((before - rows.len()) as u64)
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
    async fn find(&self, _: &str, _: &str) -> Result<Option<Known>, StoreError> {
        Ok(None)
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        Ok(id.0.starts_with('u').then(|| user(&id.0)))
    }

    async fn enrol(&self, _: &Identity, _: &Profile, _: Millis) -> Result<User, StoreError> {
        Ok(user("u"))
    }

    async fn avatar_source(&self, _: &AvatarId) -> Result<Option<String>, StoreError> {
        Ok(None)
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
