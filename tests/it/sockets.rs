//! One socket is one login: coming back, taking over, renewing, giving up.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Browser, Gateway, Page, Phone, close_code, spawn_gateway};

const PENDING: Duration = Duration::from_secs(121);

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

/// The same event, said again to whoever comes back.
fn replayed(event: &Value) -> Value {
    let mut event = event.clone();
    event["replay"] = json!(true);
    event
}

/// The same tab on a new connection.
async fn reconnect(gateway: &Gateway, tab: Browser) -> Browser {
    let mut again = gateway.browser().await;
    again.verifier.clone_from(&tab.verifier);
    drop(tab);
    again
}

async fn scan(gateway: &Gateway, pending: &Value) -> (Phone, Page) {
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(text(pending)).await;
    (phone, asks)
}

async fn cancel_by_http(gateway: &Gateway, pending: &Value) {
    let path = format!("/scenes/{}/cancel", pending["scene"].as_str().unwrap());
    let answer = reqwest::Client::new()
        .post(gateway.api(&path))
        .header("origin", gateway.origin())
        .header(
            "authorization",
            format!("Scene {}", pending["secret"].as_str().unwrap()),
        )
        .header("content-type", "application/json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

/// Brings a scene into this state while nobody watches; gives the event's number there.
async fn bring_to(gateway: &Gateway, pending: &Value, state: &str) -> u64 {
    match state {
        "pending" => return 1,
        "expired" => gateway.later(PENDING),
        "cancelled" => cancel_by_http(gateway, pending).await,
        _ => {
            let (phone, asks) = scan(gateway, pending).await;
            match state {
                "scanned" => return 2,
                "authorized" => {
                    let consent = phone.press(&asks, "confirm").await;
                    phone.press(&consent, "confirm").await
                }
                "rejected" => phone.press(&asks, "reject").await,
                other => panic!("no way to {other}"),
            };
            return 3;
        }
    }
    2
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_comes_by_the_resume() {
    for state in [
        "pending",
        "scanned",
        "authorized",
        "rejected",
        "expired",
        "cancelled",
    ] {
        let gateway = spawn_gateway().await;
        let mut away = gateway.browser().await;
        let pending = away.start().await;
        drop(away);
        let seq = bring_to(&gateway, &pending, state).await;
        gateway
            .until_metric(&format!(r#"scangate_scenes{{state="{state}"}}"#), 1.0)
            .await;

        let mut tab = gateway.browser().await;
        tab.resume(&pending, 0).await;
        let event = tab.event(state).await;
        assert_eq!(
            (&event["seq"], &event["replay"]),
            (&json!(seq), &json!(true)),
            "{event}"
        );
        assert_eq!(
            (&event["scene"], &event["trace_id"]),
            (&pending["scene"], &pending["trace_id"])
        );
        let echoed = (state == "pending").then_some(&pending["secret"]);
        assert_eq!(
            event.get("secret"),
            echoed,
            "only pending says the secret again"
        );
        let is_live = matches!(state, "pending" | "scanned" | "authorized");
        assert_eq!(event.get("expires_at").is_some(), is_live, "{event}");

        let mut again = reconnect(&gateway, tab).await;
        again.resume(&pending, seq).await;
        let said_again = again.event(state).await;
        assert_eq!(said_again, event, "also to whoever knows it already");
        assert!(again.told_meanwhile().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_repeats_the_event_field_by_field() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    tab = reconnect(&gateway, tab).await;
    tab.resume(&pending, 1).await;
    assert_eq!(tab.event("pending").await, replayed(&pending));

    let (phone, asks) = scan(&gateway, &pending).await;
    let scanned = tab.event("scanned").await;
    tab = reconnect(&gateway, tab).await;
    tab.resume(&pending, 2).await;
    assert_eq!(tab.event("scanned").await, replayed(&scanned));

    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    let authorized = tab.event("authorized").await;
    tab = reconnect(&gateway, tab).await;
    tab.resume(&pending, 3).await;
    assert_eq!(
        tab.event("authorized").await,
        replayed(&authorized),
        "the same grant too"
    );

    let (status, _) = tab.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200);
    assert_eq!(close_code(&tab.ended().await), 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_socket_wins() {
    let gateway = spawn_gateway().await;
    let mut older = gateway.browser().await;
    let pending = older.start().await;
    let mut newer = gateway.browser().await;
    newer.resume(&pending, 1).await;
    assert_eq!(newer.event("pending").await["secret"], pending["secret"]);

    let (error, code, reason) = older.refused().await;
    assert_eq!(error["error"]["code"], 40901);
    assert_eq!(error.get("ref"), None, "no command was refused");
    assert_eq!((code, reason.as_str()), (4409, "taken_over"));

    scan(&gateway, &pending).await;
    assert_eq!(
        newer.event("scanned").await["seq"],
        2,
        "the older one's leaving changes nothing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redeemed_scene_is_over() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    gateway.phone("wangfang").confirm(text(&pending)).await;
    tab.event("scanned").await;
    let grant = tab.event("authorized").await["grant"].clone();
    assert_eq!(tab.redeem(&grant).await.0, 200);
    assert_eq!(close_code(&tab.ended().await), 1000);

    let mut late = gateway.browser().await;
    late.resume(&pending, 3).await;
    let (error, code, reason) = late.refused().await;
    assert_eq!(
        (&error["error"]["code"], &error["ref"]),
        (&json!(41000), &json!("resume"))
    );
    assert_eq!((code, reason.as_str()), (4410, "scene_redeemed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_an_unknown_scene() {
    let gateway = spawn_gateway().await;
    let mut owner = gateway.browser().await;
    let pending = owner.start().await;
    let other = gateway.browser().await.start().await;
    let tries = [
        json!({ "scene": pending["scene"], "secret": other["secret"] }),
        json!({ "scene": pending["scene"], "secret": "" }),
        json!({ "scene": "7QmXc2V0aWNrZXQtaWQtMQ", "secret": pending["secret"] }),
        json!({ "scene": "not a scene", "secret": "not a secret" }),
    ];
    let mut answers = Vec::new();
    for claim in tries {
        let mut stranger = gateway.browser().await;
        stranger.resume(&claim, 1).await;
        answers.push(stranger.refused().await);
    }
    let (error, code, reason) = &answers[0];
    assert_eq!(
        (&error["error"]["code"], &error["ref"]),
        (&json!(40401), &json!("resume"))
    );
    assert_eq!((*code, reason.as_str()), (4404, "scene_not_found"));
    assert!(
        answers.iter().all(|answer| answer == &answers[0]),
        "{answers:?}"
    );

    assert!(
        owner.told_meanwhile().await.is_empty(),
        "and the owner keeps the scene"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_gives_a_new_scene_on_the_same_socket() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let challenge = tab.challenge();
    tab.say(json!({ "type": "start", "challenge": challenge, "locale": "en", "svg": false }))
        .await;
    let old = tab.event("pending").await;
    tab.say(json!({ "type": "refresh" })).await;
    let new = tab.event("pending").await;
    assert_eq!((&new["seq"], new.get("replay")), (&json!(1), None));
    assert_ne!(
        (&new["scene"], &new["secret"]),
        (&old["scene"], &old["secret"])
    );
    assert_eq!(
        new["qr"].get("svg"),
        None,
        "everything else is as start said"
    );
    assert!(
        tab.told_meanwhile().await.is_empty(),
        "the old one's end is not told here"
    );

    let mut keeper = gateway.browser().await;
    keeper.resume(&old, 1).await;
    let cancelled = keeper.event("cancelled").await;
    assert_eq!(
        (&cancelled["seq"], &cancelled["replay"]),
        (&json!(2), &json!(true))
    );

    // The challenge is start's: the tab can redeem what the new scene gives.
    gateway.phone("zoe").confirm(text(&new)).await;
    tab.event("scanned").await;
    let grant = tab.event("authorized").await["grant"].clone();
    assert_eq!(tab.redeem(&grant).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_after_an_end_and_not_after_a_scan() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let first = tab.start().await;
    gateway.later(PENDING);
    let expired = tab.event("expired").await;
    assert_eq!(
        (&expired["seq"], &expired["scene"]),
        (&json!(2), &first["scene"])
    );
    tab.say(json!({ "type": "refresh" })).await;
    let second = tab.event("pending").await;
    assert_ne!(second["scene"], first["scene"]);

    let (phone, asks) = scan(&gateway, &second).await;
    tab.event("scanned").await;
    tab.say(json!({ "type": "refresh" })).await;
    let error = tab.event("error").await;
    assert_eq!(
        (&error["error"]["code"], &error["ref"]),
        (&json!(40900), &json!("refresh"))
    );
    assert!(tab.told_meanwhile().await.is_empty(), "it stays open");

    phone.press(&asks, "reject").await;
    let rejected = tab.event("rejected").await;
    assert_eq!(
        (&rejected["seq"], &rejected["by"]),
        (&json!(3), &json!("user"))
    );
    tab.say(json!({ "type": "refresh" })).await;
    assert_eq!(tab.event("pending").await["seq"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_can_give_up_in_every_live_state() {
    for (state, seq) in [("pending", 2), ("scanned", 3), ("authorized", 4)] {
        let gateway = spawn_gateway().await;
        let mut tab = gateway.browser().await;
        let pending = tab.start().await;
        bring_to(&gateway, &pending, state).await;
        let mut grant = Value::Null;
        if state != "pending" {
            tab.event("scanned").await;
        }
        if state == "authorized" {
            grant = tab.event("authorized").await["grant"].clone();
        }
        tab.say(json!({ "type": "cancel" })).await;
        let cancelled = tab.event("cancelled").await;
        assert_eq!(
            (&cancelled["seq"], cancelled.get("replay")),
            (&json!(seq), None),
            "{state}"
        );
        if state == "authorized" {
            let (status, answer) = tab.redeem(&grant).await;
            assert_eq!(
                (status, &answer["code"]),
                (400, &json!(40002)),
                "the grant is burnt"
            );
        }

        tab.say(json!({ "type": "cancel" })).await;
        let error = tab.event("error").await;
        assert_eq!(
            (&error["error"]["code"], &error["ref"]),
            (&json!(40900), &json!("cancel"))
        );
        let page = gateway.phone("zoe").scan(text(&pending)).await;
        assert!(
            !page.has_form("confirm"),
            "{state}: nobody can confirm it now"
        );
        assert!(tab.told_meanwhile().await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_scan_and_a_second_tap_change_nothing() {
    let gateway = spawn_gateway().await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    let (phone, asks) = scan(&gateway, &pending).await;
    tab.event("scanned").await;
    assert!(
        phone.scan(text(&pending)).await.has_form("confirm"),
        "the same phone is asked again"
    );
    let other = gateway.phone("wangfang").scan(text(&pending)).await;
    assert!(!other.has_form("confirm"), "another person is not asked");
    assert!(tab.told_meanwhile().await.is_empty());

    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    assert_eq!(tab.event("authorized").await["seq"], 3);
    phone.press(&asks, "confirm").await;
    phone.press(&asks, "reject").await;
    gateway.phone("zoe").scan(text(&pending)).await;
    assert!(
        tab.told_meanwhile().await.is_empty(),
        "the first word counts"
    );
}
