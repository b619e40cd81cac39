//! Several gateways that are one: the socket is on one node, the phone comes to another.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    Doctor, Gateway, Redis, call, close_code, spawn_cluster, spawn_cluster_with, within,
};

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_one_node_logs_a_browser_on_another_in() {
    let cluster = spawn_cluster().await;
    let mut browser = cluster.second.browser().await;
    let pending = browser.start().await;
    let phone = cluster.first.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    assert_eq!(browser.event("scanned").await["seq"], 2);
    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    let authorized = browser.event("authorized").await;
    // The grant is redeemed at the node that has not made the scene.
    let (status, answer) = browser.redeem(&authorized["grant"]).await;
    assert_eq!((status, &answer["code"]), (200, &json!(0)), "{answer}");
    assert_eq!(close_code(&browser.ended().await), 1000);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_comes_back_to_another_node_with_the_same_code() {
    let cluster = spawn_cluster().await;
    let mut before = cluster.first.browser().await;
    let pending = before.start().await;
    let phone = cluster.first.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    before.event("scanned").await;

    let mut after = cluster.second.browser().await;
    after.resume(&pending, 1).await;
    let scanned = after.event("scanned").await;
    assert_eq!(
        (&scanned["seq"], &scanned["replay"]),
        (&json!(2), &json!(true))
    );
    // The last socket wins, on whichever node it is.
    let (error, code, _) = before.refused().await;
    assert_eq!((&error["error"]["code"], code), (&json!(40901), 4409));

    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    after.event("authorized").await;
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_back_again_and_again_is_not_sent_away() {
    let cluster = spawn_cluster().await;
    let mut first = cluster.first.browser().await;
    let pending = first.start().await;
    for round in 0..6 {
        let node = [&cluster.second, &cluster.first][round % 2];
        let mut next = node.browser().await;
        next.resume(&pending, 1).await;
        assert_eq!(next.event("pending").await["scene"], pending["scene"]);
        assert_eq!(first.refused().await.1, 4409, "round {round}");
        assert_eq!(next.told_meanwhile().await, Vec::<Value>::new());
        first = next;
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_and_a_stream_on_one_node_hear_of_a_phone_on_another() {
    let cluster = spawn_cluster().await;
    let mut browser = cluster.first.browser().await;
    let pending = browser.start().await;
    let path = format!("/scenes/{}", pending["scene"].as_str().unwrap());
    let secret = format!("Scene {}", pending["secret"].as_str().unwrap());
    let second = &cluster.second;
    let url = |path: &str| format!("http://{}/api/v1{path}", second.addr);
    let get = |path: &str| {
        let request = second.get(&url(path)).header("authorization", &secret);
        request.header("host", second.url.authority())
    };
    let poll = tokio::spawn(call(get(&format!("{path}?after=1&wait=20"))));
    let phone = cluster.first.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    browser.event("scanned").await;
    let answer = within("the poll", poll).await.unwrap();
    assert_eq!(answer.json["data"]["type"], "scanned", "{answer:?}");

    let mut stream = within("the stream", get(&format!("{path}/events")).send())
        .await
        .unwrap();
    assert_eq!(
        browser.refused().await.1,
        4409,
        "a stream takes the scene over as a socket does"
    );
    let mut heard = String::new();
    phone.press(&asks, "reject").await;
    while !heard.contains("event: rejected") {
        let chunk = within("an event", stream.chunk()).await.unwrap();
        heard += &String::from_utf8_lossy(&chunk.expect("the stream goes on"));
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_on_one_node_ends_in_the_tabs_of_another() {
    let cluster = spawn_cluster().await;
    let mut browser = cluster.first.browser().await;
    let pending = browser.start().await;
    cluster
        .first
        .phone("lixiaolong")
        .confirm(text(&pending))
        .await;
    browser.event("scanned").await;
    let authorized = browser.event("authorized").await;
    let (_, answer) = browser.redeem(&authorized["grant"]).await;
    let token = answer["data"]["access_token"].as_str().unwrap();
    let mut tab = cluster.second.browser().await;
    tab.say(json!({ "type": "attach", "access_token": token }))
        .await;
    tab.event("attached").await;
    let logout = cluster.first.api("/auth/logout");
    let (status, _) = browser.post(&logout, json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(
        tab.event("session_revoked").await["session_id"],
        answer["data"]["session_id"]
    );
    assert_eq!(close_code(&tab.ended().await), 1000);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_one_whichever_node_it_comes_to() {
    let cluster = spawn_cluster_with(&[("limits.scenes_per_address_per_min", "4")]).await;
    for node in [
        &cluster.first,
        &cluster.second,
        &cluster.first,
        &cluster.second,
    ] {
        node.browser().await.start().await;
    }
    for node in [&cluster.first, &cluster.second] {
        let mut browser = node.browser().await;
        let challenge = browser.challenge();
        browser
            .say(json!({ "type": "start", "challenge": challenge }))
            .await;
        let (error, code, _) = browser.refused().await;
        assert_eq!((&error["error"]["code"], code), (&json!(42900), 4429));
        assert!(
            error["error"]["retry_after_ms"].as_u64().is_some(),
            "{error}"
        );
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_access_token_is_everybodys() {
    let cluster = spawn_cluster_with(&[("server.admin_token", "long-enough-for-a-test")]).await;
    let token = async |node: &Gateway, body: Value| {
        let url = format!("http://{}/wechat/access-token", node.admin);
        let asked = node
            .method("POST", &url)
            .bearer_auth("long-enough-for-a-test");
        let answer = call(asked.json(&body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json["access_token"].clone()
    };
    let first = token(&cluster.first, json!({})).await;
    assert_eq!(token(&cluster.second, json!({})).await, first);
    let fetched = async |node: &Gateway| {
        let line = "scangate_wechat_requests_total{endpoint=\"stable_token\",outcome=\"ok\"}";
        node.metric(line).await
    };
    let total = fetched(&cluster.first).await + fetched(&cluster.second).await;
    assert!((total - 1.0).abs() < f64::EPSILON, "{total} fetches");

    // Both find it refused: it is asked for again and then forced, once for both.
    let digest = Sha256::digest(first.as_str().unwrap());
    let hex = digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let stale = json!({ "stale_sha256": hex });
    let (one, other) = tokio::join!(
        token(&cluster.first, stale.clone()),
        token(&cluster.second, stale)
    );
    assert_eq!(one, other);
    assert_ne!(one, first);
    let total = fetched(&cluster.first).await + fetched(&cluster.second).await;
    assert!((total - 3.0).abs() < f64::EPSILON, "{total} fetches");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_redis() {
    let (redis, data) = (Redis::start(), tempfile::tempdir().unwrap());
    let doctor = || Doctor::new(&data).set("cluster.url", redis.url());
    let found = doctor().findings().await;
    found.say("cluster", "right", "Redis 7.");
    found.say("cluster_database", "weak", "PostgreSQL");
    found.omit("cluster_memory");
    found.omit("cluster_tls");
    let evicting = Redis::start_with(&["--maxmemory-policy", "allkeys-lru"]);
    let found = doctor().set("cluster.url", evicting.url()).findings().await;
    found.say("cluster_memory", "weak", "allkeys-lru");
    drop(redis);
    let found = Doctor::new(&data)
        .set("cluster.url", "redis://:sesame@127.0.0.1:1")
        .findings()
        .await;
    found.say("cluster", "wrong", "will not start");
    assert!(!found.json.to_string().contains("sesame"));
}
