//! A WeChat identity for an account that was made without one.

use super::Passwords;
use crate::{
    code::Code,
    config::AppId,
    login::LoginError,
    token::Session,
    user::{Absorbed, User, UserId},
};

impl Passwords {
    /// `POST /auth/join`: who scanned becomes one with who is signed in. `admits` tells whether the caller may speak for
    /// the grant's app. The same again, while the grant is good, gets the same.
    ///
    /// # Errors
    /// 40301 in a session of another app than the default one; 40103 in an old one; 40900 for a user without a password;
    /// 40903 when who scanned was a user before; else as [`crate::login::Login::redeem`].
    pub async fn join(
        &self,
        session: &Session,
        grant: &str,
        verifier: &str,
        admits: impl Fn(&AppId) -> bool,
    ) -> Result<User, LoginError> {
        self.must_be_of_default_app(session)?;
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
        let (from, now) = (&person.id, self.parts.clock.wall());
        match self.parts.accounts.absorb(from, into, now).await? {
            Absorbed::Done => {
                tracing::info!(
                    user = into.0,
                    from = from.0,
                    "a WeChat identity joined an account"
                );
                Ok(())
            }
            Absorbed::HasHistory => {
                tracing::warn!(
                    user = into.0,
                    from = from.0,
                    "who scanned was a user before and did not join the account; `scangate users merge` makes them one"
                );
                Err(Code::AccountExists.into())
            }
            Absorbed::Gone => Err(Code::BadGrant.into()),
        }
    }
}
