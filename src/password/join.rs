//! A WeChat identity for an account that was made without one.

use super::Passwords;
use crate::{
    code::Code,
    config::AppId,
    login::LoginError,
    token::{EndReason, Session},
    user::{Absorbed, User, UserId},
};

impl Passwords {
    /// `POST /auth/join`: who scanned becomes one with who is signed in. `admits` tells whether the caller may speak for
    /// the grant's app. The same again, while the grant is good, gets the same.
    ///
    /// # Errors
    /// 40103 in an old session; 40900 for a user without a password; 40903 when who scanned has an account of their own;
    /// else as [`crate::login::Login::redeem`].
    pub async fn join(
        &self,
        session: &Session,
        grant: &str,
        verifier: &str,
        admits: impl Fn(&AppId) -> bool,
    ) -> Result<User, LoginError> {
        self.must_be_fresh(session)?;
        let user = self.account_of(&session.user).await?.user;
        let of_this_app = |app: &AppId| *app == session.app && admits(app);
        let claimed = self.parts.login.claim(grant, verifier, &user, of_this_app);
        let person = claimed.await?;
        if person.id != user {
            self.absorb(&person, &session.user).await?;
        }
        self.user(&user).await
    }

    async fn absorb(&self, person: &User, into: &UserId) -> Result<(), LoginError> {
        let accounts = &self.parts.accounts;
        if accounts.account_of(&person.id).await?.is_some() {
            return Err(Code::AccountExists.into());
        }
        // Before the rows move, so that every tab hears of it.
        let tokens = &self.parts.tokens;
        tokens.end_all(&person.id, None, EndReason::Merged).await?;
        let now = self.parts.clock.wall();
        match accounts.absorb(&person.id, into, now).await? {
            Absorbed::Done => {
                tracing::info!(
                    user = into.0,
                    from = person.id.0,
                    "a WeChat identity joined an account"
                );
                Ok(())
            }
            Absorbed::HasAccount => Err(Code::AccountExists.into()),
            Absorbed::Gone => Err(Code::BadGrant.into()),
        }
    }
}
