//! The people in the sandbox, and who they are to an app.

mod api;
mod avatar;

use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

pub(super) use self::{
    api::{add, list},
    avatar::serve as serve_avatar,
};
use super::{account::Account, ticket::Scene};
use crate::{config::SANDBOX_APP_ID, ids};

/// Users at most.
pub(super) const MAX_USERS: usize = 1000;
/// Characters of an openid.
pub(super) const OPENID: usize = 28;
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
    /// Follows the sandbox's own official account from the start; as the API shows it, at present.
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
    /// Who follows which account: appid and user id; at most as many as users times accounts.
    follows: HashMap<(String, String), Follow>,
}

/// How somebody came to follow an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Follow {
    /// Epoch seconds.
    pub(super) since: u64,
    /// What the code said that he followed by.
    pub(super) by: Option<Scene>,
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
    /// snapshot account. `now` is in epoch seconds.
    pub(super) fn seeded(now: u64) -> Self {
        let user = |id: &str, name: &str| User {
            id: id.to_owned(),
            name: name.to_owned(),
            avatar: None,
            unionid: Some(derive(&["unionid", id])),
            follower: false,
            snapshot: false,
            raw_nickname: None,
        };
        let first = User {
            follower: true,
            ..user("lixiaolong", "李小龙")
        };
        let follows = HashMap::from([first_follow(&first.id, now)]);
        Self {
            first,
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
            follows,
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
        self.follow_of(user_id, app_id).is_some()
    }

    /// Since when, and how the user came to it.
    pub(super) fn follow_of(&self, user_id: &str, app_id: &str) -> Option<&Follow> {
        let key = (app_id.to_owned(), user_id.to_owned());
        self.follows.get(&key)
    }

    /// Makes the user follow that official account.
    pub(super) fn follow(&mut self, user_id: &str, app_id: &str, follow: Follow) {
        if self.get(user_id).is_some() {
            let key = (app_id.to_owned(), user_id.to_owned());
            self.follows.insert(key, follow);
        }
    }

    /// Makes the user leave that official account.
    pub(super) fn unfollow(&mut self, user_id: &str, app_id: &str) {
        let key = (app_id.to_owned(), user_id.to_owned());
        self.follows.remove(&key);
    }

    /// `now` is in epoch seconds.
    pub(super) fn add(&mut self, user: User, now: u64) -> Result<(), UserRefused> {
        user.check()?;
        if self.get(&user.id).is_some() {
            return Err(UserRefused::Taken);
        }
        if self.others.len() + 1 >= MAX_USERS {
            return Err(UserRefused::Full);
        }
        if user.follower {
            self.follows.extend([first_follow(&user.id, now)]);
        }
        self.others.push(user);
        Ok(())
    }
}

/// Who follows the sandbox's own account from the start has searched for it.
fn first_follow(user_id: &str, since: u64) -> ((String, String), Follow) {
    let key = (SANDBOX_APP_ID.to_owned(), user_id.to_owned());
    (key, Follow { since, by: None })
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
    id.truncate(OPENID - 1);
    format!("o{id}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::account::Kind;

    fn account(app_id: &str, platform: &str) -> Account {
        Account {
            platform: platform.to_owned(),
            ..Account::new(Kind::OfficialAccount, app_id, "")
        }
    }

    #[test]
    fn openids_are_stable_and_differ_by_account_and_user() {
        let users = Users::seeded(0);
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
        let users = Users::seeded(0);
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
        let users = Users::seeded(0);
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
        let mut users = Users::seeded(7);
        let other = "wx0000000000000002";
        let follow = |since| Follow {
            since,
            by: Some(Scene::Number(1)),
        };
        let first = users.follow_of("lixiaolong", SANDBOX_APP_ID).unwrap();
        assert_eq!((first.since, &first.by), (7, &None));
        for app_id in [SANDBOX_APP_ID, other] {
            users.follow("zoe", app_id, follow(8));
            assert_eq!(users.follow_of("zoe", app_id), Some(&follow(8)));
        }
        users.unfollow("zoe", SANDBOX_APP_ID);
        assert!(users.follows("zoe", other) && !users.follows("zoe", SANDBOX_APP_ID));
        users.unfollow("zoe", other);
        assert!(!users.follows("zoe", other) && !users.follows("wangfang", other));
        users.follow("nobody", other, follow(9));
        assert!(!users.follows("nobody", other));
    }

    #[test]
    fn a_new_user_must_fit() {
        let mut users = Users::seeded(0);
        let user = |json: &str| serde_json::from_str::<User>(json).unwrap();
        assert_eq!(users.add(user(r#"{"id":"amy","name":"Amy"}"#), 0), Ok(()));
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
            assert_eq!(users.add(user(json), 0), Err(why), "{json}");
        }
        for n in users.iter().count()..MAX_USERS {
            users
                .add(user(&format!(r#"{{"id":"u{n}","name":"U"}}"#)), 0)
                .unwrap();
        }
        assert_eq!(
            users.add(user(r#"{"id":"z","name":"Z"}"#), 0),
            Err(UserRefused::Full)
        );
    }
}
