mod trouble;

use futures_util::future::join_all;

use super::*;
use crate::{
    config::TokenEndpoint,
    tasks::Tasks,
    wechat::{
        Account, AccountKind, Api, BreakerState,
        fake::{Fake, Play, json},
    },
};

const QR: &str =
    r#"{"ticket":"gQFlPTw==","expire_seconds":300,"url":"http:\/\/weixin.qq.com\/q\/02SDF"}"#;

struct World {
    fake: Fake,
    clock: Clock,
    account: OfficialAccount,
}

impl World {
    /// The script begins with the first token.
    async fn new(script: &[Play]) -> Self {
        Self::of([&[token("T1")], script].concat()).await
    }

    async fn of(script: Vec<Play>) -> Self {
        let clock = Clock::new();
        let fake = Fake::start(script).await;
        let client = crate::outbound::client().unwrap();
        let mut api = Api::new(client, fake.base(), clock.clone(), Arc::new(|_, _, _| {}));
        api.patience.pause = Duration::from_millis(2);
        let account = Account {
            kind: AccountKind::OfficialAccount,
            app_id: "wx0123456789abcdef".to_owned(),
            app_secret: "5ec3e75ec3e75ec3e75ec3e75ec3e7ff".into(),
        };
        let oauth = WeChat::new(api.clone(), fake.base(), account.clone());
        let authority = Authority::new(
            api,
            account,
            TokenEndpoint::Stable,
            clock.clone(),
            Tasks::new(),
            None,
        );
        let account = OfficialAccount::new(oauth, authority, clock.clone());
        // Quotas follow the day: no test may run over midnight in Beijing.
        let day = Duration::from_secs(86_400);
        let today_ms = (clock.wall() + 8 * 3_600_000) % 86_400_000;
        clock.advance(day - Duration::from_millis(today_ms) + Duration::from_secs(30));
        Self {
            fake,
            clock,
            account,
        }
    }

    /// The same with no time at all for one try of what is repeated freely.
    fn hurried(self) -> Self {
        let oauth = self.account.oauth();
        let mut api = oauth.api().clone();
        api.patience.attempt = Duration::ZERO;
        let oauth = WeChat::new(api, self.fake.base(), oauth.account().clone());
        let authority = self.account.authority().clone();
        let account = OfficialAccount::new(oauth, authority, self.clock.clone());
        Self { account, ..self }
    }

    async fn qr(&self) -> Result<QrTicket, WeChatError> {
        let life = Duration::from_secs(300);
        self.account.create_qr("s-好-1", life).await
    }

    async fn requests(&self, expected: usize) -> usize {
        self.fake.count(expected).await
    }
}

fn token(text: &str) -> Play {
    json(&format!(r#"{{"access_token":"{text}","expires_in":7200}}"#))
}

fn refusal(errcode: i64) -> Play {
    json(&format!(
        r#"{{"errcode":{errcode},"errmsg":"no, rid: 1-2"}}"#
    ))
}

#[tokio::test]
async fn a_code_is_made_as_wechat_wants_it_and_its_text_is_kept_as_it_is() {
    let world = World::new(&[json(QR)]).await;
    let expected = QrTicket {
        url: "http://weixin.qq.com/q/02SDF".to_owned(),
        ticket: "gQFlPTw==".to_owned(),
    };
    assert_eq!(world.qr().await.unwrap(), expected);
    let line = "POST /cgi-bin/qrcode/create?access_token=T1 HTTP/1.1";
    assert_eq!(world.fake.requests()[1], line);
    let body = json!({
        "expire_seconds": 300,
        "action_name": "QR_STR_SCENE",
        "action_info": { "scene": { "scene_str": "s-好-1" } },
    });
    assert_eq!(world.fake.bodies()[1], body);
    assert!(
        world.fake.last_body().contains("好"),
        "as UTF-8, not escaped"
    );
}

#[tokio::test]
async fn the_life_of_a_code_is_always_sent_and_within_bounds() {
    let world = World::new(&[json(QR)]).await;
    for (life, sent) in [(0, 1), (60, 60), (9_999_999, 2_592_000)] {
        let life = Duration::from_secs(life);
        world.account.create_qr("s", life).await.unwrap();
        let body = world.fake.bodies().pop().unwrap();
        assert_eq!(body["expire_seconds"], sent);
    }
}

#[tokio::test]
async fn a_code_that_no_phone_could_read_is_refused() {
    let long = format!("http://a.cn/{}", "x".repeat(512));
    for url in ["", "weixin://x", "javascript:alert(1)", "02SDF", &long] {
        let body = format!(r#"{{"ticket":"gQ","expire_seconds":300,"url":"{url}"}}"#);
        let error = World::new(&[json(&body)]).await.qr().await.unwrap_err();
        assert_eq!(error.outcome(), "protocol", "{url}");
    }
    for body in [
        r#"{"expire_seconds":300,"url":"http://a.cn/"}"#,
        r#"{"ticket":"gQ","expire_seconds":300}"#,
        r#"{"errcode":0,"errmsg":"ok"}"#,
    ] {
        let error = World::new(&[json(body)]).await.qr().await.unwrap_err();
        assert_eq!(error.outcome(), "protocol", "{body}");
    }
}

#[tokio::test]
async fn a_follower_is_known_and_a_stranger_is_not() {
    let world = World::new(&[
        json(r#"{"subscribe":1,"openid":"oA","unionid":"uA"}"#),
        json(r#"{"subscribe":0,"openid":"oA"}"#),
        json(r#"{"subscribe":1,"openid":"oB"}"#),
        refusal(40003),
    ])
    .await;
    let follower = world.account.follower("oA").await.unwrap();
    assert!(follower.subscribed && follower.unionid.as_deref() == Some("uA"));
    let line = "GET /cgi-bin/user/info?access_token=T1&openid=oA&lang=zh_CN HTTP/1.1";
    assert_eq!(world.fake.requests()[1], line);
    let stranger = world.account.follower("oA").await.unwrap();
    assert!(!stranger.subscribed && stranger.unionid.is_none());
    let other = world.account.follower("oA").await.unwrap_err();
    assert_eq!(other.outcome(), "protocol", "somebody else's answer");
    let unknown = world.account.follower("oA").await.unwrap_err();
    assert_eq!(unknown.reaction(), Reaction::FailLogin);
}

#[tokio::test]
async fn addresses_come_alone_and_as_networks() {
    let world = World::new(&[
        json(r#"{"ip_list":["101.226.62.77"," 101.226.103.0/25 ","2402:4e00::/32","::1"]}"#),
        json(r#"{"ip_list":["everywhere"]}"#),
        json(r#"{"ip_list":"101.226.62.77"}"#),
    ])
    .await;
    let found = world.account.callback_addresses().await.unwrap();
    let expected = [
        "101.226.62.77/32",
        "101.226.103.0/25",
        "2402:4e00::/32",
        "::1/128",
    ];
    assert_eq!(found, expected.map(|network| network.parse().unwrap()));
    for _ in 0..2 {
        let error = world.account.callback_addresses().await.unwrap_err();
        assert_eq!(error.outcome(), "protocol");
    }
}

#[tokio::test]
async fn a_stale_token_is_healed_and_the_call_repeated_once() {
    for errcode in [40001, 40014, 42001] {
        let world = World::new(&[refusal(errcode), token("T2"), json(QR)]).await;
        world.qr().await.unwrap();
        let last = "POST /cgi-bin/qrcode/create?access_token=T2 HTTP/1.1";
        assert_eq!(world.fake.requests()[3..], [last]);

        let world = World::new(&[refusal(errcode), token("T2"), refusal(errcode)]).await;
        assert_eq!(world.qr().await.unwrap_err().errcode(), Some(errcode));
        assert_eq!(world.requests(4).await, 4, "exactly once");
    }
}

#[tokio::test]
async fn other_errors_leave_the_token_alone() {
    for errcode in [40053, 45011, 48001, 47001] {
        let world = World::new(&[refusal(errcode)]).await;
        assert_eq!(world.qr().await.unwrap_err().errcode(), Some(errcode));
        assert_eq!(world.requests(2).await, 2);
    }
}

#[tokio::test]
async fn a_wrong_secret_is_found_by_healing_and_ends_the_calls() {
    let world = World::new(&[refusal(40001), refusal(40125)]).await;
    for _ in 0..3 {
        // The token is kept, because the claim may be wrong; a call with it is refused as before.
        let error = world.qr().await.unwrap_err();
        assert!(matches!(error.errcode(), Some(40125)), "{error}");
    }
    let fetches = world
        .fake
        .requests()
        .into_iter()
        .filter(|line| line.contains("stable_token"))
        .count();
    assert_eq!(fetches, 2, "once at the start, once to heal");
}

#[tokio::test]
async fn a_used_up_quota_is_told_at_once_until_it_is_back() {
    let world = World::new(&[refusal(45009), json(QR)]).await;
    assert_eq!(world.account.qr_retry_after(), None);
    assert_eq!(world.qr().await.unwrap_err().errcode(), Some(45009));
    let all = join_all((0..20).map(|_| world.qr())).await;
    for error in all.into_iter().map(Result::unwrap_err) {
        assert_eq!(error.errcode(), Some(45009));
        assert!(error.retry_after().unwrap() > Duration::from_secs(60));
    }
    assert_eq!(world.requests(2).await, 2, "one token, one code");
    assert!(world.account.qr_retry_after().is_some());
    world.account.follower("oA").await.unwrap_err();
    assert_eq!(world.requests(3).await, 3, "other calls go on");
    world.clock.advance(Duration::from_secs(30 * 60));
    world.qr().await.unwrap();
    assert_eq!(world.account.qr_retry_after(), None);
    assert_eq!(world.account.qr_codes_today(), 2);
}

#[tokio::test]
async fn a_minute_without_codes_is_over_with_the_minute() {
    let world = World::new(&[refusal(45011), json(QR)]).await;
    assert_eq!(world.qr().await.unwrap_err().errcode(), Some(45011));
    let wait = world.account.qr_retry_after().unwrap();
    assert!(
        wait <= Duration::from_secs(30),
        "the clock stands at half past"
    );
    assert_eq!(world.qr().await.unwrap_err().retry_after(), Some(wait));
    world.clock.advance(wait);
    world.qr().await.unwrap();
}
