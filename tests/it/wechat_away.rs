//! WeChat does not answer at all: it is spared for a few seconds, and nobody loses a login by that.

use std::time::Duration;

use serde_json::json;

use crate::{lifecycle::text, support::spawn_gateway};

const TROUBLE: &str = "暂时无法登录";
const BREAKER: &str = "scangate_wechat_breaker";

#[tokio::test(flavor = "multi_thread")]
async fn a_wechat_that_is_away_is_spared_and_no_login_is_lost() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(&pending)).await;
    browser.event("scanned").await;
    let callback = phone.to_second_callback(&asks).await;

    let fault = json!({ "reset": "before", "times": 5 });
    gateway.strike("access_token", Some(fault)).await;
    let other = gateway.browser().await.start().await;
    for _ in 0..5 {
        let page = gateway.phone("lixiaolong").scan(text(&other)).await;
        page.says(502, TROUBLE);
    }
    gateway.until_metric(BREAKER, 2.0).await;
    // WeChat is back, and nobody knows yet.
    phone.follow(&callback).await.says(502, TROUBLE);
    let page = gateway.phone("lixiaolong").scan(text(&other)).await;
    page.says(502, TROUBLE);
    assert_eq!(gateway.passed("access_token").await, 0, "it is not asked");
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stands_at(&other, "pending", 1).await;

    gateway.later(Duration::from_secs(3));
    let asks = phone.scan(text(&pending)).await;
    let callback = phone.to_second_callback(&asks).await;
    phone.follow(&callback).await;
    browser.event("authorized").await;
    gateway.until_metric(BREAKER, 0.0).await;
    gateway.stop().await;
}
