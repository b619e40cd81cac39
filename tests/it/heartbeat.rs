//! What time does to a socket: pings, silence, deadlines, the end after the end.

use std::time::Duration;

use serde_json::json;

use crate::support::{Browser, close_code, spawn_gateway};

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Whether the page was told nothing but `ping`, which comes at least once in a leap of 25 seconds. It is heard then, so
/// that the next leap finds it no silent one.
async fn is_only_pinged(tab: &mut Browser) -> bool {
    tab.event("ping").await;
    tab.told_meanwhile().await.is_empty()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_state_expires_in_its_time() {
    let gateway = spawn_gateway().await;
    let mut waiting = gateway.browser().await;
    let pending = waiting.start().await;
    let life = |event: &serde_json::Value| {
        event["expires_at"].as_u64().unwrap() - event["at"].as_u64().unwrap()
    };
    assert_eq!(life(&pending), 120_000);
    gateway.later(seconds(110));
    assert!(is_only_pinged(&mut waiting).await);
    gateway.later(seconds(11));
    assert_eq!(waiting.event("expired").await["seq"], 2);

    let mut asked = gateway.browser().await;
    let pending = asked.start().await;
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(pending["qr"]["text"].as_str().unwrap()).await;
    assert_eq!(life(&asked.event("scanned").await), 180_000);
    gateway.later(seconds(150));
    assert!(is_only_pinged(&mut asked).await);
    let consent = phone.press(&asks, "confirm").await;
    assert_eq!(consent.status, 200);
    gateway.later(seconds(31));
    assert_eq!(
        asked.event("expired").await["seq"],
        3,
        "confirming does not give more time"
    );
    phone.press(&consent, "confirm").await;
    assert!(
        asked.told_meanwhile().await.is_empty(),
        "too late is too late"
    );

    let mut signed_in = gateway.browser().await;
    let pending = signed_in.start().await;
    gateway
        .phone("zoe")
        .confirm(pending["qr"]["text"].as_str().unwrap())
        .await;
    signed_in.event("scanned").await;
    let authorized = signed_in.event("authorized").await;
    assert_eq!(life(&authorized), 60_000);
    gateway.later(seconds(61));
    let expired = signed_in.event("expired").await;
    assert_eq!(
        (&expired["seq"], expired.get("expires_at")),
        (&json!(4), None)
    );
    let (status, answer) = signed_in.redeem(&authorized["grant"]).await;
    assert_eq!((status, &answer["code"]), (400, &json!(40002)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_can_be_read_for_five_minutes_and_then_the_socket_closes() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    tab.say(json!({ "type": "cancel" })).await;
    let cancelled = tab.event("cancelled").await;

    gateway.later(seconds(290));
    let mut other = gateway.browser().await;
    assert!(is_only_pinged(&mut tab).await, "still open");
    other.resume(&pending, 0).await;
    assert_eq!(
        other.event("cancelled").await["at"],
        cancelled["at"],
        "still readable"
    );
    assert_eq!(close_code(&tab.ended().await), 4409);

    gateway.later(seconds(11));
    let ended = other.ended().await;
    assert_eq!(close_code(&ended), 1000);
    assert_eq!(ended.unwrap().reason, "finished");
    let mut late = gateway.browser().await;
    late.resume(&pending, 2).await;
    assert_eq!(late.refused().await.1, 4404, "nobody knows it any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_comes_every_25_seconds_and_any_frame_answers_it() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let hello = tab.next("hello").await;
    assert_eq!(
        (&hello["v"], &hello["ping_interval_ms"]),
        (&json!(1), &json!(25_000))
    );
    tab.start().await;
    for answer in ["pong", "frame"] {
        gateway.later(seconds(26));
        let ping = tab.next("ping").await;
        assert_eq!(ping["type"], "ping");
        assert!(ping["now"].as_u64().unwrap() >= hello["now"].as_u64().unwrap() + 25_000);
        if answer == "pong" {
            tab.say(json!({ "type": "pong" })).await;
        }
        assert!(tab.told_meanwhile().await.is_empty());
        gateway.later(seconds(11));
        assert!(
            tab.told_meanwhile().await.is_empty(),
            "{answer}: it was heard"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_after_a_ping_ends_the_socket() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    gateway.later(seconds(26));
    assert_eq!(tab.next("ping").await["type"], "ping");
    gateway.later(seconds(11));
    let ended = tab.ended().await;
    assert_eq!(close_code(&ended), 1001);

    let mut again = gateway.browser().await;
    again.resume(&pending, 1).await;
    assert_eq!(
        again.event("pending").await["seq"],
        1,
        "the scene does not care"
    );
}

/// The gateway's process may be frozen and thawed; the browsers were not silent then, it was deaf.
#[tokio::test(flavor = "multi_thread")]
async fn a_leap_of_time_is_nobodys_silence() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    tab.start().await;
    gateway.later(seconds(11));
    assert!(tab.told_meanwhile().await.is_empty());
    gateway.later(seconds(100));
    assert_eq!(tab.next("ping").await["type"], "ping");
    assert!(tab.told_meanwhile().await.is_empty());
    gateway.later(seconds(5));
    assert!(tab.told_meanwhile().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_at_first_is_shown_out() {
    let gateway = spawn_gateway().await;
    let mut mute = gateway.browser().await;
    let mut chatty = gateway.browser().await;
    let hello = mute.next("hello").await;
    assert_eq!(hello["type"], "hello");
    // Alive, but that is no command.
    chatty.say(json!({ "type": "pong" })).await;
    assert!(chatty.told_meanwhile().await.is_empty());
    gateway.later(seconds(4));
    assert!(mute.told_meanwhile().await.is_empty());
    gateway.later(seconds(3));
    for tab in [&mut mute, &mut chatty] {
        let (error, code, reason) = tab.refused().await;
        assert_eq!(
            (&error["error"]["code"], error.get("ref")),
            (&json!(40800), None)
        );
        assert_eq!((code, reason.as_str()), (4408, "too_slow"));
    }
}
