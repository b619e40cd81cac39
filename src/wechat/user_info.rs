//! What WeChat says of a person, cleaned.

use std::fmt;

use secrecy::SecretString;
use url::Url;

use super::{answer::Answer, authorize::Scope, error::Fault};

/// The longest name kept, in characters; WeChat allows 32.
const MAX_NAME: usize = 64;
/// The longest address of a picture kept, in bytes.
const MAX_AVATAR: usize = 1024;

/// What a code was good for.
#[derive(Clone)]
pub struct Exchanged {
    /// One person in one account.
    pub openid: String,
    /// One person in all accounts of one company, where WeChat tells.
    pub unionid: Option<String>,
    /// The person's token, for [`userinfo`](super::WeChat::userinfo); not the account's.
    pub access_token: SecretString,
    /// WeChat showed a snapshot page: openid and unionid are made up, and no user may come of them.
    pub snapshot: bool,
    /// What the person allowed, comma-separated.
    pub scope: String,
}

/// `sns/userinfo`, cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserInfo {
    /// Without control characters, at most 64 characters; `None` when nothing is left.
    pub nickname: Option<String>,
    /// `https`, except for a sandbox that has only `http`.
    pub avatar: Option<String>,
    /// As in [`Exchanged::unionid`]; some accounts tell it only here.
    pub unionid: Option<String>,
}

impl Exchanged {
    /// Whether the person allowed `scope`.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scope
            .split(',')
            .any(|name| name.trim() == scope.name())
    }

    pub(super) fn from_answer(answer: &Answer) -> Result<Self, Fault> {
        Ok(Self {
            openid: answer.id("openid")?.ok_or(Fault::Protocol("openid"))?,
            unionid: answer.id("unionid")?,
            access_token: answer
                .token("access_token")?
                .ok_or(Fault::Protocol("access_token"))?
                .into(),
            snapshot: answer.flag("is_snapshotuser"),
            scope: answer.text("scope").unwrap_or_default().to_owned(),
        })
    }
}

impl fmt::Debug for Exchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchanged")
            .field("snapshot", &self.snapshot)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

impl UserInfo {
    /// Reads the answer about the person of `exchanged`; `bases` are WeChat's own addresses.
    pub(super) fn from_answer(
        answer: &Answer,
        exchanged: &Exchanged,
        bases: [&Url; 2],
    ) -> Result<Self, Fault> {
        if answer.id("openid")?.as_ref() != Some(&exchanged.openid) {
            return Err(Fault::Protocol("the openid that was asked for"));
        }
        let unionid = answer.id("unionid")?;
        if matches!((&unionid, &exchanged.unionid), (Some(here), Some(before)) if here != before) {
            return Err(Fault::Protocol("the unionid that came with the code"));
        }
        Ok(Self {
            nickname: answer.text("nickname").and_then(clean_name),
            avatar: answer
                .text("headimgurl")
                .and_then(|text| clean_avatar(text, bases)),
            unionid,
        })
    }
}

/// The name as it can be shown anywhere, or `None` when nothing would be seen.
fn clean_name(name: &str) -> Option<String> {
    let shown: String = name
        .chars()
        .filter(|character| is_shown(*character))
        .collect();
    let name: String = shown.trim().chars().take(MAX_NAME).collect();
    let seen = name.chars().any(|character| {
        !character.is_whitespace() && !matches!(character, '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{3164}' | '\u{115f}' | '\u{1160}' | '\u{ffa0}')
    });
    seen.then(|| name.trim_end().to_owned())
}

/// Whether a character leaves the text around it as it is: no control characters, line separators or changes
/// of direction (Unicode TR 36 section 2.8).
const fn is_shown(character: char) -> bool {
    !matches!(
        character,
        '\0'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// The picture's address with `https`; plain `http` stays only where WeChat is a sandbox that has no other. What may be
/// fetched is asked when it is.
fn clean_avatar(text: &str, bases: [&Url; 2]) -> Option<String> {
    let mut url = Url::parse(text.trim()).ok()?;
    let plain = url.host().is_some() && url.username().is_empty() && url.password().is_none();
    if !plain || url.as_str().len() > MAX_AVATAR {
        return None;
    }
    match url.scheme() {
        "https" => {}
        "http" if bases.iter().any(|base| base.origin() == url.origin()) => {}
        "http" => url.set_scheme("https").ok()?,
        _ => return None,
    }
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_could_change_the_page_and_keep_the_rest() {
        for (name, expected) in [
            ("张三🎉", Some("张三🎉")),
            ("👨\u{200d}👩\u{200d}👧", Some("👨\u{200d}👩\u{200d}👧")),
            ("  a b  ", Some("a b")),
            ("a\u{202e}b\u{2066}c\u{7}\u{9b}\n", Some("abc")),
            ("\u{1}\u{2}", None),
            ("\u{200b}\u{3164} ", None),
            ("", None),
        ] {
            assert_eq!(clean_name(name).as_deref(), expected, "{name:?}");
        }
        let long = clean_name(&"好".repeat(500)).unwrap();
        assert_eq!(long.chars().count(), MAX_NAME);
    }

    #[test]
    fn pictures_come_by_https_or_from_the_sandbox() {
        let open = Url::parse("http://192.168.1.7:8090").unwrap();
        let api = Url::parse("https://api.weixin.qq.com").unwrap();
        let clean = |text| clean_avatar(text, [&open, &api]);
        for (text, expected) in [
            (
                "http://thirdwx.qlogo.cn/x/132",
                Some("https://thirdwx.qlogo.cn/x/132"),
            ),
            (
                "https://thirdwx.qlogo.cn/x/132",
                Some("https://thirdwx.qlogo.cn/x/132"),
            ),
            (
                "http://192.168.1.7:8090/a.jpg",
                Some("http://192.168.1.7:8090/a.jpg"),
            ),
            (
                "http://192.168.1.8:8090/a.jpg",
                Some("https://192.168.1.8:8090/a.jpg"),
            ),
            (
                "http://127.0.0.1:8090/a.jpg",
                Some("https://127.0.0.1:8090/a.jpg"),
            ),
            ("javascript:alert(1)", None),
            ("data:image/png;base64,AAAA", None),
            ("https://user:secret@host/x", None),
            ("/x/132", None),
        ] {
            assert_eq!(clean(text).as_deref(), expected, "{text}");
        }
    }
}
