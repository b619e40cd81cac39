//! Another password for the same account.

use secrecy::SecretString;

use super::{Passwords, changed_meanwhile, rules::fitting};
use crate::{
    code::Code,
    login::LoginError,
    token::{EndReason, Session, SessionId},
    user::User,
};

impl Passwords {
    /// `POST /auth/password`: the sessions of this user elsewhere end.
    ///
    /// # Errors
    /// 40301 in a session of another app than the default one; 40900 for a user without a password; 40005 and
    /// 40006 for a new one that will not do; for the present one as
    /// [`Passwords::sign_in`].
    pub async fn change(
        &self,
        session: &Session,
        current: &SecretString,
        new: &SecretString,
        browser: &[u8; 32],
    ) -> Result<User, LoginError> {
        self.must_be_of_default_app(session)?;
        let account = self.account_of(&session.user).await?;
        let new = fitting(new, self.min_length)?;
        let name = account.name.clone();
        let proved = self.prove(Some(account), name.as_str(), current, browser);
        let account = proved.await?;
        self.must_be_strong(&new, &account.name).await?;
        let hash = self.hasher.hash(new).await?;
        self.replace(session, account.hash, hash).await?;
        self.user(&session.user).await
    }

    /// Goes on to its end even when the caller hangs up: whoever is signed in elsewhere hears that it is over.
    async fn replace(
        &self,
        session: &Session,
        from: SecretString,
        to: SecretString,
    ) -> Result<(), LoginError> {
        let (accounts, tokens) = (self.parts.accounts.clone(), self.parts.tokens.clone());
        let (user, kept) = (session.user.clone(), session.id.clone());
        let now = self.parts.clock.wall();
        let work = self.parts.tasks.spawn("change a password", async move {
            let changed = accounts
                .change_hash(&user, &from, &to, &kept.0, now)
                .await?;
            let ended = changed.ok_or_else(changed_meanwhile)?;
            tracing::info!(user = user.0, "a user changed the password");
            let ended: Vec<_> = ended.into_iter().map(SessionId).collect();
            tokens.announce_all(&ended, EndReason::PasswordChanged);
            Ok(())
        });
        work.await
            .unwrap_or_else(|_panicked| Err(Code::Internal.into()))
    }
}
