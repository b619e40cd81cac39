//! Against a real Redis.

use std::time::Duration;

use super::*;
use crate::{
    clock::Stopwatch,
    cluster::{self, Bus, Once, Quota, Shared},
    event::{Envelope, EventSink, Refusal},
    scene::{
        Advanced, Effect, Input, News, Scene, SceneStore, Secret, State, Watch,
        conformance::{self, LIVES, confirm, scan},
    },
    tasks::Tasks,
};

mod agreement;
#[path = "../../../../tests/redis/server.rs"]
mod server;
#[path = "../../../../tests/redis/topology.rs"]
mod servers;
mod topology;
mod trouble;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn open(server: &server::Redis, limit: usize) -> Redis {
    open_at(server.url(), limit).await
}

async fn open_at(url: String, limit: usize) -> Redis {
    let url = SecretString::from(url);
    let redis = Redis::open(&url, "a", limit, LIVES, &Clock::new()).await;
    redis.unwrap_or_else(|error| panic!("{error}"))
}

/// Two nodes with one Redis.
async fn pair(server: &server::Redis) -> (Redis, Redis) {
    (open(server, 100).await, open(server, 100).await)
}

/// A scene that begins now.
fn scene(redis: &Redis) -> Scene {
    let mut scene = conformance::scene(&Secret::random());
    scene.at = redis.scenes.clock.now();
    scene.deadline = scene.at + 120_000;
    scene
}

/// Until everything that lives no longer than this is gone: Redis's time is nobody's to move.
async fn outlive(redis: &Redis, span: Duration) {
    let span = i64::try_from(span.as_millis()).unwrap();
    let all: Vec<String> = redis.link.ask(redis::cmd("KEYS").arg("*")).await.unwrap();
    for key in all {
        let left = async || -> i64 { redis.link.ask(redis::cmd("PTTL").arg(&key)).await.unwrap() };
        if (0..=span).contains(&left().await) {
            let gone = async { while left().await >= 0 {} };
            tokio::time::timeout(PATIENCE, gone).await.expect("its end");
        }
    }
}

impl Redis {
    async fn advance(&self, scene: &Scene, input: &Input) -> Advanced {
        let now = self.scenes.clock.now();
        self.scenes.advance(&scene.id, input, now).await.unwrap()
    }

    /// The same while Redis may be away.
    async fn try_advance(&self, scene: &Scene, input: &Input) -> Advanced {
        let now = self.scenes.clock.now();
        let advanced = self.scenes.advance(&scene.id, input, now).await;
        advanced.unwrap_or(Advanced::Unknown)
    }

    async fn news(&self) -> News {
        let news = tokio::time::timeout(PATIENCE, self.scenes.news());
        news.await.expect("news in time")
    }
}

#[tokio::test]
async fn scenes_keep_the_contract() {
    let server = server::Redis::start();
    conformance::scene_store(async |limit, _| {
        let redis = open(&server, limit).await;
        let () = redis.link.ask(&redis::cmd("FLUSHALL")).await.unwrap();
        redis.scenes
    })
    .await;
}

#[tokio::test]
async fn claims_keep_the_contract() {
    let server = server::Redis::start();
    let redis = open(&server, 10).await;
    let later = async |span| outlive(&redis, span).await;
    cluster::conformance::once(&redis.once, later).await;
}

#[tokio::test]
async fn shared_values_keep_the_contract() {
    let server = server::Redis::start();
    let redis = open(&server, 10).await;
    let later = async |span| outlive(&redis, span).await;
    cluster::conformance::shared(&redis.shared, later).await;
}

#[tokio::test]
async fn two_nodes_share_one_quota() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    for _ in 0..3 {
        for node in [&one, &other] {
            assert_eq!(node.quota.take("a", 6).await.unwrap(), None);
        }
    }
    for node in [&one, &other] {
        let wait = node.quota.take("a", 6).await.unwrap().expect("used up");
        assert!(wait <= Duration::from_secs(10), "{wait:?}");
        assert_eq!(node.quota.take("b", 6).await.unwrap(), None, "another's");
    }
}

#[tokio::test]
async fn nothing_stays_for_ever() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let scene = scene(&one);
    one.scenes.create(scene.clone()).await.unwrap();
    other.advance(&scene, &scan()).await;
    let minute = Duration::from_secs(60);
    let claim = one.once.claim("state:1", minute, Duration::ZERO);
    claim.await.unwrap();
    one.quota.take("a", 6).await.unwrap();
    let lease = one.shared.lease("a", minute).await.unwrap().unwrap();
    one.shared
        .write(&lease, &"value".into(), minute)
        .await
        .unwrap();
    one.shared.lease("a", minute).await.unwrap().unwrap();
    let keys: Vec<String> = one.link.ask(redis::cmd("KEYS").arg("*")).await.unwrap();
    assert_eq!(
        keys.len(),
        7,
        "scene, queue, log, claim, quota, value, lease: {keys:?}"
    );
    for key in &keys {
        let life: i64 = one.link.ask(redis::cmd("PTTL").arg(key)).await.unwrap();
        assert!(life > 0, "{key}: {life}");
    }

    // The queue of deadlines is emptied by whoever ends and forgets what is in it.
    other.advance(&scene, &Input::Cancel).await;
    assert!(one.scenes.forget(&scene.id, u64::MAX).await.unwrap());
    let due: u32 = one
        .link
        .ask(redis::cmd("EXISTS").arg(keys::due(0)))
        .await
        .unwrap();
    assert_eq!(due, 0);
}

#[tokio::test]
async fn a_step_elsewhere_is_heard_once_and_a_step_here_is_not() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let scene = scene(&one);
    one.scenes.create(scene.clone()).await.unwrap();
    other.advance(&scene, &scan()).await;
    let News::Moved(moved, Effect::Announce) = one.news().await else {
        panic!("a message");
    };
    assert_eq!((moved.id, moved.seq), (scene.id, 2));
    one.advance(&scene, &confirm()).await;
    other
        .advance(
            &scene,
            &Input::Redeem {
                receipt: "{}".to_owned(),
            },
        )
        .await;
    let News::Moved(moved, Effect::Finish) = one.news().await else {
        panic!("what this node did itself is no news");
    };
    assert!(moved.is_redeemed());
    // The log knows all of it, and says none of it again before the next step.
    for _ in 0..2 {
        let next = self::scene(&one);
        one.scenes.create(next.clone()).await.unwrap();
        one.scenes.clock.advance(Duration::from_secs(1));
        let step = async { other.advance(&next, &scan()).await };
        let (news, _) = tokio::join!(one.news(), step);
        assert!(
            matches!(&news, News::Moved(moved, _) if moved.id == next.id),
            "{news:?}"
        );
    }
}

#[tokio::test]
async fn a_lost_message_is_found_in_the_log() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let scene = scene(&one);
    one.scenes.create(scene.clone()).await.unwrap();
    let unsubscribe = redis::cmd("UNSUBSCRIBE");
    // Nobody hears: the next message is lost.
    let _: Result<redis::Value, _> = one.link.ask(&unsubscribe).await;
    other.advance(&scene, &scan()).await;
    let began = Stopwatch::start();
    loop {
        match one.news().await {
            News::Changed(id, Effect::Announce) => break assert_eq!(id, scene.id),
            News::Gap => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn the_last_node_that_holds_a_scene_hears_of_it() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let scene = scene(&one);
    one.scenes.create(scene.clone()).await.unwrap();
    other.scenes.watch(&scene.id, Watch::Holding).await.unwrap();
    assert!(matches!(one.news().await, News::TakenOver(id) if id == scene.id));
    assert!(!one.scenes.is_held_here(&scene.id).await.unwrap());
    one.advance(&scene, &scan()).await;
    assert!(matches!(other.news().await, News::Moved(..)));

    // Beside it, as long as it wants to.
    let until = one.scenes.clock.now() + 60_000;
    let listen = one.scenes.watch(&scene.id, Watch::Listening(until));
    listen.await.unwrap();
    other.advance(&scene, &confirm()).await;
    let News::Moved(moved, _) = one.news().await else {
        panic!("a listener hears too");
    };
    assert!(matches!(moved.state, State::Authorized { .. }));
}

#[tokio::test]
async fn a_short_listener_leaves_a_long_one_its_time() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let scene = scene(&one);
    one.scenes.create(scene.clone()).await.unwrap();
    let now = other.scenes.clock.now();
    for until in [now + 60_000, now + 1] {
        let listen = other.scenes.watch(&scene.id, Watch::Listening(until));
        listen.await.unwrap();
    }
    other.scenes.clock.advance(Duration::from_secs(1));
    one.advance(&scene, &scan()).await;
    assert!(matches!(other.news().await, News::Moved(..)));
}

#[tokio::test]
async fn what_a_dead_node_left_is_overdue_for_one_of_the_others() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    let dead = open(&server, 100).await;
    let scene = Scene {
        deadline: dead.scenes.clock.now() + 50,
        ..scene(&dead)
    };
    dead.scenes.create(scene.clone()).await.unwrap();
    drop(dead);
    let first = tokio::select! {
        news = one.news() => news,
        news = other.news() => news,
    };
    assert!(
        matches!(first, News::Overdue(id) if id == scene.id),
        "{first:?}"
    );
}

#[tokio::test]
async fn a_note_reaches_every_node() {
    let server = server::Redis::start();
    let (one, other) = pair(&server).await;
    one.bus.tell("a note").await.unwrap();
    for node in [one, other] {
        let heard = tokio::time::timeout(PATIENCE, node.bus.hear()).await;
        assert_eq!(heard.unwrap(), "a note");
    }
}

#[tokio::test]
async fn login_events_stand_in_their_stream_in_order() {
    let server = server::Redis::start();
    let redis = open(&server, 10).await;
    let stream = RedisStream::new(redis.link.clone(), "logins".to_owned(), 100);
    let ids: Vec<String> = (0..1_000).map(|nth| format!("event-{nth}")).collect();
    let events = ids.iter().map(|id| Envelope {
        id,
        about: "u",
        kind: "scangate.user.created".to_owned(),
        json: format!(r#"{{"id":"{id}"}}"#),
    });
    let events: Vec<_> = events.collect();
    let results = stream.deliver(&events).await;
    assert!(results.len() == 1_000 && results.iter().all(Result::is_ok));

    let mut latest = redis::cmd("XREVRANGE");
    latest.arg("logins").arg("+").arg("-").arg("COUNT").arg(2);
    let found: Vec<(String, Vec<String>)> = redis.link.ask(&latest).await.unwrap();
    let fields: Vec<_> = found.into_iter().map(|(_, fields)| fields).collect();
    let due = |id: &str| {
        let json = format!(r#"{{"id":"{id}"}}"#);
        ["id", id, "type", "scangate.user.created", "event", &json].map(str::to_owned)
    };
    assert_eq!(fields, [due("event-999"), due("event-998")]);
    let kept: u32 = redis
        .link
        .ask(redis::cmd("XLEN").arg("logins"))
        .await
        .unwrap();
    assert!((100..300).contains(&kept), "{kept} of about 100");
    drop(server);
    let refused = stream.deliver(&events[..3]).await;
    let is_later = |one: &Result<(), Refusal>| matches!(one, Err(Refusal::Later(_)));
    assert!(
        refused.len() == 3 && refused.iter().all(is_later),
        "{refused:?}"
    );
}
