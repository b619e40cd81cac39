//! Accounts: the name and the password hash by which a person signs in without a phone.

use async_trait::async_trait;
use secrecy::SecretString;

use super::UserId;
use crate::{clock::Millis, cluster::StoreError};

/// The name that a person signs in with. Personal data: it has no `Debug`, and is never logged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

impl Username {
    /// How many characters it has.
    pub const LENGTH: std::ops::RangeInclusive<usize> = 3..=64;

    /// Small letters, digits and `._@-`; large letters count as small ones. `None` for everything else, and for what
    /// could be taken for a WeChat openid (28 characters, the first an `o`).
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.to_ascii_lowercase();
        let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'@' | b'-');
        let fits = Self::LENGTH.contains(&name.len()) && name.bytes().all(is_plain);
        (fits && !is_like_an_openid(&name)).then_some(Self(name))
    }

    /// As it is kept and compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_like_an_openid(name: &str) -> bool {
    name.len() == 28 && name.starts_with('o') && !name.contains(['.', '@'])
}

/// Whose account it is, and what proves it.
#[derive(Clone)]
pub struct Account {
    /// Its one user.
    pub user: UserId,
    /// What it is found by.
    pub name: Username,
    /// A PHC string (argon2id).
    pub hash: SecretString,
}

/// What became of a new account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It is this user's.
    Done(UserId),
    /// Somebody else signs in with that name.
    NameTaken,
    /// The user has one already.
    HasOne,
    /// There is no such user any more.
    NoOwner,
}

/// How long somebody may become another user by joining, from when they were made; a scan and its grant live no longer.
pub const NEWCOMER: Millis = 15 * 60 * 1000;

/// What became of two users who should be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absorbed {
    /// They are one, from here on or already.
    Done,
    /// The one to be absorbed is more than who scanned just now: an operator has to say that the two are one.
    HasHistory,
    /// One of them is not there, or has become one with somebody else.
    Gone,
}

/// Accounts: at most one for each user and each name.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The account of that name.
    async fn account_named(&self, name: &Username) -> Result<Option<Account>, StoreError>;

    /// The account of that user.
    async fn account_of(&self, user: &UserId) -> Result<Option<Account>, StoreError>;

    /// Keeps a new account, for `owner` or else for a user made in the same transaction. Of several at once for one
    /// name or one owner, one is [`Created::Done`].
    async fn create_account(
        &self,
        name: &Username,
        hash: &SecretString,
        owner: Option<&UserId>,
        now: Millis,
    ) -> Result<Created, StoreError>;

    /// Replaces the hash of a user's account; `false` when it is not `from` any more. Of several at once, one gets
    /// `true`.
    async fn replace_hash(
        &self,
        user: &UserId,
        from: &SecretString,
        to: &SecretString,
        now: Millis,
    ) -> Result<bool, StoreError>;

    /// Replaces the hash and ends the user's live sessions but `kept` as `password_changed`, in one transaction; gives
    /// the names of those it ended. `None`, and nothing has changed, when the hash is not `from` any more.
    async fn change_hash(
        &self,
        user: &UserId,
        from: &SecretString,
        to: &SecretString,
        kept: &str,
        now: Millis,
    ) -> Result<Option<Vec<String>>, StoreError>;

    /// Makes `from` one with `into`, in one transaction: `from`'s identities, unionids and browsers lead to `into`,
    /// whose name and picture it gives where there were none. Only for `from` who was made in the last
    /// [`NEWCOMER`] milliseconds, has no account, has absorbed nobody, and for whom no session was ever opened:
    /// nothing of theirs can change hands. Otherwise than [`Absorbed::Done`], nothing has changed.
    async fn absorb(
        &self,
        from: &UserId,
        into: &UserId,
        now: Millis,
    ) -> Result<Absorbed, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<String> {
        Username::parse(text).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn a_name_is_small_letters_digits_and_four_signs() {
        for name in ["abc", "li.xiaolong@example.com", "a_b-c", "123", "..."] {
            assert_eq!(parsed(name).as_deref(), Some(name));
        }
        assert_eq!(parsed("LiXiaolong").as_deref(), Some("lixiaolong"));
        assert_eq!(parsed(&"a".repeat(64)), Some("a".repeat(64)));
        for wrong in [
            "",
            "ab",
            " abc",
            "abc ",
            "a bc",
            "a\0bc",
            "李小龙",
            "abc🐉",
            "ſecret",
            "a/b/c",
            "a\nb",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
        assert_eq!(parsed(&"a".repeat(65)), None);
    }

    #[test]
    fn a_name_is_never_an_openid() {
        assert_eq!(parsed("oAbCdEfGhIjKlMnOpQrStUvWxYz0"), None);
        assert_eq!(parsed("o-bcdefghijklmnopqrstuvwx_z0"), None);
        for near in [
            "abcdefghijklmnopqrstuvwxyz01",
            "obcdefghijklmnopqrstuvwxyz012",
            "olga.ivanova@mail.example.ru",
        ] {
            assert_eq!(parsed(near).as_deref(), Some(near));
        }
    }
}
