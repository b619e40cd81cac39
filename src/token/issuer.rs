//! Opening, refreshing and ending sessions.

use std::{sync::Arc, time::Duration};

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::{
    access::{Access, Caller, Parts},
    error::TokenError,
    grant::Grants,
    keys::Keys,
    refresh::{Families, Made, Shown},
    session::{Device, Session, SessionId, SessionStore, SessionWatch},
};
use crate::{
    clock::{Clock, Millis},
    config::{AppId, Config},
    event::Via,
    ids,
    user::{User, UserId, UserStore},
};

/// What redeeming a grant settles, kept in the scene's record: with it the same answer can be made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The session this opens.
    pub session_id: SessionId,
    /// Seconds since 1970.
    pub iat: u64,
    /// The access token's own name.
    pub jti: String,
    /// The key that signs it.
    pub kid: String,
}

/// What a browser gets. Holds secrets: no `Debug`.
pub struct Issued {
    /// The JWT.
    pub access_token: SecretString,
    /// How long a fresh one lives, in seconds.
    pub expires_in: u64,
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Whose session it is.
    pub user: User,
    /// For the app's cookie; `None` when the browser has it already.
    pub refresh_token: Option<SecretString>,
    /// How long the cookie is good for.
    pub refresh_max_age: Duration,
}

/// The one who issues: grants, access tokens, refresh tokens. Shared by `Arc`.
pub struct Tokens {
    keys: Keys,
    access: Access,
    grants: Grants,
    families: Families,
    pub(super) ttl: Millis,
    pub(super) idle: Millis,
    pub(super) sessions: Arc<dyn SessionStore>,
    pub(super) users: Arc<dyn UserStore>,
    pub(super) watch: Arc<dyn SessionWatch>,
    pub(super) clock: Clock,
}

impl Tokens {
    /// An issuer with these keys, stores and this clock; `watch` is told of every session that it ends.
    pub fn new(
        config: &Config,
        keys: Keys,
        sessions: Arc<dyn SessionStore>,
        users: Arc<dyn UserStore>,
        watch: Arc<dyn SessionWatch>,
        clock: Clock,
    ) -> Self {
        Self {
            access: Access::new(config, keys.clone()),
            grants: Grants::new(&keys),
            families: Families::new(&keys),
            keys,
            ttl: millis(config.token.refresh_ttl),
            idle: millis(config.token.refresh_idle),
            sessions,
            users,
            watch,
            clock,
        }
    }

    /// The public keys (RFC 7517), for `/.well-known/jwks.json`.
    pub fn jwks(&self) -> Value {
        self.keys.jwks(self.clock.wall())
    }

    /// The grant of a scene authorized at `seq`: 75 characters of base64url, the same each time.
    pub fn grant(&self, scene: &[u8; 16], seq: u64) -> String {
        self.grants.make(scene, seq)
    }

    /// The scene and the seq of a grant that was made here.
    pub fn open_grant(&self, grant: &str) -> Option<([u8; 16], u64)> {
        self.grants.open(grant)
    }

    /// A new session's fixed parts. Make one, settle it in the scene's record by one compare-and-set, then
    /// [`open_session`](Self::open_session) with the settled one, as often as the grant is shown.
    pub fn stamp(&self) -> Stamp {
        Stamp {
            session_id: SessionId(ids::row_id(self.clock.wall())),
            iat: self.clock.wall_s(),
            jti: ids::base64url(&ids::random::<16>()),
            kid: self.keys.current(self.clock.wall()),
        }
    }

    /// Opens the stamp's session, or gives the same tokens again, to the byte, until the refresh token is first
    /// rotated.
    ///
    /// # Errors
    /// [`TokenError::BadGrant`] when the session has gone on or ended, or belongs to others;
    /// [`TokenError::Store`]; [`TokenError::Internal`].
    pub async fn open_session(
        &self,
        stamp: &Stamp,
        user: &User,
        app: &AppId,
        device: &Device,
        via: &Via,
    ) -> Result<Issued, TokenError> {
        let made = self.family(&stamp.session_id, 0)?;
        let access_token = self.sign(stamp, &user.id, app)?;
        let now = self.clock.wall();
        let session = new_session(stamp, &user.id, app, device, made.hash, now);
        let kept = self.sessions.open(&session, Some(via)).await?;
        let same = kept.user == user.id && kept.app == *app;
        // Only generation 0 has this hash.
        let derived: bool = kept.refresh_hash.ct_eq(&made.hash).into();
        if !(same && derived) || kept.end.is_some() || self.over(&kept, now) {
            return Err(TokenError::BadGrant);
        }
        Ok(self.issued(access_token, made, &kept, user.clone()))
    }

    /// Whom an access token speaks for, by its signature and times alone: the session may have ended since.
    ///
    /// # Errors
    /// [`TokenError::TokenExpired`], [`TokenError::Unauthenticated`].
    pub fn authenticate(&self, bearer: &str) -> Result<Caller, TokenError> {
        self.access.verify(bearer, self.clock.wall_s())
    }

    /// The user of that id, as they are now.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn user(&self, id: &UserId) -> Result<Option<User>, TokenError> {
        Ok(self.users.get(id).await?)
    }

    /// The caller's session, when it is live.
    ///
    /// # Errors
    /// [`TokenError::Unauthenticated`], [`TokenError::SessionRevoked`], [`TokenError::Store`].
    pub async fn session_of(&self, caller: &Caller) -> Result<Session, TokenError> {
        let session = self.live(&caller.session_id, &caller.app).await?;
        if session.user == caller.user_id {
            Ok(session)
        } else {
            Err(TokenError::Unauthenticated)
        }
    }

    /// The live session that a refresh token of the app belongs to, of whatever generation: enough to end it by.
    ///
    /// # Errors
    /// [`TokenError::Unauthenticated`], [`TokenError::SessionRevoked`], [`TokenError::Store`].
    pub async fn session_of_cookie(
        &self,
        app: &AppId,
        refresh_token: &str,
    ) -> Result<Session, TokenError> {
        let shown = self.shown(refresh_token)?;
        self.live(&shown.session, app).await
    }

    /// The live sessions of a user, those seen last first; at most [`LISTED`](super::LISTED).
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<Session>, TokenError> {
        let mut sessions = self.sessions.of_user(user).await?;
        let now = self.clock.wall();
        sessions.retain(|session| !self.over(session, now));
        Ok(sessions)
    }

    /// The app's session of that name, neither ended nor run out.
    pub(super) async fn live(&self, id: &SessionId, app: &AppId) -> Result<Session, TokenError> {
        let session = self.sessions.get(id).await?;
        let session = session.filter(|session| session.app == *app);
        let session = session.ok_or(TokenError::Unauthenticated)?;
        if let Some(end) = session.end {
            return Err(TokenError::SessionRevoked(end.why));
        }
        if self.over(&session, self.clock.wall()) {
            return Err(TokenError::Unauthenticated);
        }
        Ok(session)
    }

    pub(super) fn shown(&self, refresh_token: &str) -> Result<Shown, TokenError> {
        self.families
            .read(refresh_token)
            .ok_or(TokenError::Unauthenticated)
    }

    pub(super) fn family(&self, session: &SessionId, generation: u32) -> Result<Made, TokenError> {
        let made = self.families.make(session, generation);
        made.ok_or_else(|| TokenError::Internal(format!("session {:?} is no UUID", session.0)))
    }

    pub(super) fn stamp_of(&self, session: &SessionId) -> Stamp {
        Stamp {
            session_id: session.clone(),
            ..self.stamp()
        }
    }

    pub(super) fn sign(
        &self,
        stamp: &Stamp,
        user: &UserId,
        app: &AppId,
    ) -> Result<SecretString, TokenError> {
        self.access.sign(&Parts {
            kid: &stamp.kid,
            user,
            session: &stamp.session_id,
            app,
            iat: stamp.iat,
            jti: &stamp.jti,
        })
    }

    /// When a session that is not ended runs out unless it is refreshed.
    pub(super) fn runs_out_at(&self, session: &Session) -> Millis {
        let absolute = session.created_at.saturating_add(self.ttl);
        absolute.min(session.rotated_at.saturating_add(self.idle))
    }

    pub(super) fn over(&self, session: &Session, now: Millis) -> bool {
        now >= self.runs_out_at(session)
    }

    pub(super) fn issued(
        &self,
        access_token: SecretString,
        made: Made,
        session: &Session,
        user: User,
    ) -> Issued {
        let left = self.runs_out_at(session).saturating_sub(self.clock.wall());
        Issued {
            access_token,
            expires_in: self.access.ttl_s(),
            session_id: session.id.clone(),
            user,
            refresh_token: Some(made.token),
            refresh_max_age: Duration::from_millis(left),
        }
    }
}

pub(super) fn new_session(
    stamp: &Stamp,
    user: &UserId,
    app: &AppId,
    device: &Device,
    refresh_hash: [u8; 32],
    now: Millis,
) -> Session {
    Session {
        id: stamp.session_id.clone(),
        user: user.clone(),
        app: app.clone(),
        device: device.clone(),
        generation: 0,
        rotated_at: now,
        refresh_hash,
        created_at: now,
        last_seen_at: now,
        end: None,
    }
}

pub(super) fn millis(span: Duration) -> Millis {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
