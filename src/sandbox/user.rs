//! The people in the sandbox, and who they are to an app.

use std::collections::HashSet;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::account::Account;
use crate::{config::SANDBOX_APP_ID, ids};

/// Users at most.
pub(super) const MAX_USERS: usize = 1000;
/// The name of a snapshot account, whoever is behind it.
pub(super) const SNAPSHOT_NAME: &str = "微信用户";

/// One person with a simulated phone.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    /// `[a-z0-9_-]{1,32}`; the value of the cookie `sandbox_user`.
    pub(super) id: String,
    pub(super) name: String,
    /// A picture elsewhere; without it the sandbox draws one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) avatar: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) unionid: Option<String>,
    /// Follows the sandbox's own official account.
    #[serde(default)]
    pub(super) follower: bool,
    /// Browses by WeChat's snapshot pages: apps see a virtual account.
    #[serde(default)]
    pub(super) snapshot: bool,
    /// What `userinfo` sends for the name, byte for byte: WeChat does not clean nicknames.
    #[serde(skip)]
    pub(super) raw_nickname: Option<&'static [u8]>,
}

/// Who a user is to one app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) openid: String,
    pub(super) unionid: Option<String>,
    pub(super) snapshot: bool,
}

/// Everybody, in order; never empty.
#[derive(Debug)]
pub(super) struct Users {
    first: User,
    others: Vec<User>,
    /// Who follows which account besides the sandbox's own: appid and user id.
    follows: HashSet<(String, String)>,
}

/// Why a user was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum UserRefused {
    #[error("id: 1 to 32 of a-z, 0-9, _ and - are allowed")]
    Id,
    #[error("name: 1 to 64 characters are allowed")]
    Name,
    #[error("avatar: an http or https URL of at most 512 bytes is allowed")]
    Avatar,
    #[error("unionid: 1 to 64 of a-z, A-Z, 0-9, _ and - are allowed")]
    Unionid,
    #[error("there is a user of that id already")]
    Taken,
    #[error("there are {MAX_USERS} users already; POST /sandbox/api/reset drops them")]
    Full,
}

impl User {
    /// Who this is to `account`: always the same, also after a restart, so that a gateway's users stay known.
    pub(super) fn identity(&self, account: &Account) -> Identity {
        let app_id = &account.app_id;
        if self.snapshot {
            return Identity {
                openid: derive(&["snapshot openid", app_id, &self.id]),
                unionid: Some(derive(&["snapshot unionid", app_id, &self.id])),
                snapshot: true,
            };
        }
        Identity {
            openid: self.openid(app_id),
            unionid: self.unionid_on(account),
            snapshot: false,
        }
    }

    /// The unionid is the same in all accounts of one Open Platform account, and another one elsewhere.
    pub(super) fn unionid_on(&self, account: &Account) -> Option<String> {
        let unionid = self.unionid.as_deref()?;
        if account.is_on_own_platform() {
            return Some(unionid.to_owned());
        }
        let platform = account.platform.as_str();
        (!platform.is_empty()).then(|| derive(&["unionid", platform, unionid]))
    }

    /// The openid in messages: the real one, since snapshots are of web pages only.
    pub(super) fn openid(&self, app_id: &str) -> String {
        derive(&["openid", app_id, &self.id])
    }

    fn check(&self) -> Result<(), UserRefused> {
        let fits = |text: &str, max: usize| {
            (1..=max).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        if !fits(&self.id, 32) || self.id.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(UserRefused::Id);
        }
        if !(1..=64).contains(&self.name.chars().count()) {
            return Err(UserRefused::Name);
        }
        let picture = |text: &str| {
            text.len() <= 512
                && url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        if self.avatar.as_deref().is_some_and(|text| !picture(text)) {
            return Err(UserRefused::Avatar);
        }
        if self.unionid.as_deref().is_some_and(|text| !fits(text, 64)) {
            return Err(UserRefused::Unionid);
        }
        Ok(())
    }
}

impl Users {
    /// The people a stranger finds: with and without a unionid, an accent, a name no parser likes, and a
    /// snapshot account.
    pub(super) fn seeded() -> Self {
        let user = |id: &str, name: &str| User {
            id: id.to_owned(),
            name: name.to_owned(),
            avatar: None,
            unionid: Some(derive(&["unionid", id])),
            follower: false,
            snapshot: false,
            raw_nickname: None,
        };
        Self {
            first: User {
                follower: true,
                ..user("lixiaolong", "李小龙")
            },
            others: vec![
                User {
                    unionid: None,
                    ..user("wangfang", "王芳")
                },
                user("zoe", "Zoë Example"),
                User {
                    // A bell, a unicorn, a lone 0xFF and a two-byte character cut in half.
                    raw_nickname: Some(b"\xe4\xb9\xb1\x07\xf0\x9f\xa6\x84\xff Dirty\x1f\xc3"),
                    ..user("dirty", "乱🦄 Dirty")
                },
                User {
                    unionid: None,
                    snapshot: true,
                    ..user("snapshot", "赵敏")
                },
            ],
            follows: HashSet::new(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &User> {
        std::iter::once(&self.first).chain(&self.others)
    }

    pub(super) fn get(&self, id: &str) -> Option<&User> {
        self.iter().find(|user| user.id == id)
    }

    /// The user of that id, else the first one: a phone always belongs to somebody.
    pub(super) fn get_or_first(&self, id: Option<&str>) -> &User {
        id.and_then(|id| self.get(id)).unwrap_or(&self.first)
    }

    /// Whether the user follows that official account.
    pub(super) fn follows(&self, user_id: &str, app_id: &str) -> bool {
        if app_id == SANDBOX_APP_ID {
            return self.get(user_id).is_some_and(|user| user.follower);
        }
        let key = (app_id.to_owned(), user_id.to_owned());
        self.follows.contains(&key)
    }

    /// Makes the user follow that official account, or leave it.
    pub(super) fn set_follows(&mut self, user_id: &str, app_id: &str, follows: bool) {
        let mut users = std::iter::once(&mut self.first).chain(&mut self.others);
        let Some(user) = users.find(|user| user.id == user_id) else {
            return;
        };
        let key = (app_id.to_owned(), user_id.to_owned());
        if app_id == SANDBOX_APP_ID {
            user.follower = follows;
        } else if follows {
            self.follows.insert(key);
        } else {
            self.follows.remove(&key);
        }
    }

    pub(super) fn add(&mut self, user: User) -> Result<(), UserRefused> {
        user.check()?;
        if self.get(&user.id).is_some() {
            return Err(UserRefused::Taken);
        }
        if self.others.len() + 1 >= MAX_USERS {
            return Err(UserRefused::Full);
        }
        self.others.push(user);
        Ok(())
    }
}

/// `o` and 27 characters of base64url, the shape of WeChat's openids.
fn derive(parts: &[&str]) -> String {
    // No secret: whoever reads this file may know the sandbox's openids.
    let mut mac = Hmac::<Sha256>::new(&[0x5c; 64].into());
    for part in parts {
        mac.update(part.as_bytes());
        mac.update(b"\n");
    }
    let mut id = ids::base64url(&mac.finalize().into_bytes());
    id.truncate(27);
    format!("o{id}")
}

#[cfg(test)]
mod tests {
    use super::{super::account::Kind, *};

    fn account(app_id: &str, platform: &str) -> Account {
        Account {
            platform: platform.to_owned(),
            ..Account::new(Kind::OfficialAccount, app_id, "")
        }
    }

    #[test]
    fn openids_are_stable_and_differ_by_account_and_user() {
        let users = Users::seeded();
        let [first, second] = ["lixiaolong", "wangfang"].map(|id| users.get(id).unwrap());
        let own = account("wx0000000000000001", "sandbox");
        let here = first.identity(&own);
        assert_eq!(here, first.identity(&own));
        assert_eq!(here.openid.len(), 28);
        assert!(here.openid.starts_with('o'));
        assert_ne!(here.openid, second.identity(&own).openid);
        assert_eq!(second.identity(&own).unionid, None);
        let there = first.identity(&account("wx0000000000000002", "sandbox"));
        assert_ne!(here.openid, there.openid);
        assert_eq!(here.unionid, there.unionid);
    }

    #[test]
    fn a_unionid_belongs_to_one_open_platform_account() {
        let users = Users::seeded();
        let user = users.get("zoe").unwrap();
        let on = |platform| {
            user.identity(&account("wx0000000000000001", platform))
                .unionid
        };
        assert_eq!(on("sandbox"), user.unionid);
        assert!(on("other").is_some_and(|id| id.len() == 28));
        assert_ne!(on("other"), on("sandbox"));
        assert_eq!(on(""), None, "bound to none");
    }

    #[test]
    fn a_snapshot_account_is_virtual_to_each_app() {
        let users = Users::seeded();
        let user = users.get("snapshot").unwrap();
        let [a, b] = ["a", "b"].map(|app_id| account(app_id, "sandbox"));
        let (here, there) = (user.identity(&a), user.identity(&b));
        assert!(here.snapshot);
        assert!(here.unionid.is_some() && here.unionid != there.unionid);
        let plain = User {
            snapshot: false,
            ..user.clone()
        };
        assert_ne!(plain.identity(&a).openid, here.openid);
    }

    #[test]
    fn one_account_is_followed_and_not_another() {
        let mut users = Users::seeded();
        let other = "wx0000000000000002";
        for app_id in [SANDBOX_APP_ID, other] {
            users.set_follows("zoe", app_id, true);
            assert!(users.follows("zoe", app_id));
        }
        users.set_follows("zoe", SANDBOX_APP_ID, false);
        assert!(users.follows("zoe", other) && !users.get("zoe").unwrap().follower);
        users.set_follows("zoe", other, false);
        assert!(!users.follows("zoe", other) && !users.follows("wangfang", other));
        users.set_follows("nobody", other, true);
        assert!(!users.follows("nobody", other));
    }

    #[test]
    fn a_new_user_must_fit() {
        let mut users = Users::seeded();
        let user = |json: &str| serde_json::from_str::<User>(json).unwrap();
        assert_eq!(users.add(user(r#"{"id":"amy","name":"Amy"}"#)), Ok(()));
        for (json, why) in [
            (r#"{"id":"amy","name":"Amy"}"#, UserRefused::Taken),
            (r#"{"id":"Amy","name":"Amy"}"#, UserRefused::Id),
            (r#"{"id":"a/b","name":"Amy"}"#, UserRefused::Id),
            (r#"{"id":"b","name":""}"#, UserRefused::Name),
            (
                r#"{"id":"b","name":"B","avatar":"javascript:1"}"#,
                UserRefused::Avatar,
            ),
            (
                r#"{"id":"b","name":"B","unionid":"a b"}"#,
                UserRefused::Unionid,
            ),
        ] {
            assert_eq!(users.add(user(json)), Err(why), "{json}");
        }
        for n in users.iter().count()..MAX_USERS {
            users
                .add(user(&format!(r#"{{"id":"u{n}","name":"U"}}"#)))
                .unwrap();
        }
        assert_eq!(
            users.add(user(r#"{"id":"z","name":"Z"}"#)),
            Err(UserRefused::Full)
        );
    }
}
