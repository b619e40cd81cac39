//! Rotation of refresh tokens, and what happens to a session of which somebody shows an old one
//! (RFC 9700 section 4.14.2).

use std::time::Duration;

use subtle::ConstantTimeEq;

use super::{
    access::Caller,
    error::TokenError,
    issuer::{Issued, Tokens, millis},
    refresh::{Made, Shown},
    session::{EndReason, Rotation, Session},
};
use crate::{clock::Millis, config::AppId};

/// How long the generation just rotated out still gives its successor: two tabs that raced, or an answer that
/// was lost. No further one begins in that time: else a request that is under way would find its token two
/// generations old, which is theft.
const REUSE_GRACE: Duration = Duration::from_secs(10);

/// What a genuine refresh token calls for.
#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// It is the present one: on to the next.
    Rotate,
    /// It is the present one, and new; or it was the present one a moment ago: the present one again.
    Repeat,
    /// Somebody has a copy.
    Theft,
}

impl Tokens {
    /// A new access token and the next refresh token, for the present one; within 10 s of that, both of them give the
    /// same refresh token. Any other token of the session means that somebody has a copy: the session ends.
    /// `ip` is where the browser is now.
    ///
    /// # Errors
    /// [`TokenError::Unauthenticated`] for what is no refresh token of this app or has run out,
    /// [`TokenError::SessionRevoked`], [`TokenError::Store`], [`TokenError::Internal`].
    pub async fn refresh(
        &self,
        app: &AppId,
        refresh_token: &str,
        ip: String,
    ) -> Result<Issued, TokenError> {
        let shown = self.shown(refresh_token)?;
        let session = self.live(&shown.session, app).await?;
        let user = self.users.get(&session.user).await?;
        let user = user.ok_or(TokenError::Unauthenticated)?;
        let (session, made) = match turn(&shown, &session, self.clock.wall()) {
            Turn::Rotate => self.rotate(&shown, session, ip).await?,
            Turn::Repeat => self.repeat(session)?,
            Turn::Theft => return Err(self.theft(&shown).await),
        };
        let access_token = self.sign(&self.stamp_of(&session.id), &user.id, app)?;
        let mut issued = self.issued(access_token, made, &session, user);
        if session.generation == shown.generation {
            // Said again it could arrive late, and put this token in the place of its successor.
            issued.refresh_token = None;
        }
        Ok(issued)
    }

    /// Whether a refresh token was made here, of whatever session and generation; asks no store.
    pub fn is_genuine(&self, refresh_token: &str) -> bool {
        self.shown(refresh_token).is_ok()
    }

    /// Whom a refresh token speaks for, without rotating it. Good are those that [`Self::refresh`] would answer; an
    /// older one is refused and no sign of theft, for whoever asks here may only be late.
    ///
    /// # Errors
    /// [`TokenError::Unauthenticated`], [`TokenError::SessionRevoked`], [`TokenError::Store`].
    pub async fn read_cookie(
        &self,
        app: &AppId,
        refresh_token: &str,
    ) -> Result<Caller, TokenError> {
        let shown = self.shown(refresh_token)?;
        let session = self.live(&shown.session, app).await?;
        let kept: bool = shown.hash.ct_eq(&session.refresh_hash).into();
        match turn(&shown, &session, self.clock.wall()) {
            Turn::Rotate if kept => {}
            Turn::Repeat => {}
            Turn::Rotate | Turn::Theft => return Err(TokenError::Unauthenticated),
        }
        Ok(Caller {
            user_id: session.user,
            session_id: session.id,
            app: session.app,
        })
    }

    /// Moves the session on to the next generation, or finds that another request just did.
    async fn rotate(
        &self,
        shown: &Shown,
        mut session: Session,
        ip: String,
    ) -> Result<(Session, Made), TokenError> {
        let kept: bool = shown.hash.ct_eq(&session.refresh_hash).into();
        let next = session.generation.checked_add(1).filter(|_| kept);
        let next = next.ok_or(TokenError::Unauthenticated)?;
        let made = self.family(&session.id, next)?;
        let (hash, at) = (made.hash, self.clock.wall());
        let rotation = Rotation { hash, ip, at };
        let first = self
            .sessions
            .rotate(&session.id, shown.generation, &rotation)
            .await?;
        if first {
            (session.generation, session.rotated_at) = (next, at);
            return Ok((session, made));
        }
        let session = self.live(&session.id, &session.app).await?;
        match turn(shown, &session, self.clock.wall()) {
            Turn::Repeat => self.repeat(session),
            Turn::Theft => Err(self.theft(shown).await),
            Turn::Rotate => Err(TokenError::Internal("a live session did not rotate".into())),
        }
    }

    /// The present generation's token again.
    fn repeat(&self, session: Session) -> Result<(Session, Made), TokenError> {
        let made = self.family(&session.id, session.generation)?;
        let kept: bool = made.hash.ct_eq(&session.refresh_hash).into();
        if kept {
            Ok((session, made))
        } else {
            Err(TokenError::Unauthenticated)
        }
    }

    /// Ends a session of which an old token was shown.
    async fn theft(&self, shown: &Shown) -> TokenError {
        tracing::warn!(
            session = shown.session.0,
            generation = shown.generation,
            "an old refresh token was shown: the session ends"
        );
        match self.end(&shown.session, EndReason::Reuse).await {
            Ok(_) => TokenError::SessionRevoked(EndReason::Reuse),
            Err(error) => error,
        }
    }
}

/// What a genuine token calls for in a live session.
fn turn(shown: &Shown, session: &Session, now: Millis) -> Turn {
    let age = now.saturating_sub(session.rotated_at);
    let is_new = age <= millis(REUSE_GRACE);
    match session.generation.checked_sub(shown.generation) {
        Some(0) if is_new && session.generation > 0 => Turn::Repeat,
        Some(0) => Turn::Rotate,
        Some(1) if is_new => Turn::Repeat,
        _ => Turn::Theft,
    }
}
