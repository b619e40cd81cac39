//! The whole story: a person scans, the page knows at once.

use serde_json::json;

use crate::support::{close_code, spawn_gateway};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_user_logs_in() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("lixiaolong");

    let asks = phone.scan(pending["qr"]["text"].as_str().unwrap()).await;
    assert!(
        asks.has_form("confirm") && asks.has_form("reject"),
        "{asks:?}"
    );
    let scanned = browser.event("scanned").await;
    assert_eq!(
        (scanned["seq"].as_u64(), scanned.get("user")),
        (Some(2), None),
        "nobody knows them yet"
    );

    let consent = phone.press(&asks, "confirm").await;
    assert_eq!(
        consent.url.port(),
        Some(gateway.sandbox.port()),
        "WeChat asks a new user first"
    );
    phone.press(&consent, "confirm").await;
    let authorized = browser.event("authorized").await;
    assert_eq!(authorized["seq"], 3);

    let (status, answer) = browser.redeem(&authorized["grant"]).await;
    assert_eq!((status, &answer["code"]), (200, &json!(0)), "{answer}");
    assert_eq!(answer["data"]["user"]["name"], authorized["user"]["name"]);
    assert_eq!(close_code(&browser.ended().await), 1000);
    gateway.stop().await;
}
