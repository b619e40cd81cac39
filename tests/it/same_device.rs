//! The login page is open on the very phone that confirms: one browser plays both.

use serde_json::{Value, json};

use crate::support::{Gateway, Steps, spawn_gateway, spawn_gateway_with};

/// A scene that this browser opened and goes back to `return_to` from.
async fn left(gateway: &Gateway, browser: &Steps, return_to: &str) -> (Value, String) {
    let pending = browser
        .start(gateway, json!({ "return_to": return_to }))
        .await;
    let url = pending["qr"]["text"].as_str().unwrap().to_owned();
    (pending, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_confirms_in_the_same_browser_comes_back() {
    let gateway = spawn_gateway().await;
    let home = gateway.url.to_string();
    let browser = gateway.steps("wangfang");
    for round in 1..=2 {
        let (pending, url) = left(&gateway, &browser, &home).await;
        // The same page as for everybody, however well this browser is known.
        let asks = browser.scan(&url).await;
        gateway.stands_at(&pending, "scanned", 2).await;
        let mut step = browser.press(&asks, "confirm").await;
        if round == 1 {
            let consent = browser.follow(step.location.unwrap()).await.page;
            step = browser.press(&consent, "confirm").await;
        }
        let done = browser.follow(step.location.unwrap()).await;
        done.says(200, "正在返回登录页");
        assert_eq!(done.header("refresh"), format!("0; url={home}"));
        assert!(done.page.html.contains(&format!("href=\"{home}\"")));
        gateway.stands_at(&pending, "authorized", 3).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_screen_needs_no_digits() {
    let gateway = spawn_gateway_with(&[("scene.number_match", "always")]).await;
    let home = gateway.url.to_string();
    let browser = gateway.steps("wangfang");
    for is_new in [true, false] {
        let (pending, url) = left(&gateway, &browser, &home).await;
        let asks = browser.scan(&url).await;
        let mut step = browser.press(&asks, "confirm").await;
        if is_new {
            let consent = browser.follow(step.location.unwrap()).await.page;
            step = browser.press(&consent, "confirm").await;
        }
        browser.follow(step.location.unwrap()).await;
        gateway.stands_at(&pending, "authorized", 3).await;
    }

    // Another browser of the same person has two screens before them.
    let (pending, url) = left(&gateway, &browser, &home).await;
    let phone = gateway.steps("wangfang");
    phone.start(&gateway, json!({})).await;
    let asks = phone.scan(&url).await;
    phone.press(&asks, "confirm").await;
    gateway.stands_at(&pending, "verifying", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_rejects_comes_back_too() {
    let shop = "https://shop.example/login?from=a";
    let gateway = spawn_gateway_with(&[("apps.default.return_urls", shop)]).await;
    let browser = gateway.steps("zoe");
    let (pending, url) = left(&gateway, &browser, shop).await;
    let asks = browser.scan(&url).await;
    let step = browser.press(&asks, "reject").await;
    let done = browser.follow(step.location.unwrap()).await;
    done.says(200, "已取消登录");
    assert_eq!(done.header("refresh"), format!("0; url={shop}"));
    gateway.stands_at(&pending, "rejected", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_browser_stays_where_it_is() {
    let gateway = spawn_gateway().await;
    let (browser, phone) = (gateway.steps("zoe"), gateway.steps("zoe"));
    // The phone has a browser cookie too, of its own.
    phone.start(&gateway, json!({})).await;
    let (pending, url) = left(&gateway, &browser, gateway.url.as_str()).await;
    let asks = phone.scan(&url).await;
    let step = phone.press(&asks, "reject").await;
    let done = phone.follow(step.location.unwrap()).await;
    done.says(200, "你的账号没有在那台设备上登录");
    assert_eq!(done.header("refresh"), "");
    gateway.stands_at(&pending, "rejected", 3).await;

    // The browser finds its way back by the same address, though it did not confirm.
    let back = browser.open(&url).await;
    assert_eq!(back.header("refresh"), format!("0; url={}", gateway.url));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_address_spares_the_question() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let (pending, url) = left(&gateway, &browser, gateway.url.as_str()).await;
    for query in [
        "?confirm=1",
        "?return_to=https://evil.example",
        "?same_device=1",
    ] {
        let asks = browser.follow(format!("{url}{query}")).await;
        assert!(asks.page.has_form("confirm") && asks.header("refresh").is_empty());
    }
    gateway.stands_at(&pending, "scanned", 2).await;
    let without = browser.start(&gateway, json!({})).await;
    let url = without["qr"]["text"].as_str().unwrap();
    let asks = browser.scan(url).await;
    let step = browser.press(&asks, "reject").await;
    let done = browser.follow(step.location.unwrap()).await;
    assert_eq!(done.header("refresh"), "", "it did not say where to");
    gateway.stop().await;
}
