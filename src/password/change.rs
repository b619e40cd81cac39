//! Another password for the same account.

use secrecy::SecretString;

use super::{Passwords, changed_meanwhile, rules::fitting};
use crate::{
    login::LoginError,
    token::{EndReason, Session},
    user::User,
};

impl Passwords {
    /// `POST /auth/password`: the sessions of this user elsewhere end.
    ///
    /// # Errors
    /// 40900 for a user without a password; 40005 and 40006 for a new one that will not do; for the present one as
    /// [`Passwords::sign_in`].
    pub async fn change(
        &self,
        session: &Session,
        current: &SecretString,
        new: &SecretString,
        browser: &[u8; 32],
    ) -> Result<User, LoginError> {
        let account = self.account_of(&session.user).await?;
        let new = fitting(new, self.min_length)?;
        let name = account.name.clone();
        let proved = self.prove(Some(account), name.as_str(), current, browser);
        let account = proved.await?;
        self.must_be_strong(&new, &account.name).await?;
        let hash = self.hasher.hash(new).await?;
        let (now, user) = (self.parts.clock.wall(), &session.user);
        let accounts = &self.parts.accounts;
        let replaced = accounts.replace_hash(user, &account.hash, &hash, now);
        if !replaced.await? {
            return Err(changed_meanwhile());
        }
        tracing::info!(user = user.0, "a user changed the password");
        let why = EndReason::PasswordChanged;
        let ended = self.parts.tokens.end_all(user, Some(&session.id), why);
        ended.await?;
        self.user(user).await
    }
}
