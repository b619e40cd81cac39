//! Starting, stopping, coming back.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{
    Browser, Caller, Gateway, call, close_code, path, read, respawn_gateway, spawn_gateway,
    spawn_gateway_with, within,
};

pub(crate) fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

pub(crate) async fn log_in(gateway: &Gateway, user: &str) -> (Browser, Value) {
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    gateway.phone(user).confirm(text(&pending)).await;
    tab.event("scanned").await;
    let grant = tab.event("authorized").await["grant"].clone();
    let (status, answer) = tab.redeem(&grant).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(close_code(&tab.ended().await), 1000);
    (tab, answer["data"].clone())
}

async fn jwks(gateway: &Gateway) -> Value {
    let url = gateway.url.join("/.well-known/jwks.json").unwrap();
    call(gateway.get(url.as_str())).await.json
}

pub(crate) async fn admin(gateway: &Gateway, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", gateway.admin);
    let answer = call(gateway.get(&url)).await;
    (answer.status, answer.text)
}

/// Polls of a scene that wait.
pub(crate) async fn polls(
    gateway: &Gateway,
    caller: &Caller,
    pending: &Value,
) -> Vec<JoinHandle<(u16, Value)>> {
    // Eight wait; when a ninth does not have to, all of them have arrived.
    let wait = || {
        let (caller, pending) = (caller.clone(), pending.clone());
        tokio::spawn(async move { caller.poll(&pending, "after=1&wait=25").await })
    };
    let polls: Vec<_> = (0..9).map(|_| wait()).collect();
    let arrived = async {
        while !polls.iter().any(JoinHandle::is_finished) {
            gateway.readiness().await;
        }
    };
    within("nine polls", arrived).await;
    polls
}

/// While balancers look away: not ready, no new scenes, but who is here is served on.
#[tokio::test(flavor = "multi_thread")]
async fn a_draining_gateway_serves_on_for_a_while() {
    let mut gateway = spawn_gateway_with(&[("server.drain_delay_s", "30")]).await;
    let caller = Caller::new(&gateway);
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    let polled = caller.open(&tab.challenge()).await;
    let poll = caller.get(
        &format!("{}?after=1&wait=25", path(&polled, "")),
        Some(&polled["secret"]),
    );
    let poll = tokio::spawn(read(poll));
    assert_eq!(gateway.readiness().await, 200);

    gateway.ask_to_stop();
    let not_ready = async { while gateway.readiness().await != 503 {} };
    within("the end of readiness", not_ready).await;
    let (_, body) = admin(&gateway, "/readyz").await;
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap()["status"],
        "draining"
    );
    assert_eq!(admin(&gateway, "/livez").await.0, 200);

    let mut late = gateway.browser().await;
    let challenge = late.challenge();
    late.say(json!({ "type": "start", "challenge": challenge }))
        .await;
    let (error, code, reason) = late.refused().await;
    assert_eq!(
        (&error["error"]["code"], code, reason.as_str()),
        (&json!(50301), 1012, "draining")
    );
    assert!(error["error"]["retry_after_ms"].is_u64());
    let (status, answer) =
        read(caller.post("/scenes", None, &json!({ "challenge": challenge }))).await;
    assert_eq!((status, &answer["code"]), (503, &json!(50301)));
    tab.say(json!({ "type": "refresh" })).await;
    let _draining = tab.event("error").await;
    let mut same = gateway.browser().await;
    same.resume(&pending, 1).await;
    let kept = same.event("pending").await;
    assert_eq!(
        kept["scene"], pending["scene"],
        "no new code, so the old one stays good"
    );

    let mut back = gateway.browser().await;
    back.resume(&polled, 1).await;
    back.event("pending").await;
    gateway.phone("lixiaolong").confirm(text(&polled)).await;
    back.event("scanned").await;
    back.event("authorized").await;
    let (status, _) = within("the poll", poll).await.unwrap();
    assert_eq!(status, 200);
    assert_eq!(pending["seq"], 1);

    gateway.later(Duration::from_secs(31));
    back.event("drain").await;
    assert_eq!(close_code(&back.ended().await), 1012);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_long_polls() {
    let gateway = spawn_gateway_with(&[("server.grace_s", "10")]).await;
    let caller = Caller::new(&gateway);
    let pending = caller
        .open("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        .await;
    let polls = polls(&gateway, &caller, &pending).await;
    gateway.stop().await;
    for poll in polls {
        let (status, answer) = within("the answer", poll).await.unwrap();
        assert_eq!((status, &answer["data"]["type"]), (200, &json!("pending")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_sessions_users_and_keys_and_forgets_scenes() {
    let gateway = spawn_gateway().await;
    let (tab, session) = log_in(&gateway, "lixiaolong").await;
    let mut unfinished = gateway.browser().await;
    let pending = unfinished.start().await;
    let keys = jwks(&gateway).await;
    assert!(!keys["keys"].as_array().unwrap().is_empty());
    let data = gateway.stop().await;

    let gateway = respawn_gateway(data).await;
    assert_eq!(jwks(&gateway).await, keys);
    let call = tab
        .http
        .post(gateway.api("/auth/refresh"))
        .header("origin", gateway.origin());
    let (status, answer) = read(call.json(&json!({}))).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["data"]["session_id"], session["session_id"]);
    let token = answer["data"]["access_token"].as_str().unwrap();
    let me = reqwest::Client::new()
        .get(gateway.api("/me"))
        .bearer_auth(token);
    let (status, me) = read(me).await;
    assert_eq!(status, 200, "{me}");
    assert_same_person(&me["data"]["user"], &session["user"]);

    let mut back = gateway.browser().await;
    back.resume(&pending, 1).await;
    let (error, code, _) = back.refused().await;
    assert_eq!((&error["error"]["code"], code), (&json!(40401), 4404));
    let (_, again) = log_in(&gateway, "lixiaolong").await;
    // Without being asked for a name again.
    assert_same_person(&again["user"], &session["user"]);
}

/// Their picture is where the gateway is: on another port by now.
fn assert_same_person(one: &Value, other: &Value) {
    for field in ["id", "name"] {
        assert_eq!(one[field], other[field]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_in_one_process_share_nothing() {
    let (one, other) = (
        spawn_gateway_with(&[("limits.scenes_per_address_per_min", "1")]).await,
        spawn_gateway_with(&[("limits.scenes_per_address_per_min", "1")]).await,
    );
    let mut tab = one.browser().await;
    let pending = tab.start().await;
    assert_eq!(
        other
            .metric("scangate_scenes_created_total")
            .await
            .to_bits(),
        0.0_f64.to_bits()
    );
    assert_ne!(jwks(&one).await, jwks(&other).await);
    let mut stranger = other.browser().await;
    stranger.resume(&pending, 1).await;
    assert_eq!(stranger.refused().await.1, 4404);
    let mut neighbour = other.browser().await;
    neighbour.start().await;
    one.later(Duration::from_secs(121));
    tab.event("expired").await;
    assert!(
        neighbour.told_meanwhile().await.is_empty(),
        "its clock is its own"
    );
    one.stop().await;
    assert!(neighbour.told_meanwhile().await.is_empty(), "its life too");
}
