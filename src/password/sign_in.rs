//! Signing in with a user name and a password.

use secrecy::{ExposeSecret, SecretString};

use super::{Passwords, Visit, changed_meanwhile, hasher::Verdict, rules::Password};
use crate::{
    code::Code,
    login::LoginError,
    token::{EndReason, Issued},
    user::{Account, UserId, Username},
};

impl Passwords {
    /// `POST /auth/login`.
    ///
    /// # Errors
    /// 40104 for an unknown name and for a wrong password, after the same work; 42900 after too many of them; 50300
    /// when a store is away or too many passwords are waiting.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &SecretString,
        visit: &Visit,
    ) -> Result<Issued, LoginError> {
        let account = match Username::parse(name) {
            Some(name) => self.parts.accounts.account_named(&name).await?,
            None => None,
        };
        let name = name.to_ascii_lowercase();
        let account = self.prove(account, &name, password, &visit.browser).await?;
        let issued = self.open(&account.user, visit).await?;
        // A password that is changed ends the sessions there are: either it has found this one, or it is found here.
        let kept = self.parts.accounts.account_of(&account.user).await?;
        let is_same = |kept: &Account| kept.hash.expose_secret() == account.hash.expose_secret();
        if kept.as_ref().is_none_or(|kept| !is_same(kept)) {
            let why = EndReason::PasswordChanged;
            self.parts.tokens.end(&issued.session_id, why).await?;
            return Err(changed_meanwhile());
        }
        Ok(issued)
    }

    /// That it is the password of `account`, the account of that name if there is one; gives the account as it is kept
    /// from here on. Everybody takes the same way to a refusal.
    pub(super) async fn prove(
        &self,
        account: Option<Account>,
        name: &str,
        password: &SecretString,
        browser: &[u8; 32],
    ) -> Result<Account, LoginError> {
        let nobody = UserId(String::new());
        let owner = account.as_ref().map_or(&nobody, |account| &account.user);
        let is_known = self.parts.users.knows_browser(owner, browser).await?;
        let paid = self.tries.pay(name, is_known.then_some(browser))?;
        let password = Password::typed(password);
        let hash = account.as_ref().map(|account| account.hash.clone());
        let compared = self.hasher.verify(password.clone(), hash).await;
        let verdict = compared.inspect_err(|_| self.tries.give_back(&paid))?;
        match (verdict, account, password) {
            (Verdict::Right, Some(account), _) => {
                self.tries.forgive(&paid);
                Ok(account)
            }
            (Verdict::Outdated, Some(account), Some(password)) => {
                self.tries.forgive(&paid);
                self.renew(account, password).await
            }
            (_, account, _) => {
                let user = account.map(|account| account.user.0);
                tracing::info!(user, "a password was wrong");
                Err(Code::BadCredentials.into())
            }
        }
    }

    /// Hashes a right password with the parameters of today.
    async fn renew(&self, account: Account, password: Password) -> Result<Account, LoginError> {
        let hash = self.hasher.hash(password).await?;
        let now = self.parts.clock.wall();
        let accounts = &self.parts.accounts;
        let replaced = accounts.replace_hash(&account.user, &account.hash, &hash, now);
        if !replaced.await? {
            return Err(changed_meanwhile());
        }
        Ok(Account { hash, ..account })
    }
}
