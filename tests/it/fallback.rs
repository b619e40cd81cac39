//! The same login by HTTP, for browsers whose network lets no socket through.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{
    Caller, Gateway, close_code, path, read, spawn_gateway, spawn_gateway_with, within,
};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

fn replayed(event: &Value) -> Value {
    let mut event = event.clone();
    event["replay"] = json!(true);
    event
}

/// A long poll on its way.
fn waiting(caller: &Caller, pending: &Value, query: &'static str) -> JoinHandle<(u16, Value)> {
    let (caller, pending) = (caller.clone(), pending.clone());
    tokio::spawn(async move { caller.poll(&pending, query).await })
}

/// Moves the clock in steps until the poll is answered; gives the answer and the seconds that had passed on that clock.
async fn in_time(gateway: &Gateway, poll: JoinHandle<(u16, Value)>) -> (Value, u64) {
    let start = gateway.clock.now();
    let passed = || (gateway.clock.now() - start) / 1_000;
    while !poll.is_finished() {
        gateway.later(Duration::from_secs(1));
        assert!(passed() < 1_500, "no answer");
        gateway.readiness().await;
    }
    let (status, answer) = poll.await.unwrap();
    assert_eq!(status, 200, "{answer}");
    (answer["data"].clone(), passed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_without_a_socket() {
    let gateway = spawn_gateway().await;
    let (caller, tab) = (Caller::new(&gateway), gateway.browser().await);
    let pending = caller.open(&tab.challenge()).await;
    assert_eq!(
        (&pending["type"], &pending["seq"]),
        (&json!("pending"), &json!(1))
    );
    let news = waiting(&caller, &pending, "after=1&wait=25");
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    let (status, scanned) = within("the news", news).await.unwrap();
    assert_eq!((status, &scanned["data"]["type"]), (200, &json!("scanned")));
    let news = waiting(&caller, &pending, "after=2&wait=25");
    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    let (_, authorized) = within("the news", news).await.unwrap();
    assert_eq!(authorized["data"]["type"], "authorized", "{authorized}");

    let over = waiting(&caller, &pending, "after=3&wait=25");
    let (status, answer) = tab.redeem(&authorized["data"]["grant"]).await;
    assert_eq!(
        (status, &answer["data"]["user"]["name"]),
        (200, &json!("李小龙"))
    );
    let (status, answer) = within("the end", over).await.unwrap();
    assert_eq!(
        (status, &answer["code"]),
        (410, &json!(41000)),
        "told at once, not after the wait"
    );
    for command in ["refresh", "cancel"] {
        assert_eq!(caller.command(&pending, command).await.0, 410, "{command}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_with_the_same_bodies_as_the_socket() {
    let gateway = spawn_gateway().await;
    let (caller, mut tab) = (Caller::new(&gateway), gateway.browser().await);
    let pending = tab.start().await;
    let phone = gateway.phone("zoe");
    let (_, polled) = caller.poll(&pending, "after=0").await;
    assert_eq!(polled["data"], pending);
    let (_, polled) = caller.poll(&pending, "").await;
    assert_eq!(polled["data"], pending, "after=0 and wait=0 by default");
    let (_, polled) = caller.poll(&pending, "after=1&wait=0").await;
    assert_eq!(
        polled["data"],
        replayed(&pending),
        "nothing new, and no waiting"
    );

    let asks = phone.scan(text(&pending)).await;
    let scanned = tab.event("scanned").await;
    assert_eq!(caller.poll(&pending, "after=1").await.1["data"], scanned);
    let consent = phone.press(&asks, "confirm").await;
    phone.press(&consent, "confirm").await;
    let authorized = tab.event("authorized").await;
    assert_eq!(
        caller.poll(&pending, "after=1&wait=25").await.1["data"],
        authorized,
        "at once"
    );

    let (status, cancelled) = caller.command(&pending, "cancel").await;
    assert_eq!(
        (status, &cancelled["data"]),
        (200, &tab.event("cancelled").await)
    );
    assert_eq!(
        caller.poll(&pending, "after=3").await.1["data"],
        cancelled["data"]
    );
    assert_eq!(
        caller.poll(&pending, "after=4&wait=25").await.1["data"],
        replayed(&cancelled["data"]),
        "no news can come"
    );
    assert!(
        tab.told_meanwhile().await.is_empty(),
        "a poll takes nothing over"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_ends_when_its_wait_is_over() {
    let gateway = spawn_gateway_with(&[("scene.pending_ttl_s", "1800")]).await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let (event, passed) = in_time(&gateway, waiting(&caller, &pending, "after=1&wait=20")).await;
    assert_eq!(event, replayed(&pending));
    assert!(passed >= 20, "{passed}");
    let (event, passed) =
        in_time(&gateway, waiting(&caller, &pending, "after=1&wait=100000")).await;
    assert_eq!(event, replayed(&pending));
    assert!(passed < 200, "25 s at most, not {passed}");

    let left = pending["expires_at"].as_u64().unwrap() - gateway.clock.now();
    gateway.later(Duration::from_millis(left) - Duration::from_secs(10));
    let expired = waiting(&caller, &pending, "after=1&wait=25");
    gateway.later(Duration::from_secs(11));
    let (_, answer) = within("the end", expired).await.unwrap();
    assert_eq!(answer["data"]["type"], "expired", "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nine_long_polls_of_one_scene_are_too_many_to_wait() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let polls: Vec<_> = (0..9)
        .map(|_| waiting(&caller, &pending, "after=1&wait=25"))
        .collect();
    let finished = async {
        while !polls.iter().any(JoinHandle::is_finished) {
            gateway.readiness().await;
        }
    };
    within("one of nine", finished).await;
    gateway.phone("zoe").scan(text(&pending)).await;
    let mut news = 0;
    for poll in polls {
        let (status, answer) = within("the news", poll).await.unwrap();
        assert_eq!(status, 200);
        news += u32::from(answer["data"]["type"] == "scanned");
    }
    assert_eq!(news, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_and_cancel() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let old = caller.open(CHALLENGE).await;
    let (status, answer) = caller.command(&old, "refresh").await;
    let new = answer["data"].clone();
    assert_eq!(
        (status, &new["type"], &new["seq"]),
        (201, &json!("pending"), &json!(1))
    );
    assert_ne!(
        (&new["scene"], &new["secret"]),
        (&old["scene"], &old["secret"])
    );
    assert_eq!(caller.poll(&old, "").await.1["data"]["type"], "cancelled");
    assert_eq!(
        caller.command(&old, "cancel").await.1["code"],
        40900,
        "it has ended"
    );

    gateway.phone("wangfang").scan(text(&new)).await;
    let (status, answer) = caller.command(&new, "refresh").await;
    assert_eq!(
        (status, &answer["code"], &answer["name"]),
        (409, &json!(40900), &json!("state_conflict"))
    );
    let (status, answer) = caller.command(&new, "cancel").await;
    assert_eq!(
        (status, &answer["data"]["type"], &answer["data"]["seq"]),
        (200, &json!("cancelled"), &json!(3))
    );
    assert_eq!(
        caller.command(&new, "refresh").await.0,
        201,
        "after an end there may be a new one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_is_an_unknown_scene() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let unknown = json!({ "scene": "7QmXc2V0aWNrZXQtaWQtMQ", "secret": pending["secret"] });
    let wrong = json!({ "scene": pending["scene"], "secret": "wrong" });
    for claim in [unknown, wrong] {
        let answers = [
            caller.poll(&claim, "after=0").await,
            caller.command(&claim, "refresh").await,
            caller.command(&claim, "cancel").await,
            read(caller.get(&path(&claim, "events"), Some(&claim["secret"]))).await,
        ];
        for (status, answer) in answers {
            assert_eq!(
                (status, &answer["code"], &answer["name"]),
                (404, &json!(40401), &json!("scene_not_found"))
            );
        }
    }
    for authorization in ["", "Bearer x", "Scene"] {
        let call = caller
            .get(&path(&pending, ""), None)
            .header("authorization", authorization);
        assert_eq!(read(call).await.1["code"], 40401, "{authorization}");
    }
    assert_eq!(caller.poll(&pending, "").await.0, 200);
}

/// A scene may be opened by HTTP and go on by a socket: it is one login.
#[tokio::test(flavor = "multi_thread")]
async fn a_socket_takes_up_what_http_began() {
    let gateway = spawn_gateway().await;
    let (caller, mut tab) = (Caller::new(&gateway), gateway.browser().await);
    let pending = caller.open(&tab.challenge()).await;
    tab.resume(&pending, 1).await;
    assert_eq!(tab.event("pending").await, replayed(&pending));
    gateway.phone("zoe").confirm(text(&pending)).await;
    tab.event("scanned").await;
    let grant = tab.event("authorized").await["grant"].clone();
    assert_eq!(tab.redeem(&grant).await.0, 200);
    assert_eq!(close_code(&tab.ended().await), 1000);
}
