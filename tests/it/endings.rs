//! The login ends while the phone is still at it: whatever it does next, it reads why.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Gateway, call, spawn_gateway};

const CANCELLED: &str = "电脑上已取消登录";
const EXPIRED: &str = "二维码已失效";

/// What the QR says.
fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

/// The browser gives up by HTTP.
async fn cancel(gateway: &Gateway, pending: &Value) -> Answer {
    let path = format!("/scenes/{}/cancel", pending["scene"].as_str().unwrap());
    let secret = format!("Scene {}", pending["secret"].as_str().unwrap());
    call(
        gateway
            .post(&path, &json!({}))
            .header("authorization", secret),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_gives_up_before_the_scan() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    let callback = phone.to_callback(text(&pending)).await;
    let cancelled = cancel(&gateway, &pending).await;
    assert_eq!(cancelled.json["data"]["type"], "cancelled");
    phone.follow(&callback).await.says(200, CANCELLED);
    gateway
        .phone("wangfang")
        .scan(text(&pending))
        .await
        .says(200, CANCELLED);
    gateway.stands_at(&pending, "cancelled", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_gives_up_while_the_person_decides() {
    let gateway = spawn_gateway().await;
    for button in ["confirm", "reject"] {
        let pending = gateway.browser().await.start().await;
        let phone = gateway.phone("zoe");
        let asks = phone.scan(text(&pending)).await;
        assert_eq!(cancel(&gateway, &pending).await.status, 200);
        phone.press(&asks, button).await.says(200, CANCELLED);
        gateway.stands_at(&pending, "cancelled", 3).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_browser_gives_up_while_wechat_asks() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(&pending)).await;
    let callback = phone.to_second_callback(&asks).await;
    assert_eq!(cancel(&gateway, &pending).await.status, 200);
    phone.follow(&callback).await.says(200, CANCELLED);
    gateway.stands_at(&pending, "cancelled", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_else_was_signed_in() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("zoe");
    phone.confirm(text(&pending)).await;
    browser.event("scanned").await;
    let authorized = browser.event("authorized").await;
    browser.say(json!({ "type": "cancel" })).await;
    assert_eq!(browser.event("cancelled").await["seq"], 4);
    let answer = gateway
        .redeem(&authorized["grant"], &browser.verifier)
        .await;
    assert_eq!((answer.status, answer.code()), (400, 40002));
    phone.scan(text(&pending)).await.says(200, CANCELLED);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_too_long_reads_so() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(&pending)).await;
    let scanned = gateway.now(&pending).await;
    let life = scanned["expires_at"].as_u64().unwrap() - scanned["at"].as_u64().unwrap();
    assert_eq!(life, 180_000);

    gateway.later(Duration::from_secs(120));
    let callback = phone.to_second_callback(&asks).await;
    let now = gateway.now(&pending).await;
    assert_eq!(
        now["expires_at"], scanned["expires_at"],
        "consenting does not extend it"
    );
    gateway.later(Duration::from_secs(60));
    assert_eq!(gateway.after(&pending, 2).await["type"], "expired");
    phone.follow(&callback).await.says(410, EXPIRED);
    for button in ["confirm", "reject"] {
        let step = phone.press(&asks, button).await;
        phone
            .follow(step.location.unwrap())
            .await
            .says(410, EXPIRED);
    }
    gateway.stands_at(&pending, "expired", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_that_wechat_confirms_too_late_counts_no_more() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    gateway.later(Duration::from_secs(110));
    let callback = phone.to_callback(text(&pending)).await;
    gateway.later(Duration::from_secs(10));
    assert_eq!(gateway.after(&pending, 1).await["type"], "expired");
    phone.follow(&callback).await.says(410, EXPIRED);
    gateway.stands_at(&pending, "expired", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_duplicate_visit_of_the_phone_that_confirmed_reads_that_it_is_signed_in() {
    let gateway = spawn_gateway().await;
    gateway.login("zoe").await;
    let pending = gateway.browser().await.start().await;
    let phone = gateway.steps("zoe");
    // Opened twice before either came back, as impatient people do.
    let (first, second) = (
        phone.to_callback(text(&pending)).await,
        phone.to_callback(text(&pending)).await,
    );
    let asks = phone.follow(&first).await.page;
    phone.press(&asks, "confirm").await;
    gateway.stands_at(&pending, "authorized", 3).await;
    phone.follow(&second).await.says(200, "已登录");
    gateway.stands_at(&pending, "authorized", 3).await;
    gateway.stop().await;
}
