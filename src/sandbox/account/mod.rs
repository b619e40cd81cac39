//! The accounts that the sandbox plays: two of its own, and those set up besides.

mod api;

use sha2::{Digest, Sha256};
use url::Url;

pub(super) use self::api::{list, put};
use super::address;
pub(super) use crate::config::{SandboxAccount as Account, SandboxAccountKind as Kind};
use crate::{
    config::{
        self, SANDBOX_APP_ID, SANDBOX_APP_SECRET, SANDBOX_ENCODING_AES_KEY, SANDBOX_PLATFORM,
        SANDBOX_TOKEN, SANDBOX_WEBSITE_APP_ID, SANDBOX_WEBSITE_APP_SECRET,
    },
    ids,
};

/// Accounts besides the sandbox's own at most.
const MAX_ACCOUNTS: usize = 100;

const LOOPBACK_ONLY: &str =
    "only loopback hosts are allowed; sandbox.allow_private = true allows others";

/// All of them; the sandbox's own are always there.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    official: Account,
    website: Account,
    others: Vec<Account>,
    /// Whether people may be sent to private addresses.
    private: bool,
}

/// Why an account was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AccountRefused {
    #[error("{0}: {1}")]
    Key(&'static str, &'static str),
    #[error("kind: the sandbox's own accounts keep theirs")]
    Kind,
    #[error("there are {MAX_ACCOUNTS} accounts already; POST /sandbox/api/reset drops them")]
    Full,
}

impl Accounts {
    /// # Errors
    /// The first account that WeChat's console would not take.
    pub(super) fn new(config: &config::Sandbox) -> Result<Self, AccountRefused> {
        let official = Account {
            name: "scangate 沙箱 Sandbox".to_owned(),
            token: SANDBOX_TOKEN.to_owned(),
            encoding_aes_key: SANDBOX_ENCODING_AES_KEY.to_owned(),
            ..Account::new(Kind::OfficialAccount, SANDBOX_APP_ID, SANDBOX_APP_SECRET)
        };
        let website = Account {
            name: "scangate 沙箱网站 Sandbox".to_owned(),
            ..Account::new(
                Kind::Website,
                SANDBOX_WEBSITE_APP_ID,
                SANDBOX_WEBSITE_APP_SECRET,
            )
        };
        let mut accounts = Self {
            official: official.filled(),
            website: website.filled(),
            others: Vec::new(),
            private: config.allow_private,
        };
        for account in config.accounts.values() {
            accounts.put(account.clone())?;
        }
        Ok(accounts)
    }

    /// The sandbox's own official account; a user's `follower` is about it.
    pub(super) const fn official(&self) -> &Account {
        &self.official
    }

    /// The sandbox's own first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Account> {
        [&self.official, &self.website]
            .into_iter()
            .chain(&self.others)
    }

    pub(super) fn get(&self, app_id: &str) -> Option<&Account> {
        self.iter().find(|account| account.app_id == app_id)
    }

    pub(super) fn get_mut(&mut self, app_id: &str) -> Option<&mut Account> {
        [&mut self.official, &mut self.website]
            .into_iter()
            .chain(&mut self.others)
            .find(|account| account.app_id == app_id)
    }

    /// Adds an account, or changes the one of that app id.
    pub(super) fn put(&mut self, account: Account) -> Result<(), AccountRefused> {
        account
            .check()
            .map_err(|(key, allowed)| AccountRefused::Key(key, allowed))?;
        let own = [&self.official, &self.website];
        let changed = own.iter().find(|own| own.app_id == account.app_id);
        if changed.is_some_and(|own| own.kind != account.kind) {
            return Err(AccountRefused::Kind);
        }
        let known = self.get(&account.app_id);
        let is_new = known.is_none_or(|known| known.callback_url != account.callback_url);
        let callback = account.callback_url.as_ref().filter(|_| is_new);
        if callback.is_some_and(|url| !address::may_push_to(url, self.private)) {
            return Err(AccountRefused::Key("callback_url", LOOPBACK_ONLY));
        }
        let account = account.filled();
        let is_full = self.others.len() >= MAX_ACCOUNTS;
        match self.get_mut(&account.app_id) {
            Some(old) => *old = account,
            None if is_full => return Err(AccountRefused::Full),
            None => self.others.push(account),
        }
        Ok(())
    }

    /// Lets both of the sandbox's own accounts send people to `authority`.
    pub(super) fn allow_domain(&mut self, authority: &str) {
        for account in [&mut self.official, &mut self.website] {
            account.domains.push(authority.to_ascii_lowercase());
        }
    }

    /// Whether `account` may send people to `url`: to loopback, to its domains, and to private addresses where
    /// the sandbox itself may listen on one.
    pub(super) fn may_send_to(&self, account: &Account, url: &Url) -> bool {
        address::may_send_to(url, &account.domains, self.private)
    }
}

impl Account {
    /// With what follows from the rest where nothing is set.
    fn filled(mut self) -> Self {
        if self.name.is_empty() {
            self.name.clone_from(&self.app_id);
        }
        if self.original_id.is_empty() {
            let mut digits = ids::hex(&Sha256::digest(&self.app_id));
            digits.truncate(12);
            self.original_id = format!("gh_{digits}");
        }
        for domain in &mut self.domains {
            domain.make_ascii_lowercase();
        }
        self
    }

    /// Whether it may ask for `scope`.
    pub(super) fn may_ask_for(&self, scope: &str) -> bool {
        let set = self.scopes.iter().any(|allowed| allowed == scope);
        set || self.scopes.is_empty() && self.kind.scopes().contains(&scope)
    }

    /// Whether it is bound to the Open Platform account of the sandbox's own.
    pub(super) fn is_on_own_platform(&self) -> bool {
        self.platform == SANDBOX_PLATFORM
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn accounts() -> Accounts {
        Accounts::new(&config::Sandbox {
            bind: "127.0.0.1:0".parse().unwrap(),
            allow_private: false,
            accounts: BTreeMap::new(),
        })
        .unwrap()
    }

    fn account(n: usize) -> Account {
        let (app_id, secret) = (format!("wx{n:016x}"), format!("{n:032x}"));
        Account::new(Kind::OfficialAccount, &app_id, &secret)
    }

    #[test]
    fn the_sandboxs_own_are_always_there() {
        let mut accounts = accounts();
        let own = accounts.get(SANDBOX_APP_ID).unwrap().clone();
        assert_eq!(
            (own.kind, own.original_id.len()),
            (Kind::OfficialAccount, 15)
        );
        assert!(own.may_ask_for("snsapi_userinfo") && !own.may_ask_for("snsapi_login"));
        let as_website = Account {
            kind: Kind::Website,
            ..own.clone()
        };
        assert_eq!(accounts.put(as_website), Err(AccountRefused::Kind));
        let unverified = Account {
            is_verified: false,
            ..own
        };
        accounts.put(unverified).unwrap();
        assert!(!accounts.get(SANDBOX_APP_ID).unwrap().is_verified);
        assert_eq!(accounts.iter().count(), 2);
    }

    #[test]
    fn others_are_added_changed_and_bounded() {
        let mut accounts = accounts();
        for n in 0..MAX_ACCOUNTS {
            accounts.put(account(n)).unwrap();
        }
        assert_eq!(
            accounts.put(account(MAX_ACCOUNTS)),
            Err(AccountRefused::Full)
        );
        let named = Account {
            name: "Shop".to_owned(),
            ..account(0)
        };
        accounts.put(named).unwrap();
        assert_eq!(accounts.get("wx0000000000000000").unwrap().name, "Shop");
        assert_eq!(
            accounts.get("wx0000000000000001").unwrap().name,
            "wx0000000000000001"
        );
    }

    #[test]
    fn an_account_must_be_one_that_wechats_console_takes() {
        let mut accounts = accounts();
        let good = account(7);
        let text = str::to_owned;
        for (bad, key) in [
            (
                Account {
                    app_id: text("wx1"),
                    ..good.clone()
                },
                "app_id",
            ),
            (
                Account {
                    app_secret: text("0"),
                    ..good.clone()
                },
                "app_secret",
            ),
            (
                Account {
                    original_id: text("gh_1"),
                    ..good.clone()
                },
                "original_id",
            ),
            (
                Account {
                    scopes: vec![text("snsapi_login")],
                    ..good.clone()
                },
                "scopes",
            ),
            (
                Account {
                    token: text("a"),
                    ..good.clone()
                },
                "token",
            ),
            (
                Account {
                    token: text("a-b"),
                    ..good.clone()
                },
                "token",
            ),
            (
                Account {
                    message_mode: config::MessageMode::Safe,
                    ..good.clone()
                },
                "encoding_aes_key",
            ),
            (
                Account {
                    callback_url: "http://127.0.0.1/".parse().ok(),
                    ..good.clone()
                },
                "token",
            ),
        ] {
            let Err(AccountRefused::Key(refused, _)) = accounts.put(bad) else {
                panic!("{key} was taken");
            };
            assert_eq!(refused, key);
        }
        accounts.put(good).unwrap();
    }
}
