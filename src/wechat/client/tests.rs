use std::{fmt::Write, sync::Arc, time::Duration};

use super::*;
use crate::{
    clock::{Clock, Stopwatch},
    code::{Code, Locale},
    outbound,
    wechat::{
        AccountKind, Reaction,
        api::Patience,
        fake::{Fake, Play, json},
    },
};

const GOOD: &str = r#"{"access_token":"T0KEN","expires_in":7200,"openid":"oA","scope":"snsapi_base,snsapi_userinfo"}"#;
const PERSON: &str =
    r#"{"openid":"oA","nickname":" \u0007李雷\u202e ","headimgurl":"","unionid":"uA"}"#;
const BUSY: &str = r#"{"errcode":-1,"errmsg":"system error, rid: 6aa79bc5-0dcac9e8"}"#;

fn client(base: Url) -> WeChat {
    let api = Api::new(
        outbound::client().unwrap(),
        base.clone(),
        Clock::new(),
        Arc::new(|_, _, _| {}),
    );
    let account = Account {
        kind: AccountKind::OfficialAccount,
        app_id: "wx0123456789abcdef".to_owned(),
        app_secret: "5ec3e75ec3e75ec3e75ec3e75ec3e7ff".into(),
    };
    let mut wechat = WeChat::new(api, base, account);
    wechat.api.patience = Patience {
        budget: Duration::from_secs(5),
        attempt: Duration::from_millis(500),
        pause: Duration::from_millis(2),
    };
    wechat
}

fn exchanged() -> Exchanged {
    Exchanged {
        openid: "oA".to_owned(),
        unionid: None,
        access_token: "T0KEN".into(),
        snapshot: false,
        scope: "snsapi_userinfo".to_owned(),
    }
}

/// Everything that a log could show of an error.
fn shown(error: &WeChatError) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    for locale in [Locale::En, Locale::ZhCn] {
        text.push_str(&error.advice(locale));
    }
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        write!(text, "{error} {error:?}").unwrap();
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_code_becomes_a_person() {
    let fake = Fake::start(vec![json(GOOD), json(PERSON)]).await;
    let wechat = client(fake.base());
    let exchanged = wechat.exchange("c0de").await.unwrap();
    assert_eq!(exchanged.openid, "oA");
    assert!(!exchanged.snapshot && exchanged.unionid.is_none());
    assert!(exchanged.allows(Scope::UserInfo) && exchanged.allows(Scope::Base));
    let person = wechat.userinfo(&exchanged).await.unwrap();
    assert_eq!(person.nickname.as_deref(), Some("李雷"));
    assert_eq!(
        (person.avatar, person.unionid.as_deref()),
        (None, Some("uA"))
    );
    assert_eq!(
        fake.requests(),
        [
            "GET /sns/oauth2/access_token?appid=wx0123456789abcdef\
             &secret=5ec3e75ec3e75ec3e75ec3e75ec3e7ff&code=c0de&grant_type=authorization_code HTTP/1.1",
            "GET /sns/userinfo?access_token=T0KEN&openid=oA&lang=zh_CN HTTP/1.1",
        ]
    );
}

#[tokio::test]
async fn a_code_that_wechat_may_have_seen_is_never_sent_again() {
    let huge = Play::Answer(200, vec![b' '; 10_000_000]);
    for (play, code, outcome) in [
        (Play::Reset, Code::WechatUnreachable, "broken"),
        (Play::CutOff, Code::WechatUnreachable, "broken"),
        (
            Play::Answer(502, b"<html>".to_vec()),
            Code::WechatFailed,
            "http_status",
        ),
        (
            Play::Answer(302, Vec::new()),
            Code::WechatFailed,
            "http_status",
        ),
        (json("<html>"), Code::WechatFailed, "garbled"),
        (json(""), Code::WechatFailed, "garbled"),
        (huge, Code::WechatFailed, "garbled"),
        (
            json(r#"{"errcode":40163,"errmsg":"code been used"}"#),
            Code::WechatFailed,
            "refused",
        ),
        (
            json(r#"{"errcode":45011,"errmsg":"slower"}"#),
            Code::WechatFailed,
            "refused",
        ),
        (json(r#"{"openid":"oA"}"#), Code::WechatFailed, "protocol"),
        (
            json(r#"{"access_token":"a b","openid":"o"}"#),
            Code::WechatFailed,
            "protocol",
        ),
    ] {
        let fake = Fake::start(vec![play, json(GOOD)]).await;
        let error = client(fake.base()).exchange("c0de").await.unwrap_err();
        assert_eq!((error.code(), error.outcome()), (code, outcome), "{error}");
        assert_eq!(fake.count(1).await, 1, "{error}");
    }
}

#[tokio::test]
async fn a_reused_connection_that_breaks_is_no_reason_to_send_a_code_again() {
    for play in [Play::Reset, Play::CutOff] {
        let fake = Fake::start(vec![Play::KeepAlive(GOOD), play, json(GOOD)]).await;
        let wechat = client(fake.base());
        wechat.exchange("c0de1").await.unwrap();
        let error = wechat.exchange("c0de2").await.unwrap_err();
        assert_eq!(error.outcome(), "broken");
        assert_eq!((fake.count(2).await, fake.connections()), (2, 1));
    }
}

#[tokio::test]
async fn a_silent_wechat_is_given_up_in_time_and_not_asked_again() {
    for play in [Play::Silence, Play::Drip] {
        let fake = Fake::start(vec![play]).await;
        let mut wechat = client(fake.base());
        wechat.api.patience.budget = Duration::from_millis(500);
        let error = wechat.exchange("c0de").await.unwrap_err();
        assert_eq!(
            (error.code(), error.outcome()),
            (Code::WechatTimeout, "timeout")
        );
        assert_eq!(fake.count(1).await, 1);
    }
}

#[tokio::test]
async fn a_busy_wechat_is_asked_again_twice() {
    let fake = Fake::start(vec![json(BUSY), json(BUSY), json(GOOD)]).await;
    assert_eq!(
        client(fake.base()).exchange("c0de").await.unwrap().openid,
        "oA"
    );
    assert_eq!(fake.count(3).await, 3);

    let fake = Fake::start(vec![json(BUSY)]).await;
    let error = client(fake.base()).exchange("c0de").await.unwrap_err();
    assert_eq!(
        (error.errcode(), error.rid()),
        (Some(-1), Some("6aa79bc5-0dcac9e8"))
    );
    assert_eq!(error.reaction(), Reaction::Retry);
    assert_eq!(fake.count(3).await, 3);
}

#[tokio::test]
async fn nobody_at_home_is_told_apart_from_a_broken_line() {
    // Bound, but it does not listen: every connection is refused, and nobody else gets the port.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket
        .bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
        .unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    let mut wechat = client(crate::config::http_url(address));
    wechat.api.patience.pause = Duration::from_millis(100);
    let stopwatch = Stopwatch::start();
    let error = wechat.exchange("c0de").await.unwrap_err();
    let elapsed = stopwatch.elapsed().as_millis();
    assert_eq!(
        (error.code(), error.outcome()),
        (Code::WechatUnreachable, "unreachable")
    );
    // The code was never sent, so it was tried again: after at least half of 100 and of 200 ms.
    assert!(elapsed >= 150, "{elapsed} ms");
}

#[tokio::test]
async fn the_person_is_asked_for_until_the_bound() {
    let broken = [
        Play::Reset,
        Play::Silence,
        Play::CutOff,
        Play::Answer(503, Vec::new()),
        json("{"),
        json(BUSY),
    ];
    for play in broken {
        let fake = Fake::start(vec![play.clone(), play.clone(), json(PERSON)]).await;
        let person = client(fake.base()).userinfo(&exchanged()).await.unwrap();
        assert_eq!(person.unionid.as_deref(), Some("uA"));
        assert_eq!(fake.count(3).await, 3);

        let fake = Fake::start(vec![play]).await;
        client(fake.base())
            .userinfo(&exchanged())
            .await
            .unwrap_err();
        assert_eq!(fake.count(3).await, 3);
    }
}

#[tokio::test]
async fn an_answer_about_somebody_else_is_no_answer() {
    let known = Exchanged {
        unionid: Some("uB".to_owned()),
        ..exchanged()
    };
    let stranger = Exchanged {
        openid: "oB".to_owned(),
        ..exchanged()
    };
    for asked in [known, stranger] {
        let fake = Fake::start(vec![json(PERSON)]).await;
        let error = client(fake.base()).userinfo(&asked).await.unwrap_err();
        assert_eq!(
            (error.outcome(), error.reaction()),
            ("protocol", Reaction::Alert)
        );
        assert_eq!(fake.count(1).await, 1);
    }
}

#[tokio::test]
async fn no_error_shows_a_secret() {
    for play in [
        Play::Reset,
        Play::Silence,
        json("s3cr3t"),
        json(r#"{"errcode":40125}"#),
    ] {
        let fake = Fake::start(vec![play]).await;
        let mut wechat = client(fake.base());
        wechat.api.patience.budget = Duration::from_millis(500);
        let errors = [
            wechat.exchange("c0de").await.unwrap_err(),
            wechat.userinfo(&exchanged()).await.unwrap_err(),
        ];
        for text in errors.iter().map(shown) {
            for secret in ["5ec3e75", "c0de", "T0KEN", "s3cr3t", "http://"] {
                assert!(!text.contains(secret), "{secret} in {text}");
            }
        }
    }
    assert!(!format!("{:?}", exchanged()).contains("T0KEN"));
}

#[test]
fn a_base_may_have_a_path() {
    let wechat = client(Url::parse("http://127.0.0.1:1/wx/").unwrap());
    let url = wechat.api.url(Endpoint::UserInfo, &[("openid", "a&b")]);
    assert_eq!(
        url.as_str(),
        "http://127.0.0.1:1/wx/sns/userinfo?openid=a%26b"
    );
}
