use std::sync::Mutex;

use super::*;
use crate::{
    outbound,
    wechat::{
        Account, WeChat,
        fake::{Fake, Play, json},
    },
};

const GOOD: &str =
    r#"{"access_token":"T0KEN","expires_in":7200,"openid":"oA","scope":"snsapi_base"}"#;
const PERSON: &str = r#"{"openid":"oA","nickname":"a","headimgurl":""}"#;

struct World {
    fake: Fake,
    clock: Clock,
    api: Api,
    wechat: WeChat,
    calls: Arc<Mutex<Vec<(Endpoint, &'static str)>>>,
}

impl World {
    async fn new(script: Vec<Play>) -> Self {
        let (fake, clock) = (Fake::start(script).await, Clock::new());
        let calls = Arc::<Mutex<Vec<_>>>::default();
        let heard = calls.clone();
        let mut api = Api::new(
            outbound::client().unwrap(),
            fake.base(),
            clock.clone(),
            Arc::new(move |endpoint, outcome, _took| {
                heard.lock().unwrap().push((endpoint, outcome));
            }),
        );
        api.patience.attempt = Duration::from_millis(300);
        api.patience.pause = Duration::from_millis(2);
        let account = Account {
            kind: AccountKind::Website,
            app_id: "wx0123456789abcdef".to_owned(),
            app_secret: "5ec3e75ec3e75ec3e75ec3e75ec3e7ff".into(),
        };
        let wechat = WeChat::new(api.clone(), fake.base(), account);
        Self {
            fake,
            clock,
            api,
            wechat,
            calls,
        }
    }

    /// Five exchanges in a row that WeChat does not answer.
    async fn away(plays: &[Play]) -> Self {
        let mut script = vec![Play::Reset; 5];
        script.extend_from_slice(plays);
        let world = Self::new(script).await;
        for _ in 0..5 {
            assert_eq!(world.exchange().await, Err("broken"));
        }
        assert_eq!(world.api.breaker(), BreakerState::Open);
        world
    }

    /// The openid, or the outcome.
    async fn exchange(&self) -> Result<String, &'static str> {
        let exchanged = self.wechat.exchange("c0de").await;
        exchanged
            .map(|exchanged| exchanged.openid)
            .map_err(|error| error.outcome())
    }

    fn later(&self, ms: u64) {
        self.clock.advance(Duration::from_millis(ms));
    }
}

#[tokio::test]
async fn a_wechat_that_is_away_is_spared_and_no_code_is_spent() {
    let world = World::away(&[json(GOOD)]).await;
    let error = world.wechat.exchange("c0de").await.unwrap_err();
    assert_eq!(error.code(), crate::code::Code::WechatUnreachable);
    assert!(error.is_unsent() && error.reaction() == Reaction::Retry);
    assert!(error.retry_after().unwrap() <= Duration::from_secs(3));
    assert_eq!(world.fake.requests().len(), 5, "not asked");
    world.later(3_000);
    assert_eq!(world.exchange().await.unwrap(), "oA");
    assert_eq!(world.api.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn one_call_sees_whether_it_is_back() {
    let world = World::away(&[Play::Silence, json(GOOD)]).await;
    world.later(3_000);
    let probing = world.wechat.exchange("c0de1");
    let others = async {
        world.fake.count(6).await;
        assert_eq!(world.api.breaker(), BreakerState::HalfOpen);
        for _ in 0..20 {
            assert_eq!(world.exchange().await, Err("away"));
        }
    };
    // The probe's caller hangs up, and its place is free again after a while.
    tokio::select! {
        _ = probing => panic!("nobody answers it"),
        () = others => {}
    }
    assert_eq!(world.fake.requests().len(), 6);
    world.later(6_000);
    assert_eq!(world.exchange().await.unwrap(), "oA");
}

#[tokio::test]
async fn a_probe_in_vain_is_followed_by_another_rest() {
    let world = World::away(&[Play::Answer(502, Vec::new()), json(GOOD)]).await;
    world.later(3_000);
    assert_eq!(world.exchange().await, Err("http_status"));
    assert_eq!(world.exchange().await, Err("away"));
    world.later(3_000);
    assert!(world.exchange().await.is_ok());
    assert_eq!(world.fake.count(7).await, 7);
}

#[tokio::test]
async fn every_kind_of_silence_counts_and_no_refusal_does() {
    let silences = [
        Play::Reset,
        Play::CutOff,
        Play::Answer(503, Vec::new()),
        json("<html>"),
        json(""),
    ];
    let world = World::new(silences.to_vec()).await;
    for _ in silences {
        world.exchange().await.unwrap_err();
    }
    assert_eq!(world.api.breaker(), BreakerState::Open);

    for refusal in [
        r#"{"errcode":40029,"errmsg":"invalid code"}"#,
        r#"{"errcode":40125,"errmsg":"invalid appsecret"}"#,
        r#"{"openid":"oA"}"#,
    ] {
        let world = World::new(vec![json(refusal)]).await;
        for _ in 0..8 {
            world.exchange().await.unwrap_err();
        }
        assert_eq!(world.api.breaker(), BreakerState::Closed, "{refusal}");
    }
}

#[tokio::test]
async fn silence_that_ends_a_whole_call_counts_too() {
    let mut world = World::new(vec![Play::Silence]).await;
    world.api.patience.budget = Duration::from_millis(50);
    world.wechat = WeChat::new(
        world.api.clone(),
        world.fake.base(),
        Account {
            kind: AccountKind::Website,
            app_id: "wx0123456789abcdef".to_owned(),
            app_secret: "s".into(),
        },
    );
    for _ in 0..5 {
        assert_eq!(world.exchange().await, Err("timeout"));
    }
    assert_eq!(world.exchange().await, Err("away"));
}

#[tokio::test]
async fn every_call_is_counted_once_however_often_it_is_tried() {
    let script = vec![json(GOOD), Play::Reset, Play::Reset, json(PERSON), json("")];
    let world = World::new(script).await;
    let exchanged = world.wechat.exchange("c0de").await.unwrap();
    world.wechat.userinfo(&exchanged).await.unwrap();
    world.exchange().await.unwrap_err();
    assert_eq!(
        *world.calls.lock().unwrap(),
        [
            (Endpoint::Exchange, "ok"),
            (Endpoint::UserInfo, "ok"),
            (Endpoint::Exchange, "garbled"),
        ]
    );
}
