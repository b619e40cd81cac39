//! How much one address may do, and what it is told: always in a way that a page can read.

use std::time::Duration;

use serde_json::json;
use socket2::SockRef;

use crate::support::{Browser, Gateway, Raw, frame, spawn_gateway_with, within};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

async fn refused_start(gateway: &Gateway) -> (u64, Option<u64>, u16) {
    let mut tab = gateway.browser().await;
    let challenge = tab.challenge();
    tab.say(json!({ "type": "start", "challenge": challenge }))
        .await;
    let (error, close, _) = tab.refused().await;
    let error = &error["error"];
    assert_eq!(error["retryable"], true);
    (
        error["code"].as_u64().unwrap(),
        error["retry_after_ms"].as_u64(),
        close,
    )
}

fn is_within(wait: Option<u64>, most: u64) -> bool {
    wait.is_some_and(|wait| (1..=most).contains(&wait))
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_of_one_address() {
    let gateway = spawn_gateway_with(&[("limits.sockets_per_address", "2")]).await;
    let mut first = gateway.browser().await;
    let mut second = gateway.browser().await;
    first.start().await;
    second.start().await;
    // The page may have spoken already when it is turned away.
    let mut third = Raw::connect(gateway.addr).await;
    let mut bytes = Raw::request(gateway.addr, &Raw::page(gateway.addr)).into_bytes();
    bytes.extend(frame(0x81, br#"{"type":"pong"}"#));
    third.send(&bytes).await;
    third.head().await;
    let ending = third.ending().await;
    assert_eq!(
        ending.refusal(),
        (Some(42900), Some(10_000), Some(4429)),
        "{ending:?}"
    );
    assert!(!ending.reset, "the page can read it");

    second.leave().await;
    let place = async {
        loop {
            let mut next = gateway.browser().await;
            if next.next("a word").await["type"] == "hello" {
                return next;
            }
        }
    };
    let mut next = Box::pin(within("the place that was left", place)).await;
    next.start().await;
    assert!(first.told_meanwhile().await.is_empty());
}

/// Connections are counted by the listener for each worker, sockets once for all.
#[tokio::test(flavor = "multi_thread")]
async fn all_sockets_of_the_gateway() {
    let gateway =
        spawn_gateway_with(&[("server.max_connections", "2"), ("server.workers", "2")]).await;
    let mut first = gateway.browser().await;
    first.start().await;
    let mut second = gateway.browser().await;
    second.start().await;
    let (error, close, _) = gateway.browser().await.refused().await;
    assert_eq!((&error["error"]["code"], close), (&json!(50300), 1013));
    assert!(
        is_within(error["error"]["retry_after_ms"].as_u64(), 10_000),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn scenes_of_one_address_in_a_minute() {
    let gateway = spawn_gateway_with(&[("limits.scenes_per_address_per_min", "3")]).await;
    let mut tab = gateway.browser().await;
    tab.start().await;
    tab.say(json!({ "type": "refresh" })).await;
    tab.event("pending").await;
    gateway.browser().await.start().await;

    let (code, wait, close) = refused_start(&gateway).await;
    assert_eq!((code, close), (42900, 4429));
    assert!(is_within(wait, 20_000), "{wait:?}");
    let body = json!({ "challenge": tab.challenge() });
    let answer = tab
        .http
        .post(gateway.api("/scenes"))
        .header("origin", gateway.origin())
        .json(&body);
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), 429);
    let seconds: u64 = answer.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=20).contains(&seconds));
    let body: serde_json::Value = answer.json().await.unwrap();
    assert!(is_within(body["retry_after_ms"].as_u64(), 20_000), "{body}");

    tab.say(json!({ "type": "refresh" })).await;
    assert_eq!(tab.refused().await.1, 4429, "a refresh is a new scene too");
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_of_secrets() {
    let gateway = spawn_gateway_with(&[("limits.failed_resumes_per_address_per_min", "3")]).await;
    let mut owner = gateway.browser().await;
    let pending = owner.start().await;
    for _ in 0..3 {
        let mut guess = gateway.browser().await;
        guess
            .resume(&json!({ "scene": pending["scene"], "secret": "guess" }), 0)
            .await;
        assert_eq!(guess.refused().await.1, 4404);
    }
    let mut shut_out = gateway.browser().await;
    shut_out.resume(&pending, 1).await;
    let (error, close, _) = shut_out.refused().await;
    assert_eq!(
        (&error["error"]["code"], &error["ref"], close),
        (&json!(42900), &json!("resume"), 4429)
    );
    assert!(
        is_within(error["error"]["retry_after_ms"].as_u64(), 20_000),
        "{error}"
    );

    let path = format!("/scenes/{}", pending["scene"].as_str().unwrap());
    let right = format!("Scene {}", pending["secret"].as_str().unwrap());
    let answer = owner
        .http
        .get(gateway.api(&path))
        .header("authorization", right)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 429, "guesses are counted over all doors");
    assert!(
        owner.told_meanwhile().await.is_empty(),
        "who is inside stays inside"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_handshakes_gets_429_before_the_upgrade() {
    let gateway = spawn_gateway_with(&[("limits.handshakes_per_address_per_s", "3")]).await;
    let flood = async {
        loop {
            match Browser::open_as(&gateway, &gateway.origin(), Some("scan.v1")).await {
                Ok(_) => {}
                Err(refused) => return refused,
            }
        }
    };
    let refused = Box::pin(within("the limit", flood)).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_gateway_says_so() {
    let gateway = spawn_gateway_with(&[("limits.live_scenes", "1")]).await;
    let mut tab = gateway.browser().await;
    tab.start().await;
    let (code, wait, close) = refused_start(&gateway).await;
    assert_eq!((code, close), (50300, 1013));
    assert!(wait.is_some(), "when to come back");
    let body = json!({ "challenge": tab.challenge() });
    let (status, answer) = tab.post(&gateway.api("/scenes"), body).await;
    assert_eq!((status, &answer["name"]), (503, &json!("overloaded")));
    assert!(answer["retry_after_ms"].is_u64());

    gateway.later(Duration::from_secs(121));
    tab.event("expired").await;
    gateway.later(Duration::from_secs(301));
    gateway
        .until_metric(r#"scangate_scenes{state="expired"}"#, 0.0)
        .await;
    gateway.browser().await.start().await;
}

/// It pings and pings and never reads the answers; others must not notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_does_not_read_ends_its_own_socket_only() {
    let gateway = spawn_gateway_with(&[
        ("limits.frames_per_s", "1000"),
        ("limits.frame_burst", "1000000"),
    ])
    .await;
    let mut slow = Raw::upgraded(gateway.addr).await;
    SockRef::from(&slow.stream)
        .set_recv_buffer_size(4_096)
        .unwrap();
    slow.say(&format!(r#"{{"type":"start","challenge":"{CHALLENGE}"}}"#))
        .await;
    let flood = tokio::spawn(async move {
        let pings = frame(0x89, &[b'x'; 125]).repeat(100);
        while slow.send(&pings).await {}
        slow
    });

    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    let phone = gateway.phone("lixiaolong");
    phone.confirm(pending["qr"]["text"].as_str().unwrap()).await;
    tab.event("scanned").await;
    let grant = tab.event("authorized").await["grant"].clone();

    gateway
        .until_metric(r#"scangate_sockets_closed_total{code="1001"}"#, 1.0)
        .await;
    assert!(tab.told_meanwhile().await.is_empty());
    assert_eq!(tab.redeem(&grant).await.0, 200);
    gateway.until_metric("scangate_sockets", 0.0).await;
    flood.abort();
}

/// Behind one address there may be a whole company, whose pages renew all day; guesses are another matter.
#[tokio::test(flavor = "multi_thread")]
async fn refreshing_is_limited_for_those_who_guess() {
    let gateway = spawn_gateway_with(&[("limits.token_per_address_per_min", "2")]).await;
    let ours = gateway.login("zoe").await;
    for _ in 0..5 {
        assert_eq!(gateway.refresh(ours.cookie()).await.status, 200);
    }
    let guess = || gateway.refresh("scangate=guess");
    assert_eq!(guess().await.code(), 40100);
    assert_eq!(guess().await.code(), 42900);
    assert_eq!(gateway.refresh(ours.cookie()).await.status, 200);
    gateway.stop().await;
}
