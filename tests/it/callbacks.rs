//! `/callback/wechat` in the hands of those who should not have it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use url::Url;

use crate::support::{Gateway, Step, spawn_gateway, spawn_gateway_with};

const BAD_LINK: &str = "链接无效";
const EXCHANGED: &str = r#"scangate_wechat_requests_total{endpoint="exchange",outcome="ok"}"#;

/// What the QR says.
fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

fn parameter(url: &Url, name: &str) -> String {
    let pair = url.query_pairs().find(|(key, _)| key == name);
    pair.unwrap().1.into_owned()
}

/// A callback with this code and this state.
fn callback(gateway: &Gateway, code: &str, state: &str) -> Url {
    let query = [("code", code), ("state", state)];
    Url::parse_with_params(&format!("{}callback/wechat", gateway.url), query).unwrap()
}

/// That the phone is sent to the scene's page.
fn goes_on(step: &Step, pending: &Value) {
    assert_eq!(step.page.status, 303, "{step:?}");
    assert_eq!(step.location.as_ref().unwrap().as_str(), text(pending));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_changed_is_no_state() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("lixiaolong");
    let genuine = phone.to_callback(text(&pending)).await;
    let (code, state) = (parameter(&genuine, "code"), parameter(&genuine, "state"));
    gateway.strike("access_token", None).await;

    // Version, key id, step, app, scene, nonce, time, MAC: the first and the last byte of each.
    let bytes = [0, 1, 2, 3, 6, 7, 22, 23, 34, 35, 42, 43, 58];
    let mut wrong: Vec<_> = bytes.iter().map(|byte| changed(&state, byte * 2)).collect();
    wrong.push(scangate::ids::hex(&scangate::ids::random::<59>()));
    wrong.push(state[2..].to_owned());
    wrong.push(format!("{state}00"));
    wrong.push(state.to_uppercase());
    wrong.extend(["", "x", "STATE"].map(str::to_owned));
    for state in wrong {
        let step = phone.open(callback(&gateway, &code, &state)).await;
        step.says(400, BAD_LINK);
        let nobody = phone.open(callback(&gateway, "", &state)).await;
        nobody.says(400, BAD_LINK);
    }
    phone
        .open(format!("{}callback/wechat", gateway.url))
        .await
        .says(400, BAD_LINK);
    gateway.stands_at(&pending, "pending", 1).await;
    assert_eq!(gateway.passed("access_token").await, 0);

    goes_on(&phone.open(&genuine).await, &pending);
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stop().await;
}

/// The hex text with another digit at that place.
fn changed(hex: &str, at: usize) -> String {
    let digit = if &hex[at..=at] == "0" { "1" } else { "0" };
    format!("{}{digit}{}", &hex[..at], &hex[at + 1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_counts_once_however_often_it_comes() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.steps("lixiaolong");
    let genuine = phone.to_callback(text(&pending)).await;
    let at_once = (0..16).map(|_| phone.open(&genuine));
    for step in join_all(at_once).await {
        goes_on(&step, &pending);
    }
    browser.event("scanned").await;

    goes_on(&phone.open(&genuine).await, &pending);
    let other_code = callback(&gateway, "another", &parameter(&genuine, "state"));
    goes_on(&phone.open(other_code).await, &pending);
    assert!((gateway.metric(EXCHANGED).await - 1.0).abs() < 0.1);
    gateway.stands_at(&pending, "scanned", 2).await;

    let asks = phone.open(text(&pending)).await.page;
    let second = phone.to_second_callback(&asks).await;
    for step in join_all((0..16).map(|_| phone.open(&second))).await {
        goes_on(&step, &pending);
    }
    goes_on(&phone.open(&genuine).await, &pending);
    browser.event("authorized").await;
    assert!((gateway.metric(EXCHANGED).await - 2.0).abs() < 0.1);
    gateway.stands_at(&pending, "authorized", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_for_the_phone_it_was_made_for() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let (phone, stranger) = (gateway.steps("lixiaolong"), gateway.steps("zoe"));
    let genuine = phone.to_callback(text(&pending)).await;
    gateway.strike("access_token", None).await;

    stranger.open(&genuine).await.says(400, BAD_LINK);
    let own = stranger.to_callback(text(&pending)).await;
    stranger.open(&genuine).await.says(400, BAD_LINK);
    let mixed = callback(
        &gateway,
        &parameter(&own, "code"),
        &parameter(&genuine, "state"),
    );
    stranger.open(mixed).await.says(400, BAD_LINK);
    // A cookie is sealed whole: scenes and end cannot be written into it.
    let cookie = phone.cookie().unwrap();
    for at in [0, 30, 32, 46, 48, 78, 80, cookie.len() - 1] {
        stranger.wear(&changed(&cookie, at));
        stranger.open(&genuine).await.says(400, BAD_LINK);
    }
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway.stands_at(&pending, "pending", 1).await;
    goes_on(&phone.open(&genuine).await, &pending);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_of_another_account_is_no_consent() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(&pending)).await;
    browser.event("scanned").await;
    phone.is_now("wangfang");
    let wrong = phone.to_second_callback(&asks).await;
    phone.open(&wrong).await.says(403, "微信账号不一致");
    phone.open(&wrong).await.says(403, "微信账号不一致");
    gateway.stands_at(&pending, "scanned", 2).await;

    phone.is_now("zoe");
    let right = phone.to_second_callback(&asks).await;
    goes_on(&phone.open(&right).await, &pending);
    assert_eq!(
        browser.event("authorized").await["user"]["name"],
        "Zoë Example"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_account_cannot_consent() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(&pending)).await;
    phone.is_now("snapshot");
    let wrong = phone.to_second_callback(&asks).await;
    phone.open(&wrong).await.says(403, "需要使用完整服务");
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_lives_five_minutes() {
    let gateway = spawn_gateway_with(&[("scene.pending_ttl_s", "600")]).await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("lixiaolong");
    let old = phone.to_callback(text(&pending)).await;
    gateway.later(Duration::from_secs(280));
    // Another visit, so that the cookie lives on.
    let new = phone.to_callback(text(&pending)).await;
    gateway.later(Duration::from_secs(20));
    phone.open(&old).await.says(400, BAD_LINK);
    gateway.stands_at(&pending, "pending", 1).await;
    goes_on(&phone.open(&new).await, &pending);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubled_parameter_is_refused() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("lixiaolong");
    let genuine = phone.to_callback(text(&pending)).await;
    gateway.strike("access_token", None).await;
    let (code, state) = (parameter(&genuine, "code"), parameter(&genuine, "state"));
    for more in [
        format!("code={code}"),
        format!("state={state}"),
        "%73tate=x".into(),
        "code".into(),
    ] {
        let step = phone.open(format!("{genuine}&{more}")).await;
        assert_eq!(step.page.status, 400, "{more}: {step:?}");
        let before = format!(
            "{}callback/wechat?{more}&code={code}&state={state}",
            gateway.url
        );
        assert_eq!(phone.open(before).await.page.status, 400, "{more}");
    }
    let endless = callback(&gateway, &"c".repeat(513), &state);
    assert_eq!(phone.open(endless).await.page.status, 400);
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway.stands_at(&pending, "pending", 1).await;
    goes_on(&phone.open(format!("{genuine}&from=menu")).await, &pending);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_bad_code_stays_with_the_stranger() {
    let gateway = spawn_gateway().await;
    gateway.login("lixiaolong").await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let (phone, stranger) = (gateway.steps("lixiaolong"), gateway.steps("zoe"));
    let bad = stranger.to_callback(text(&pending)).await;
    let bad = callback(&gateway, "guessed", &parameter(&bad, "state"));
    stranger.open(&bad).await.says(400, "微信没有确认你的身份");
    stranger.open(&bad).await.says(400, "微信没有确认你的身份");
    gateway.stands_at(&pending, "pending", 1).await;

    let asks = phone.scan(text(&pending)).await;
    browser.event("scanned").await;
    // Also after the scan, and in a state made before it.
    let bad = stranger.to_callback(text(&pending)).await;
    let bad = callback(&gateway, "guessed", &parameter(&bad, "state"));
    stranger.open(&bad).await.says(400, "微信没有确认你的身份");
    gateway.stands_at(&pending, "scanned", 2).await;
    goes_on(&phone.press(&asks, "confirm").await, &pending);
    browser.event("authorized").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_who_scanned_is_not_asked_for_by_an_openid_of_the_request() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    let genuine = phone.to_callback(text(&pending)).await;
    let more = format!("{genuine}&openid=o123&unionid=u1&user_id=1&appid=wx0000000000000000");
    goes_on(&phone.open(more).await, &pending);
    let now = gateway.now(&pending).await;
    assert_eq!(
        (now["type"].as_str(), now.get("user")),
        (Some("scanned"), None),
        "a new user"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_returns_from_one_address_are_turned_away() {
    let limit = [("limits.callbacks_per_address_per_min", "2")];
    let gateway = spawn_gateway_with(&limit).await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("lixiaolong");
    for _ in 0..2 {
        phone
            .open(callback(&gateway, "junk", "junk"))
            .await
            .says(400, BAD_LINK);
    }
    let genuine = phone.to_callback(text(&pending)).await;
    let step = phone.open(&genuine).await;
    assert_eq!(step.page.status, 429, "{step:?}");
    assert!(!step.header("retry-after").is_empty());
    gateway.stands_at(&pending, "pending", 1).await;
}
