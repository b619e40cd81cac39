//! Accounts with a password: the other way to sign in, for people without WeChat at hand.
//!
//! | step | file |
//! |---|---|
//! | somebody takes a user name, or a signed-in user adds one | `register.rs`, `rules.rs` |
//! | they sign in | `sign_in.rs`, `tries.rs` |
//! | they become one with who scanned | `join.rs` |
//! | they change the password | `change.rs` |
//!
//! Every password is hashed or compared in `hasher.rs`. Whoever is nobody costs what somebody costs: what a caller is told,
//! how often it may ask and how much work is done do not depend on whether a user name exists. Only registering tells,
//! because it must.

mod change;
mod hasher;
mod join;
mod register;
mod rules;
mod sign_in;
mod tries;

use std::{sync::Arc, time::Duration};

use governor::clock::DefaultClock;

pub use self::rules::{MAX_PASSWORD, Proposal};
use self::{hasher::Hasher, rules::Password, tries::Tries};
use crate::{
    clock::{Clock, Millis},
    code::Code,
    config::{self, AppId},
    event::Via,
    login::{Login, LoginError},
    tasks::Tasks,
    telemetry::Metrics,
    token::{Device, Issued, Session, Tokens},
    user::{Account, AccountStore, User, UserId, UserStore, Username},
};

/// How old a session may be for what changes who gets in: adding a password, joining a WeChat identity.
const FRESH: Millis = 10 * 60 * 1000;

/// What a caller is asked to wait when an account changed while it was used.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What accounts are told with.
pub struct Parts {
    /// Accounts.
    pub accounts: Arc<dyn AccountStore>,
    /// Users.
    pub users: Arc<dyn UserStore>,
    /// Token issuance.
    pub tokens: Arc<Tokens>,
    /// Redeems the grants of scans.
    pub login: Login,
    /// Time.
    pub clock: Clock,
    /// Where passwords are hashed.
    pub tasks: Tasks,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// The accounts with a password of this node.
pub struct Passwords {
    parts: Parts,
    min_length: usize,
    hasher: Hasher,
    tries: Tries,
}

/// Where somebody signs in from.
pub struct Visit {
    /// The app of the session.
    pub app: AppId,
    /// As its owner will see it in a list.
    pub device: Device,
    /// The hash of the browser cookie.
    pub browser: [u8; 32],
}

impl Passwords {
    /// With the configured numbers; nobody has tried anything yet.
    ///
    /// # Errors
    /// Never in practice: the parameters of the hash are constants.
    pub fn new(
        accounts: config::Accounts,
        limits: &config::Limits,
        parts: Parts,
    ) -> anyhow::Result<Self> {
        let allowance = limits.login_tries_per_account_per_15min;
        let hasher = Hasher::new(parts.tasks.clone(), parts.metrics.clone());
        Ok(Self {
            min_length: accounts.min_password_length,
            hasher: hasher.map_err(anyhow::Error::msg)?,
            tries: Tries::new(allowance, DefaultClock::default()),
            parts,
        })
    }

    /// Forgets names that nobody has tried lately. To be called on a timer, each minute or so.
    pub fn retain_recent(&self) {
        self.tries.retain_recent();
    }

    /// Refuses a session of another app than the default one: an account signs its user in everywhere, and no single
    /// app may give itself that.
    ///
    /// # Errors
    /// 40301.
    pub fn must_be_of_default_app(&self, session: &Session) -> Result<(), LoginError> {
        if session.app.is_default() {
            Ok(())
        } else {
            Err(Code::RefusedByPolicy.into())
        }
    }

    /// Refuses a session that was opened too long ago: whoever finds a computer unlocked is not its owner for good.
    ///
    /// # Errors
    /// 40103.
    pub fn must_be_fresh(&self, session: &Session) -> Result<(), LoginError> {
        let age = self.parts.clock.wall().saturating_sub(session.created_at);
        if age <= FRESH {
            Ok(())
        } else {
            Err(Code::LoginTooOld.into())
        }
    }

    /// The account of a signed-in user, which this call needs.
    async fn account_of(&self, user: &UserId) -> Result<Account, LoginError> {
        let account = self.parts.accounts.account_of(user).await?;
        Ok(account.ok_or(Code::StateConflict)?)
    }

    async fn user(&self, id: &UserId) -> Result<User, LoginError> {
        let user = self.parts.users.get(id).await?;
        Ok(user.ok_or(Code::Unauthenticated)?)
    }

    async fn must_be_strong(&self, password: &Password, name: &Username) -> Result<(), LoginError> {
        if self.hasher.is_weak(password.clone(), name.clone()).await? {
            return Err(Code::WeakPassword.into());
        }
        Ok(())
    }

    /// A session, and a browser that is known from here on.
    async fn open(&self, user: &UserId, visit: &Visit) -> Result<Issued, LoginError> {
        let user = self.user(user).await?;
        let (users, tokens) = (&self.parts.users, &self.parts.tokens);
        let now = self.parts.clock.wall();
        let seen = users.saw_browser(&user.id, &visit.browser, now).await;
        if let Err(error) = seen {
            tracing::error!(%error, user = user.id.0, "the browser of a login could not be remembered");
        }
        let stamp = tokens.stamp();
        let opened = tokens.open_session(&stamp, &user, &visit.app, &visit.device, &Via::Password);
        Ok(opened.await?)
    }
}

/// The account changed between two looks at it; the next try finds it as it is.
const fn changed_meanwhile() -> LoginError {
    LoginError {
        code: Code::Overloaded,
        retry_after: Some(RETRY_AFTER),
    }
}
