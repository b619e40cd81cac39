mod together;
mod trouble;

use std::future::Future;

use futures_util::future::join_all;
use serde_json::Value;

use super::*;
use crate::{
    outbound,
    tasks::Tasks,
    wechat::{
        AccountKind,
        fake::{Fake, Play, json},
    },
};

/// Where tokens come from, and time.
struct World {
    fake: Fake,
    clock: Clock,
    authority: Authority,
}

impl World {
    async fn new(script: Vec<Play>) -> Self {
        Self::with(TokenEndpoint::Stable, script).await
    }

    async fn with(endpoint: TokenEndpoint, script: Vec<Play>) -> Self {
        let (fake, clock) = (Fake::start(script).await, Clock::new());
        let mut api = Api::new(
            outbound::client().unwrap(),
            fake.base(),
            clock.clone(),
            Arc::new(|_, _, _| {}),
        );
        api.patience.pause = Duration::from_millis(2);
        let account = Account {
            kind: AccountKind::OfficialAccount,
            app_id: "wx0123456789abcdef".to_owned(),
            app_secret: "5ec3e75ec3e75ec3e75ec3e75ec3e7ff".into(),
        };
        let authority = Authority::new(api, account, endpoint, clock.clone(), Tasks::new(), None);
        Self {
            fake,
            clock,
            authority,
        }
    }

    fn later(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    async fn text(&self) -> String {
        text(&self.authority.token().await.unwrap())
    }

    async fn errcode(&self) -> Option<i64> {
        self.authority.token().await.unwrap_err().errcode()
    }

    async fn heal(&self, stale: &str) -> Result<String, WeChatError> {
        let digest = sha256(&stale.into());
        self.authority.heal(&digest).await.map(|token| text(&token))
    }

    /// Whether each request forced a new token.
    fn forced(&self) -> Vec<bool> {
        let forced = |body: Value| body["force_refresh"].as_bool().unwrap();
        self.fake.bodies().into_iter().map(forced).collect()
    }
}

fn token(text: &str) -> Play {
    living(text, 7_200)
}

fn living(text: &str, seconds: u64) -> Play {
    json(&format!(
        r#"{{"access_token":"{text}","expires_in":{seconds}}}"#
    ))
}

fn refusal(errcode: i64) -> Play {
    json(&format!(
        r#"{{"errcode":{errcode},"errmsg":"no, rid: 1-2"}}"#
    ))
}

fn text(token: &AccessToken) -> String {
    token.token.expose_secret().to_owned()
}

/// Waits for a fact that a task brings about.
async fn until<F: Future<Output = bool>>(fact: impl Fn() -> F) {
    let reached = async {
        while !fact().await {
            tokio::task::yield_now().await;
        }
    };
    let reached = tokio::time::timeout(Duration::from_secs(5), reached);
    reached.await.expect("comes about in time");
}

#[tokio::test]
async fn fifty_who_ask_at_once_cause_one_call() {
    let world = World::new(vec![token("T1"), token("T2")]).await;
    let all = join_all((0..50).map(|_| world.text())).await;
    assert!(all.iter().all(|token| token == "T1"));
    assert_eq!(world.text().await, "T1");
    assert_eq!(
        world.fake.requests(),
        ["POST /cgi-bin/stable_token HTTP/1.1"]
    );
    assert_eq!(
        world.fake.bodies(),
        [json!({
            "grant_type": "client_credential",
            "appid": "wx0123456789abcdef",
            "secret": "5ec3e75ec3e75ec3e75ec3e75ec3e7ff",
            "force_refresh": false,
        })]
    );
}

#[tokio::test]
async fn fifty_who_ask_in_vain_cause_one_call_too() {
    for (play, calls) in [(refusal(40125), 1), (Play::Answer(502, Vec::new()), 3)] {
        let world = World::new(vec![play]).await;
        let all = join_all((0..50).map(|_| world.authority.token())).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(world.fake.count(calls).await, calls, "and its repetitions");
    }
}

#[tokio::test]
async fn the_other_endpoint_is_asked_as_it_wants_it() {
    let world = World::with(TokenEndpoint::Token, vec![token("T1")]).await;
    assert_eq!(world.text().await, "T1");
    assert_eq!(
        world.fake.requests(),
        [
            "GET /cgi-bin/token?grant_type=client_credential&appid=wx0123456789abcdef\
             &secret=5ec3e75ec3e75ec3e75ec3e75ec3e7ff HTTP/1.1"
        ]
    );
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let world = World::new(vec![token("T1"), token("T2")]).await;
    let first = world.authority.token().await.unwrap();
    assert!(first.expires_in <= MAX_LIFE && first.expires_in > MAX_LIFE - Duration::from_secs(5));
    world.later(7_200 - 65);
    let last = world.authority.token().await.unwrap();
    assert_eq!(text(&last), "T1");
    assert!(last.expires_in <= Duration::from_secs(65));
    world.later(5);
    assert_eq!(world.text().await, "T2");
    assert_eq!(world.fake.count(2).await, 2);
}

#[tokio::test]
async fn a_token_is_renewed_in_the_background_while_the_old_one_is_good() {
    let world = World::new(vec![token("T1"), Play::Silence]).await;
    let tasks = Tasks::new();
    let authority = world.authority.clone();
    tasks.spawn_loop("fresh", async move { authority.keep_fresh().await });
    assert_eq!(world.text().await, "T1");
    world.later(7_200 - 241);
    assert_eq!(world.text().await, "T1");
    assert_eq!(world.fake.requests().len(), 1, "not due yet");
    world.later(61);
    // The renewal hangs, and nobody waits for it.
    assert_eq!(world.text().await, "T1");
    assert_eq!(world.fake.count(2).await, 2);
    assert_eq!(world.text().await, "T1");
    tasks.shut_down(Duration::from_secs(5)).await;

    let world = World::new(vec![token("T1"), token("T2")]).await;
    let tasks = Tasks::new();
    let authority = world.authority.clone();
    tasks.spawn_loop("fresh", async move { authority.keep_fresh().await });
    assert_eq!(world.text().await, "T1");
    world.later(7_200 - 179);
    assert_eq!(world.text().await, "T1");
    until(|| async { world.text().await == "T2" }).await;
    assert_eq!(world.fake.requests().len(), 2);
    tasks.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_refused_renewal_leaves_the_old_token_in_use_and_is_not_hammered() {
    let world = World::new(vec![token("T1"), refusal(40125), token("T2")]).await;
    let tasks = Tasks::new();
    let authority = world.authority.clone();
    tasks.spawn_loop("fresh", async move { authority.keep_fresh().await });
    assert_eq!(world.text().await, "T1");
    world.later(7_200 - 179);
    let stopped = || async {
        world.text().await;
        matches!(world.authority.health(), Health::Stopped { .. })
    };
    until(stopped).await;
    for _ in 0..20 {
        assert_eq!(world.text().await, "T1");
    }
    assert_eq!(world.fake.requests().len(), 2);
    world.later(30);
    until(|| async { world.text().await == "T2" }).await;
    tasks.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn only_the_token_that_failed_is_healed() {
    let world = World::new(vec![token("T1"), token("T2"), token("T3")]).await;
    assert_eq!(world.text().await, "T1");
    assert_eq!(world.heal("another").await.unwrap(), "T1");
    assert_eq!(world.fake.requests().len(), 1, "nobody was asked");
    let all = join_all((0..50).map(|_| world.heal("T1"))).await;
    assert!(
        all.iter()
            .all(|healed| healed.as_deref().ok() == Some("T2"))
    );
    assert_eq!(world.forced(), [false, false]);
    assert_eq!(world.heal("T1").await.unwrap(), "T2", "healed long ago");
    assert_eq!(world.fake.requests().len(), 2);
}

#[tokio::test]
async fn without_a_token_healing_is_fetching() {
    let world = World::new(vec![token("T1")]).await;
    assert_eq!(world.heal("T0").await.unwrap(), "T1");
    assert_eq!(world.forced(), [false]);
}

#[tokio::test]
async fn the_stable_token_is_forced_only_when_it_comes_again() {
    let world = World::new(vec![token("T1"), token("T1"), token("T2"), token("T3")]).await;
    world.text().await;
    assert_eq!(world.heal("T1").await.unwrap(), "T2");
    assert_eq!(world.forced(), [false, false, true]);
    let early = world.heal("T2").await.unwrap_err();
    assert!(matches!(early.fault(), Fault::Stale), "{early}");
    assert!(early.retry_after().unwrap() <= Duration::from_secs(30));
    assert_eq!(world.fake.requests().len(), 3, "not so soon");
    assert_eq!(world.text().await, "T2", "the claim may be wrong");
    world.later(1);
    assert_eq!(world.heal("T2").await.unwrap(), "T3");
    assert_eq!(world.forced(), [false, false, true, false]);
}

#[tokio::test]
async fn only_what_ends_a_token_is_rare() {
    let world = World::new(vec![token("T1"), token("T1"), token("T2")]).await;
    world.text().await;
    world.heal("T1").await.unwrap();
    for _ in 0..3 {
        world.later(1);
        let error = world.heal("T2").await.unwrap_err();
        assert!(matches!(error.fault(), Fault::Stale), "{error}");
    }
    assert_eq!(world.forced(), [false, false, true, false, false, false]);
    world.later(30);
    world.heal("T2").await.unwrap_err();
    assert_eq!(world.forced()[6..], [false, true]);

    let script = ["T1", "T2", "T3"].map(token).to_vec();
    let world = World::with(TokenEndpoint::Token, script).await;
    world.text().await;
    world.heal("T1").await.unwrap();
    world.later(28);
    world.heal("T2").await.unwrap_err();
    assert_eq!(world.fake.requests().len(), 2, "it would end the token");
    world.later(2);
    assert_eq!(world.heal("T2").await.unwrap(), "T3");
}

#[tokio::test]
async fn a_token_that_comes_again_though_forced_is_stale() {
    let world = World::new(vec![token("T1")]).await;
    world.text().await;
    let error = world.heal("T1").await.unwrap_err();
    assert!(matches!(error.fault(), Fault::Stale), "{error}");
    assert_eq!(world.forced(), [false, false, true]);
}

#[tokio::test]
async fn a_day_has_twenty_forced_refreshes() {
    let world = World::new(vec![token("T1")]).await;
    world.text().await;
    // 25 heals within 750 s; none of them on both sides of midnight in Beijing.
    let left_ms = DAY_MS - (world.clock.wall() + 8 * 3_600_000) % DAY_MS;
    if left_ms < 1_000_000 {
        world.clock.advance(Duration::from_millis(left_ms));
    }
    for _ in 0..25 {
        world.later(30);
        world.heal("T1").await.unwrap_err();
    }
    let forced = world.forced().into_iter().filter(|forced| *forced).count();
    assert_eq!(forced, 20);
}

const DAY_MS: u64 = 86_400_000;

#[tokio::test]
async fn the_plain_endpoint_is_never_forced() {
    let world = World::with(TokenEndpoint::Token, vec![token("T1"), token("T2")]).await;
    world.text().await;
    assert_eq!(world.heal("T1").await.unwrap(), "T2");
    assert_eq!(world.fake.requests().len(), 2);
}

#[tokio::test]
async fn a_short_life_is_used_nearly_to_its_end() {
    let world = World::new(vec![living("T1", 20), living("T2", 20)]).await;
    assert_eq!(world.text().await, "T1");
    world.later(17);
    assert_eq!(world.text().await, "T1");
    world.later(2);
    assert_eq!(world.text().await, "T2");
}

#[tokio::test]
async fn nothing_shows_the_token() {
    let world = World::new(vec![token("T0KEN")]).await;
    let token = world.authority.token().await.unwrap();
    let shown = format!("{token:?} {:?} {:#?}", world.authority, world.authority);
    for secret in ["T0KEN", "5ec3e75", &crate::ids::hex(token.sha256())] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert!(shown.contains("wx0123456789abcdef"));
}
