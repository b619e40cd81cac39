//! Taking a user name.

use secrecy::SecretString;

use super::{
    Passwords, Visit,
    rules::{Proposal, fitting},
};
use crate::{
    code::Code,
    login::LoginError,
    token::{Issued, Session},
    user::{Created, User, UserId, Username},
};

impl Passwords {
    /// A user name and a password that may be taken together.
    ///
    /// # Errors
    /// 40004, 40005 or 40006 when they may not; 50300 when too many passwords are waiting.
    pub async fn propose(
        &self,
        name: &str,
        password: &SecretString,
    ) -> Result<Proposal, LoginError> {
        let name = Username::parse(name).ok_or(Code::BadUsername)?;
        let password = fitting(password, self.min_length)?;
        self.must_be_strong(&password, &name).await?;
        Ok(Proposal { name, password })
    }

    /// A new user with this account, signed in.
    ///
    /// # Errors
    /// 40902 when somebody has the name; 50300 when a store is away or too many passwords are waiting.
    pub async fn register(&self, proposal: Proposal, visit: &Visit) -> Result<Issued, LoginError> {
        let user = self.create(proposal, None).await?;
        tracing::info!(user = user.0, "a user registered with a password");
        self.open(&user, visit).await
    }

    /// Gives a signed-in user an account; the session has to be of the default app
    /// ([`Passwords::must_be_of_default_app`]) and fresh ([`Passwords::must_be_fresh`]).
    ///
    /// # Errors
    /// 40903 when they have one; else as [`Passwords::register`].
    pub async fn add(&self, session: &Session, proposal: Proposal) -> Result<User, LoginError> {
        let user = self.create(proposal, Some(&session.user)).await?;
        tracing::info!(user = user.0, "a user added a password");
        self.user(&user).await
    }

    async fn create(
        &self,
        proposal: Proposal,
        owner: Option<&UserId>,
    ) -> Result<UserId, LoginError> {
        let Proposal { name, password } = proposal;
        let hash = self.hasher.hash(password).await?;
        let now = self.parts.clock.wall();
        let accounts = &self.parts.accounts;
        match accounts.create_account(&name, &hash, owner, now).await? {
            Created::Done(user) => Ok(user),
            Created::NameTaken => Err(Code::NameTaken.into()),
            Created::HasOne => Err(Code::AccountExists.into()),
            Created::NoOwner => Err(Code::SessionRevoked.into()),
        }
    }
}
