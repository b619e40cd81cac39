//! Several gateways that are one, while a node dies or Redis is away.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Redis, close_code, event, spawn_cluster, spawn_cluster_with};

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scene_of_a_node_that_died_ends_on_time() {
    let cluster = spawn_cluster_with(&[("scene.pending_ttl_s", "10")]).await;
    let mut browser = cluster.second.browser().await;
    let pending = browser.start().await;
    // Its loops stop with it; as a node that is killed it leaves its scenes behind.
    cluster.second.stop().await;
    let mut back = cluster.first.browser().await;
    back.resume(&pending, 1).await;
    back.event("pending").await;
    cluster.first.later(Duration::from_secs(10));
    assert_eq!(back.event("expired").await["seq"], 2);
    cluster.first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_sockets_stay_and_new_codes_are_refused_at_once() {
    let cluster = spawn_cluster().await;
    let mut waiting = cluster.second.browser().await;
    let pending = waiting.start().await;
    let phone = cluster.first.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    waiting.event("scanned").await;

    cluster.redis.pause();
    let mut refused = cluster.second.browser().await;
    let challenge = refused.challenge();
    refused
        .say(json!({ "type": "start", "challenge": challenge }))
        .await;
    let error = refused.event("error").await;
    assert_eq!(error["error"]["code"], 50300);
    assert!(
        error["error"]["retry_after_ms"].as_u64().is_some(),
        "{error}"
    );
    assert_eq!(
        cluster.second.readiness().await,
        200,
        "the others would be no better off"
    );
    assert_eq!(waiting.told_meanwhile().await, Vec::<Value>::new());
    cluster.redis.resume();

    // As soon as it is back everything goes on where it was.
    let consent = loop {
        let page = phone.press(&asks, "confirm").await;
        if page.status < 500 {
            break page;
        }
    };
    phone.press(&consent, "confirm").await;
    waiting.event("authorized").await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_comes_back_empty_lets_pages_begin_again() {
    let mut cluster = spawn_cluster().await;
    let mut browser = cluster.second.browser().await;
    browser.start().await;
    let port = cluster.redis.port;
    cluster.redis = {
        let before = cluster.redis;
        drop(before);
        Redis::start_at(port, &[])
    };
    let (error, code, _) = browser.refused().await;
    assert_eq!((&error["error"]["code"], code), (&json!(40401), 4404));
    let mut again = cluster.second.browser().await;
    again.start().await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_redis_has_lost_track_of_is_asked_back() {
    let cluster = spawn_cluster().await;
    let mut browser = cluster.second.browser().await;
    let pending = browser.start().await;
    // As a failover does to a replica that had not heard of the last resume.
    let client = redis::Client::open(cluster.redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let key = format!(
        "scangate:{{00}}:scene:{}",
        pending["scene"].as_str().unwrap()
    );
    let mut forget = redis::cmd("HSET");
    forget.arg(key).arg("h").arg("somebody-before");
    let _: u32 = forget.query_async(&mut connection).await.unwrap();
    let mut kill = redis::cmd("CLIENT");
    kill.arg("KILL")
        .arg("SKIPME")
        .arg("yes")
        .arg("TYPE")
        .arg("pubsub");
    let killed: u32 = kill.query_async(&mut connection).await.unwrap();
    assert_eq!(killed, 2, "each node has one connection, which subscribes");

    assert_eq!(close_code(&browser.ended().await), 1012);
    let mut back = cluster.first.browser().await;
    back.resume(&pending, 1).await;
    assert_eq!(back.event("pending").await["scene"], pending["scene"]);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_taker_died_is_taken_by_its_repeat() {
    let cluster = spawn_cluster().await;
    let mut browser = cluster.second.browser().await;
    let challenge = browser.challenge();
    browser
        .say(json!({ "type": "start", "challenge": challenge, "flow": "official_account" }))
        .await;
    let pending = browser.event("pending").await;
    let (pusher, now) = (cluster.first.pusher(), cluster.first.now_s());
    // A node has claimed the signature, and died before it could say for what.
    let client = redis::Client::open(cluster.redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut claim = redis::cmd("SET");
    claim
        .arg(format!("scangate:once:push:{now}:n1"))
        .arg("?dead");
    let () = claim
        .arg("PX")
        .arg(60_000)
        .query_async(&mut connection)
        .await
        .unwrap();

    let scan = event(
        "oPerson000000000000000000000",
        now,
        "SCAN",
        pending["scene"].as_str().unwrap(),
    );
    let reply = pusher.push(&pusher.sealed(&scan, now, "n1")).await;
    assert_eq!(reply.status, 200);
    assert_eq!(browser.event("scanned").await["seq"], 2);
    // From here on the signature stands for this and for nothing else.
    let another = event(
        "oSomebodyElse",
        now,
        "SCAN",
        pending["scene"].as_str().unwrap(),
    );
    assert_eq!(
        pusher
            .push(&pusher.sealed(&another, now, "n1"))
            .await
            .status,
        403
    );
    cluster.stop().await;
}
