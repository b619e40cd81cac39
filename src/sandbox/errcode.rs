//! What api.weixin.qq.com says when it refuses: `errcode` and a sentence, never an HTTP status.

use crate::{clock::Millis, ids};

/// One refusal of an API call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errcode(pub(super) i32);

impl Errcode {
    pub(super) const INVALID_CREDENTIAL: Self = Self(40001);
    pub(super) const INVALID_GRANT_TYPE: Self = Self(40002);
    pub(super) const INVALID_OPENID: Self = Self(40003);
    pub(super) const INVALID_APPID: Self = Self(40013);
    pub(super) const INVALID_CODE: Self = Self(40029);
    pub(super) const INVALID_REFRESH_TOKEN: Self = Self(40030);
    pub(super) const INVALID_URL: Self = Self(40066);
    pub(super) const INVALID_SECRET: Self = Self(40125);
    pub(super) const CODE_USED: Self = Self(40163);
    pub(super) const ACCESS_TOKEN_MISSING: Self = Self(41001);
    pub(super) const APPID_MISSING: Self = Self(41002);
    pub(super) const REFRESH_TOKEN_MISSING: Self = Self(41003);
    pub(super) const SECRET_MISSING: Self = Self(41004);
    pub(super) const CODE_MISSING: Self = Self(41008);
    pub(super) const OPENID_MISSING: Self = Self(41009);
    pub(super) const ACCESS_TOKEN_EXPIRED: Self = Self(42001);
    pub(super) const GET_REQUIRED: Self = Self(43001);
    pub(super) const UNAUTHORIZED: Self = Self(48001);

    /// WeChat's sentence. Clients must not read it: it changes without notice.
    pub(super) const fn text(self) -> &'static str {
        match self.0 {
            0 => "ok",
            -1 => "system error",
            40001 => "invalid credential, access_token is invalid or not latest",
            40002 => "invalid grant_type",
            40003 => "invalid openid",
            40013 => "invalid appid",
            40014 => "invalid access_token",
            40029 => "invalid code",
            40030 => "invalid refresh_token",
            40066 => "invalid url",
            40125 => "invalid appsecret",
            40163 => "code been used",
            40164 => "invalid ip, not in whitelist",
            41001 => "access_token missing",
            41002 => "appid missing",
            41003 => "refresh_token missing",
            41004 => "appsecret missing",
            41008 => "missing code",
            41009 => "openid missing",
            42001 => "access_token expired",
            42002 => "refresh_token expired",
            42003 => "oauth_code timeout",
            43001 => "require GET method",
            45009 => "reach max api daily quota limit",
            45011 => "api minute-quota reach limit  mustslower  retry next minute",
            48001 => "api unauthorized",
            50002 => "user limited",
            _ => "error",
        }
    }

    /// The whole body; each one has a fresh `rid`, as WeChat's have.
    pub(super) fn body(self, now: Millis) -> Vec<u8> {
        let text = self.text();
        let rid = rid(now);
        // Neither the texts nor the rid need escaping.
        format!(r#"{{"errcode":{},"errmsg":"{text}, rid: {rid}"}}"#, self.0).into_bytes()
    }
}

/// Seconds, then two random words, in hex.
fn rid(now: Millis) -> String {
    format!(
        "{:08x}-{}-{}",
        now / 1000,
        ids::hex(&ids::random::<4>()),
        ids::hex(&ids::random::<4>())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_json_with_a_fresh_rid() {
        let read = |body: Vec<u8>| -> serde_json::Value { serde_json::from_slice(&body).unwrap() };
        let first = read(Errcode::CODE_USED.body(1_795_312_000_000));
        let second = read(Errcode::CODE_USED.body(1_795_312_000_000));
        assert_eq!(first["errcode"], 40163);
        let message = first["errmsg"].as_str().unwrap();
        assert!(
            message.starts_with("code been used, rid: 6b0269"),
            "{message}"
        );
        assert_ne!(first["errmsg"], second["errmsg"]);
        assert_eq!(read(Errcode(-7).body(0))["errcode"], -7);
    }
}
