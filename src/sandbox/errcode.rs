//! What api.weixin.qq.com says when it refuses: `errcode` and a sentence, never an HTTP status.

use std::net::IpAddr;

use actix_web::{HttpRequest, HttpResponse};

use crate::{clock::Millis, ids};

/// One refusal of an API call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Errcode(pub(super) i32);

impl Errcode {
    pub(super) const INVALID_CREDENTIAL: Self = Self(40001);
    pub(super) const INVALID_GRANT_TYPE: Self = Self(40002);
    pub(super) const INVALID_OPENID: Self = Self(40003);
    pub(super) const INVALID_APPID: Self = Self(40013);
    pub(super) const INVALID_ACCESS_TOKEN: Self = Self(40014);
    pub(super) const INVALID_CODE: Self = Self(40029);
    pub(super) const INVALID_REFRESH_TOKEN: Self = Self(40030);
    pub(super) const INVALID_ACTION: Self = Self(40052);
    pub(super) const INVALID_ACTION_INFO: Self = Self(40053);
    pub(super) const INVALID_URL: Self = Self(40066);
    pub(super) const INVALID_SECRET: Self = Self(40125);
    pub(super) const INVALID_ARGUMENTS: Self = Self(40097);
    pub(super) const INVALID_SCENE: Self = Self(40129);
    pub(super) const CODE_USED: Self = Self(40163);
    pub(super) const IP_NOT_LISTED: Self = Self(40164);
    pub(super) const INVALID_SCENE_LENGTH: Self = Self(40169);
    pub(super) const ACCESS_TOKEN_MISSING: Self = Self(41001);
    pub(super) const APPID_MISSING: Self = Self(41002);
    pub(super) const REFRESH_TOKEN_MISSING: Self = Self(41003);
    pub(super) const SECRET_MISSING: Self = Self(41004);
    pub(super) const CODE_MISSING: Self = Self(41008);
    pub(super) const OPENID_MISSING: Self = Self(41009);
    pub(super) const INVALID_PAGE: Self = Self(41030);
    pub(super) const ACCESS_TOKEN_EXPIRED: Self = Self(42001);
    pub(super) const CODE_EXPIRED: Self = Self(42003);
    pub(super) const GET_REQUIRED: Self = Self(43001);
    pub(super) const POST_REQUIRED: Self = Self(43002);
    pub(super) const EMPTY_BODY: Self = Self(44002);
    pub(super) const DAILY_LIMIT: Self = Self(45009);
    pub(super) const MINUTE_LIMIT: Self = Self(45011);
    pub(super) const NOT_JSON: Self = Self(47001);
    pub(super) const UNAUTHORIZED: Self = Self(48001);
    pub(super) const CLEAR_LIMIT: Self = Self(48006);
    pub(super) const OPENID_OF_ANOTHER: Self = Self(49003);

    /// WeChat's sentence. Clients must not read it: it changes without notice.
    const fn text(self) -> &'static str {
        match self.0 {
            0 => "ok",
            -1 => "system error",
            40001 => {
                "invalid credential, access_token is invalid or not latest, could get access_token by \
                 getStableAccessToken, more details at https://mmbizurl.cn/s/JtxxFh33r"
            }
            40002 => "invalid grant_type",
            40003 => "invalid openid",
            40013 => "invalid appid",
            40014 => "invalid access_token",
            40029 => "invalid code",
            40030 => "invalid refresh_token",
            40035 | 40097 => "invalid args",
            40052 => "invalid action name",
            40053 => "invalid action info",
            40066 => "invalid url",
            40125 => "invalid appsecret",
            40129 => "invalid scene",
            40163 => "code been used",
            40169 => "invalid length for scene, or the data is not json string",
            40226 => "high risk user, login blocked",
            40243 => "AppSecret is frozen",
            41001 => "access_token missing",
            41002 => "appid missing",
            41003 => "refresh_token missing",
            41004 => "appsecret missing",
            41008 => "missing code",
            41009 => "missing openid",
            41030 => "invalid page",
            42001 => "access_token expired",
            42002 => "refresh_token expired",
            42003 => "oauth_code timeout",
            42007 => "access_token and refresh_token exception",
            43001 => "require GET method",
            43002 => "require POST method",
            43003 => "require https",
            43004 => "require subscribe",
            44002 => "empty post data",
            45009 => "reach max api daily quota limit",
            45011 => "api minute-quota reach limit  mustslower  retry next minute",
            46004 => "user no exist",
            47001 => "data format error",
            48001 => "api unauthorized",
            48006 => "forbid to clear quota because of reaching the limit",
            48004 => "api forbidden for irregularities",
            49003 => "not match openid with appid",
            50001 => "user unauthorized this api",
            50002 => "user limited",
            50005 => "user is unsubscribed",
            61004 => "access clientip is not registered",
            89503 => "this ip call need admin confirm",
            89506 => "ip is refused by admin for 24 hours",
            89507 => "ip is refused by admin for 1 hour",
            _ => "error",
        }
    }

    /// The whole body; each one has a fresh `rid`, as WeChat's have. `caller` stands in the one about addresses.
    fn body(self, caller: Option<IpAddr>, now: Millis) -> Vec<u8> {
        let text = match (self, caller) {
            (Self::IP_NOT_LISTED, Some(IpAddr::V4(ip))) => {
                format!("invalid ip {ip} ipv6 ::ffff:{ip}, not in whitelist")
            }
            (Self::IP_NOT_LISTED, Some(IpAddr::V6(ip))) => {
                format!("invalid ip {ip}, not in whitelist")
            }
            _ => self.text().to_owned(),
        };
        let rid = rid(now);
        // Neither the texts nor the rid need escaping.
        format!(r#"{{"errcode":{},"errmsg":"{text}, rid: {rid}"}}"#, self.0).into_bytes()
    }

    /// The answer to `request`.
    pub(super) fn respond(self, request: &HttpRequest, now: Millis) -> HttpResponse {
        json(request.path(), self.body(caller(request), now))
    }
}

/// An answer of the API at `path`: always HTTP 200, with WeChat's content types, which are odd.
pub(super) fn json(path: &str, body: Vec<u8>) -> HttpResponse {
    let content_type = if path.starts_with("/sns/") {
        "text/plain"
    } else {
        "application/json; encoding=utf-8"
    };
    HttpResponse::Ok().content_type(content_type).body(body)
}

/// Who asks.
pub(super) fn caller(request: &HttpRequest) -> Option<IpAddr> {
    let address = request.peer_addr()?;
    Some(address.ip().to_canonical())
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
        let first = read(Errcode::CODE_USED.body(None, 1_795_312_000_000));
        let second = read(Errcode::CODE_USED.body(None, 1_795_312_000_000));
        assert_eq!(first["errcode"], 40163);
        let message = first["errmsg"].as_str().unwrap();
        assert!(
            message.starts_with("code been used, rid: 6b024980-"),
            "{message}"
        );
        assert_ne!(first["errmsg"], second["errmsg"]);
        let refused = read(Errcode::IP_NOT_LISTED.body("1.2.3.4".parse().ok(), 0));
        assert!(
            refused["errmsg"]
                .as_str()
                .unwrap()
                .starts_with("invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist, rid: ")
        );
        assert_eq!(read(Errcode(-7).body(None, 0))["errcode"], -7);
    }
}
