//! The cases of `tests/vectors`, all of them.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use url::Url;

use super::{
    account::AccountKind,
    answer::Answer,
    authority,
    authorize::{self, Scope},
    endpoint::Endpoint,
    error::{Fault, WeChatError},
    official_account::{Follower, QrTicket},
    reaction::Reaction,
    user_info::{Exchanged, UserInfo},
};

fn cases(file: &str) -> Vec<Value> {
    let Value::Object(mut file) = serde_json::from_str(file).unwrap() else {
        panic!("an object")
    };
    assert_eq!(file["format"], "wechat-vectors/1");
    serde_json::from_value(file["cases"].take()).unwrap()
}

fn text<'a>(case: &'a Value, pointer: &str) -> &'a str {
    case.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{pointer} of {case}"))
}

#[test]
fn every_address_is_built_as_wechat_wants_it() {
    let cases = cases(include_str!("../../tests/vectors/url_build.json"));
    assert_eq!(cases.len(), 10);
    for case in cases {
        let param = |name: &str| text(&case, &format!("/params/{name}"));
        let open = Url::parse("https://open.weixin.qq.com").unwrap();
        let url = match text(&case, "/kind") {
            "authorize" => {
                let scope = Scope::UserInfo;
                assert_eq!(param("scope"), scope.name());
                authorize::authorize_url(
                    &open,
                    param("appid"),
                    param("redirect_uri"),
                    scope,
                    param("state"),
                )
            }
            "qrconnect" => authorize::qrconnect_url(
                &open,
                param("appid"),
                param("redirect_uri"),
                param("state"),
            ),
            "showqrcode" => {
                let mp = Url::parse("https://mp.weixin.qq.com").unwrap();
                authorize::showqrcode_url(&mp, param("ticket"))
            }
            kind => panic!("unknown kind {kind}"),
        };
        assert_eq!(url, text(&case, "/expect/url"), "{}", case["id"]);
    }
}

#[test]
fn every_answer_gets_its_reaction() {
    let cases = cases(include_str!("../../tests/vectors/api_responses.json"));
    assert_eq!(cases.len(), 66);
    for case in cases {
        let path = text(&case, "/endpoint");
        let endpoint = Endpoint::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == path)
            .unwrap();
        let status = u16::try_from(case["http_status"].as_u64().unwrap()).unwrap();
        let body = STANDARD.decode(text(&case, "/body_b64")).unwrap();
        let reaction = Answer::read(endpoint, status, &body)
            .and_then(|answer| understand(endpoint, &answer, &case))
            .unwrap_or_else(|fault| {
                WeChatError::new(AccountKind::OfficialAccount, endpoint, fault).reaction()
            });
        assert_eq!(
            reaction.name(),
            text(&case, "/expect/reaction"),
            "{}",
            case["id"]
        );
    }
}

/// Compares the fields of a success, and reads it as the client does.
fn understand(endpoint: Endpoint, answer: &Answer, case: &Value) -> Result<Reaction, Fault> {
    if let Some(Value::Object(fields)) = case.pointer("/expect/fields") {
        for (name, expected) in fields {
            assert_eq!(
                answer.field(name),
                Some(expected),
                "{name} of {}",
                case["id"]
            );
        }
    }
    match endpoint {
        Endpoint::Exchange => {
            let snapshot = Exchanged::from_answer(answer)?.snapshot;
            Ok(if snapshot {
                Reaction::FailLogin
            } else {
                Reaction::Ok
            })
        }
        Endpoint::UserInfo => {
            let exchanged = Exchanged {
                openid: answer.id("openid")?.unwrap(),
                unionid: None,
                access_token: "t".into(),
                snapshot: false,
                scope: String::new(),
            };
            let open = Url::parse("https://open.weixin.qq.com").unwrap();
            let person = UserInfo::from_answer(answer, &exchanged, [&open, &open])?;
            assert!(
                person
                    .avatar
                    .is_none_or(|avatar| avatar.starts_with("https://"))
            );
            Ok(Reaction::Ok)
        }
        Endpoint::CreateQr => QrTicket::from_answer(answer, 60).map(|_| Reaction::Ok),
        Endpoint::Follower => {
            let openid = answer.id("openid")?.unwrap();
            Follower::from_answer(answer, &openid).map(|_| Reaction::Ok)
        }
        Endpoint::Token | Endpoint::StableToken => {
            authority::read_token(answer).map(|_| Reaction::Ok)
        }
        Endpoint::Refresh | Endpoint::Auth | Endpoint::CallbackAddresses => Ok(Reaction::Ok),
    }
}
