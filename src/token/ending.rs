//! How sessions end, and what is known of those that have.

use std::time::Duration;

use super::{
    error::TokenError,
    issuer::{Stamp, Tokens, millis, new_session},
    session::{Device, End, EndReason, Session, SessionId},
};
use crate::{clock::Millis, config::AppId, user::UserId};

/// How long sessions are remembered that are over: what an operator may still ask about.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody ended it, and it has not run out.
    Live {
        /// When it runs out unless it is refreshed.
        until: Millis,
    },
    /// It is over; one that is not known any more counts as run out.
    Over(EndReason),
}

impl Tokens {
    /// Ends a session; `false` when it was over or unknown.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn end(&self, session: &SessionId, why: EndReason) -> Result<bool, TokenError> {
        let at = self.clock.wall();
        let ended = self.sessions.end(session, End { at, why }).await?;
        if ended {
            self.announce(session, why);
        }
        Ok(ended)
    }

    /// Ends all live sessions of a user, except one where that is given; gives the names of those it ended.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn end_all(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        why: EndReason,
    ) -> Result<Vec<SessionId>, TokenError> {
        let at = self.clock.wall();
        let ended = self.sessions.end_all(user, except, End { at, why }).await?;
        self.announce_all(&ended, why);
        Ok(ended)
    }

    /// Tells of sessions that the store has ended together with something else.
    pub fn announce_all(&self, ended: &[SessionId], why: EndReason) {
        for session in ended {
            self.announce(session, why);
        }
    }

    /// Ends the live session of the app that a browser held when it opened `by`: it has no cookie of it any more. A token
    /// that is not good to refresh by ends nothing.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn replace(
        &self,
        app: &AppId,
        refresh_token: &str,
        by: &SessionId,
    ) -> Result<(), TokenError> {
        match self.read_cookie(app, refresh_token).await {
            // An opening that is answered again may come with the cookie of the first answer.
            Ok(held) if held.session_id == *by => Ok(()),
            Ok(held) => self
                .end(&held.session_id, EndReason::Replaced)
                .await
                .map(drop),
            Err(TokenError::Unauthenticated | TokenError::SessionRevoked(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Every end of a session passes here.
    fn announce(&self, session: &SessionId, why: EndReason) {
        tracing::info!(session = session.0, reason = why.name(), "a session ended");
        self.watch.ended(session, why);
    }

    /// Ends the stamp's session, whether it is open already or not: nothing can open it afterwards.
    ///
    /// For a grant that was shown with another verifier while its first redemption may still be under way.
    ///
    /// # Errors
    /// [`TokenError::Store`]; [`TokenError::Internal`].
    pub async fn burn(&self, stamp: &Stamp, user: &UserId, app: &AppId) -> Result<(), TokenError> {
        let now = self.clock.wall();
        let made = self.family(&stamp.session_id, 0)?;
        let session = new_session(stamp, user, app, &Device::default(), made.hash, now);
        self.sessions.open(&session, None).await?;
        self.end(&stamp.session_id, EndReason::GrantBurnt).await?;
        Ok(())
    }

    /// How a session stands, ended or not.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn standing(&self, id: &SessionId) -> Result<Standing, TokenError> {
        let session = self.sessions.get(id).await?;
        Ok(match session {
            Some(Session { end: Some(end), .. }) => Standing::Over(end.why),
            Some(session) if !self.over(&session, self.clock.wall()) => Standing::Live {
                until: self.runs_out_at(&session),
            },
            Some(_) | None => Standing::Over(EndReason::Expired),
        })
    }

    /// The sessions that were ended at `since` or later, by whichever process.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn ended_since(
        &self,
        since: Millis,
    ) -> Result<Vec<(SessionId, EndReason)>, TokenError> {
        Ok(self.sessions.ended_since(since).await?)
    }

    /// Forgets the sessions that were ended 30 days ago, or had run out then; gives how many.
    ///
    /// # Errors
    /// [`TokenError::Store`].
    pub async fn prune(&self) -> Result<u64, TokenError> {
        let over = self.clock.wall().saturating_sub(millis(KEPT));
        // Nobody lives longer than that, refreshed or not.
        let opened = over.saturating_sub(self.ttl);
        Ok(self.sessions.prune(over, opened).await?)
    }
}
