//! `GET /scenes/{scene}/events`: the scene's events as a stream.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Caller, close_code, path, read, spawn_gateway, spawn_gateway_with, within};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_by_stream_has_the_socket_s_events() {
    let gateway = spawn_gateway().await;
    let (caller, tab) = (Caller::new(&gateway), gateway.browser().await);
    let pending = caller.open(&tab.challenge()).await;
    let mut stream = caller.stream(&pending, None).await;
    let first = stream.event("pending").await;
    assert_eq!(first.id.as_deref(), Some("1"));
    let mut expected = pending.clone();
    expected["replay"] = json!(true);
    assert_eq!(first.data, expected, "it opens with the latest event");

    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    let scanned = stream.event("scanned").await;
    assert_eq!(scanned.id.as_deref(), Some("2"));
    assert_eq!(
        caller.poll(&pending, "after=1").await.1["data"],
        scanned.data,
        "the same as a poll has"
    );
    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    let authorized = stream.event("authorized").await;
    assert_eq!(authorized.id.as_deref(), Some("3"));

    let (status, _) = tab.redeem(&authorized.data["grant"]).await;
    assert_eq!(status, 200);
    assert!(
        stream.has_ended().await,
        "redeemed: over, without a further event"
    );
    let (status, answer) =
        read(caller.get(&path(&pending, "events"), Some(&pending["secret"]))).await;
    assert_eq!((status, &answer["code"]), (410, &json!(41000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_is_not_said_again() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let mut stream = caller.stream(&pending, Some("1")).await;
    let phone = gateway.phone("zoe");
    let asks = phone.scan(text(&pending)).await;
    stream.event("scanned").await;
    drop(stream);

    phone.press(&asks, "reject").await;
    let mut late = caller.stream(&pending, Some("2")).await;
    let rejected = late.event("rejected").await;
    assert_eq!(
        (rejected.id.as_deref(), &rejected.data["by"]),
        (Some("3"), &json!("user"))
    );
    assert!(late.has_ended().await, "an end ends the stream");
    assert!(
        caller.stream(&pending, Some("3")).await.has_ended().await,
        "also when it was seen"
    );
}

/// A number that is not this scene's, say of the scene before a refresh, hides nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_last_event_id_hides_nothing() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    for seen in ["4", "18446744073709551615", "-1", "abc", ""] {
        let pending = caller.open(CHALLENGE).await;
        let mut stream = caller.stream(&pending, Some(seen)).await;
        assert_eq!(
            stream.event("pending").await.id.as_deref(),
            Some("1"),
            "{seen}"
        );
        gateway.phone("zoe").scan(text(&pending)).await;
        stream.event("scanned").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_the_scene() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let (first, second) = (caller.open(CHALLENGE).await, caller.open(CHALLENGE).await);
    let mut cancelled = caller.stream(&first, Some("1")).await;
    assert_eq!(caller.command(&first, "cancel").await.0, 200);
    cancelled.event("cancelled").await;
    assert!(cancelled.has_ended().await);
    let mut expired = caller.stream(&second, Some("1")).await;
    gateway.later(Duration::from_secs(121));
    expired.event("expired").await;
    assert!(expired.has_ended().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_and_socket_take_each_other_over() {
    let gateway = spawn_gateway().await;
    let (caller, mut tab) = (Caller::new(&gateway), gateway.browser().await);
    let pending = tab.start().await;
    let mut stream = caller.stream(&pending, Some("1")).await;
    let (error, code, _) = tab.refused().await;
    assert_eq!((&error["error"]["code"], code), (&json!(40901), 4409));

    let mut newer = caller.stream(&pending, Some("1")).await;
    let told = stream.event("error").await;
    assert_eq!(
        (told.id, &told.data["error"]["code"]),
        (None, &json!(40901))
    );
    assert!(stream.has_ended().await);

    let mut socket = gateway.browser().await;
    socket.resume(&pending, 1).await;
    socket.event("pending").await;
    let told = newer.event("error").await;
    assert_eq!(told.data["error"]["name"], "taken_over");
    assert!(newer.has_ended().await);
    gateway.phone("zoe").scan(text(&pending)).await;
    socket.event("scanned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_shows_that_it_lives() {
    let gateway = spawn_gateway_with(&[("scene.pending_ttl_s", "1800")]).await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let mut stream = caller.stream(&pending, None).await;
    stream.event("pending").await;
    for _ in 0..3 {
        let mut sign = Box::pin(stream.block());
        let sign = loop {
            tokio::select! {
                sign = &mut sign => break sign,
                _ = gateway.readiness() => gateway.later(Duration::from_secs(16)),
            }
        };
        assert!(sign.unwrap().comment);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_counts_as_a_socket_and_gives_its_place_back() {
    let gateway = spawn_gateway_with(&[("limits.sockets_per_address", "1")]).await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let stream = caller.stream(&pending, None).await;
    let refused = read(caller.get(&path(&pending, "events"), Some(&pending["secret"]))).await;
    assert_eq!((refused.0, &refused.1["code"]), (429, &json!(42900)));
    let mut tab = gateway.browser().await;
    let (error, code, _) = tab.refused().await;
    assert_eq!((&error["error"]["code"], code), (&json!(42900), 4429));

    drop(stream);
    let place = async {
        loop {
            // It is the writing of the next signs of life that shows that nobody reads.
            gateway.later(Duration::from_secs(16));
            let mut tab = gateway.browser().await;
            if tab.next("a word").await["type"] == "hello" {
                return tab;
            }
        }
    };
    let mut tab = Box::pin(within("the place that was left", place)).await;
    tab.start().await;
    tab.leave().await;
    assert_eq!(close_code(&tab.ended().await), 1006, "gone already");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_a_replaced_code_ends() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let mut stream = caller.stream(&pending, None).await;
    stream.event("pending").await;
    let (status, answer) = caller.command(&pending, "refresh").await;
    assert_eq!((status, &answer["data"]["seq"]), (201, &json!(1)));
    assert!(
        stream.has_ended().await,
        "nothing more can come of the old one"
    );
}
