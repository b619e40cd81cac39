//! The `h5` flow as browser and phone live through it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Gateway, call, spawn_gateway, spawn_gateway_with};

/// What the QR says.
fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_user_is_authorized_at_once() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("lixiaolong").await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("lixiaolong");

    let asks = phone.scan(text(&pending)).await;
    let scanned = browser.event("scanned").await;
    assert_eq!(
        scanned["user"],
        json!({ "name": "李**" }),
        "masked, no picture"
    );
    let done = phone.press(&asks, "confirm").await;
    done.says(200, "已登录");
    assert_eq!(done.url.as_str(), text(&pending), "no consent on the way");

    let authorized = browser.event("authorized").await;
    assert_eq!(authorized["seq"], 3);
    assert_eq!(authorized["user"]["name"], "李小龙");
    assert!(authorized["user"]["avatar"].is_string(), "{authorized}");
    let (_, again) = browser.redeem(&authorized["grant"]).await;
    assert_eq!(
        again["data"]["user"], first.json["data"]["user"],
        "the same person, not a second one"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_scanned_tells_can_be_set() {
    for (setting, shown) in [("full", Some("王芳")), ("none", None)] {
        let gateway = spawn_gateway_with(&[("scene.scanned_user", setting)]).await;
        gateway.login("wangfang").await;
        let mut browser = gateway.browser().await;
        let pending = browser.start().await;
        gateway.phone("wangfang").scan(text(&pending)).await;
        let scanned = browser.event("scanned").await;
        assert_eq!(
            scanned["user"]["name"].as_str(),
            shown,
            "{setting}: {scanned}"
        );
        assert_eq!(scanned["user"]["avatar"].is_string(), shown.is_some());
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_rejects() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("zoe");
    let asks = phone.scan(text(&pending)).await;
    browser.event("scanned").await;

    phone.press(&asks, "reject").await.says(200, "已取消登录");
    let rejected = browser.event("rejected").await;
    assert_eq!(
        (&rejected["by"], &rejected["seq"]),
        (&json!("user"), &json!(3))
    );
    assert_eq!(rejected.get("reason"), None);

    phone.press(&asks, "confirm").await.says(200, "已取消登录");
    gateway.stands_at(&pending, "rejected", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_rejects_on_wechats_own_page() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("zoe");
    let asks = phone.scan(text(&pending)).await;
    browser.event("scanned").await;
    let consent = phone.press(&asks, "confirm").await;
    assert_eq!(consent.url.port(), Some(gateway.sandbox.port()));

    phone
        .press(&consent, "reject")
        .await
        .says(200, "已取消登录");
    assert_eq!(browser.event("rejected").await["by"], "user");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn coming_back_without_a_code_proves_nothing() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.steps("zoe");
    let mut refused = phone.to_callback(text(&pending)).await;
    let state = refused.query_pairs().find(|(name, _)| name == "state");
    let state = state.unwrap().1.into_owned();
    for query in [format!("state={state}"), format!("code=&state={state}")] {
        refused.set_query(Some(&query));
        phone.open(&refused).await.says(400, "微信没有确认你的身份");
        gateway.stands_at(&pending, "pending", 1).await;
    }
    phone.scan(text(&pending)).await;
    browser.event("scanned").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_consumes_nothing() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let url = text(&pending).to_owned();
    for path in ["", "/confirm", "/reject"] {
        for method in ["GET", "HEAD"] {
            let request = gateway.method(method, &format!("{url}{path}"));
            call(request.header("sec-purpose", "prefetch")).await;
        }
    }
    gateway.stands_at(&pending, "pending", 1).await;

    let phone = gateway.steps("lixiaolong");
    let asks = phone.scan(&url).await;
    browser.event("scanned").await;
    for _ in 0..5 {
        let again = phone.open(&url).await;
        assert!(again.page.has_form("confirm") && again.location.is_none());
        for form in ["confirm", "reject"] {
            let back = phone.open(format!("{url}/{form}")).await;
            assert_eq!(
                (back.page.status, back.location.unwrap().as_str()),
                (303, &*url)
            );
        }
        phone.take(phone.http.head(&url)).await;
    }
    gateway.stands_at(&pending, "scanned", 2).await;
    let callback = phone.to_second_callback(&asks).await;
    phone.open(&callback).await;
    assert_eq!(browser.event("authorized").await["seq"], 3);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_tap_changes_nothing() {
    let gateway = spawn_gateway().await;
    gateway.login("lixiaolong").await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.phone("lixiaolong");
    let asks = phone.scan(text(&pending)).await;
    let taps = (0..8).map(|_| phone.press(&asks, "confirm"));
    for page in futures_util::future::join_all(taps).await {
        page.says(200, "已登录");
    }
    phone.press(&asks, "reject").await.says(200, "已登录");
    browser.event("scanned").await;
    browser.event("authorized").await;
    gateway.stands_at(&pending, "authorized", 3).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newer_browser_of_the_same_person_goes_on() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let (older, newer) = (gateway.phone("wangfang"), gateway.phone("wangfang"));
    let first = older.scan(text(&pending)).await;
    browser.event("scanned").await;
    let second = newer.scan(text(&pending)).await;
    assert!(second.has_form("confirm"), "{second:?}");
    gateway.stands_at(&pending, "scanned", 2).await;

    for form in ["confirm", "reject"] {
        older.press(&first, form).await.says(403, "此页面已失效");
    }
    gateway.stands_at(&pending, "scanned", 2).await;
    let consent = newer.press(&second, "confirm").await;
    newer.press(&consent, "confirm").await.says(200, "已登录");
    assert_eq!(browser.event("authorized").await["user"]["name"], "王芳");
    older
        .open(text(&pending))
        .await
        .says(409, "已在另一台设备上使用");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_comes_too_late() {
    let gateway = spawn_gateway().await;
    gateway.login("lixiaolong").await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let (phone, other) = (gateway.phone("lixiaolong"), gateway.phone("zoe"));
    let asks = phone.scan(text(&pending)).await;
    let scanned = browser.event("scanned").await;

    let refused = other.scan(text(&pending)).await;
    refused.says(409, "已在另一台设备上使用");
    assert!(!refused.has_form("confirm") && !refused.html.contains("李"));
    assert_eq!(
        gateway.now(&pending).await["expires_at"],
        scanned["expires_at"]
    );
    gateway.stands_at(&pending, "scanned", 2).await;
    phone.press(&asks, "confirm").await.says(200, "已登录");
    browser.event("authorized").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_wechat_the_page_says_so() {
    // A real account of nobody: WeChat is never called here.
    let gateway = spawn_gateway_with(&[
        ("wechat.mode", "live"),
        ("wechat.official_account.app_id", "wx0123456789abcdef"),
        (
            "wechat.official_account.app_secret",
            "0123456789abcdef0123456789abcdef",
        ),
    ])
    .await;
    let pending = gateway.browser().await.start().await;
    let outside = gateway.get(text(&pending));
    let page = call(outside.header("user-agent", "Mozilla/5.0 Chrome/140.0")).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("请用微信打开") && page.set_cookie("scangate-p").is_empty());

    let inside = gateway.get(text(&pending));
    let inside = call(inside.header("user-agent", "Mozilla/5.0 MicroMessenger/8.0.50")).await;
    let to = inside.header("location");
    assert_eq!(inside.status, 302);
    assert!(
        to.starts_with("https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx"),
        "{to}"
    );
    assert!(
        to.contains("scope=snsapi_base") && to.ends_with("#wechat_redirect"),
        "{to}"
    );
    gateway.stands_at(&pending, "pending", 1).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_account_is_nobody() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let page = gateway.phone("snapshot").scan(text(&pending)).await;
    page.says(403, "需要使用完整服务");
    gateway.stands_at(&pending, "pending", 1).await;
    gateway.phone("zoe").scan(text(&pending)).await;
    browser.event("scanned").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dirty_name_comes_out_clean() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("dirty").await;
    let name = first.json["data"]["user"]["name"].as_str().unwrap();
    assert_eq!(
        name, "乱 🦄\u{fffd} Dirty \u{fffd}",
        "what was broken is marked, nothing hidden is left"
    );

    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    gateway.phone("dirty").confirm(text(&pending)).await;
    assert_eq!(browser.event("scanned").await["user"]["name"], "乱**");
    assert_eq!(browser.event("authorized").await["user"]["name"], name);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_code_says_so() {
    let gateway = spawn_gateway().await;
    let unknown = scangate::ids::base64url(&[7; 16]);
    let long = "A".repeat(2_000);
    let script = "%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for id in [
        &*unknown,
        "x",
        &unknown[1..],
        &long,
        script,
        "%00",
        "%ff",
        "..%2f..%2fapp",
    ] {
        let page = gateway
            .phone("zoe")
            .open(&format!("{}s/{id}", gateway.url))
            .await;
        assert_eq!(page.status, 404, "{id}: {page:?}");
        assert!(!page.html.contains("alert(1)"), "{page:?}");
    }
    let page = gateway
        .phone("zoe")
        .open(&format!("{}s/{unknown}", gateway.url))
        .await;
    page.says(404, "二维码已失效");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_ran_out_says_so() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    gateway.later(Duration::from_secs(120));
    assert_eq!(gateway.after(&pending, 1).await["type"], "expired");
    let phone = gateway.phone("zoe");
    phone.scan(text(&pending)).await.says(410, "二维码已失效");
    gateway.stands_at(&pending, "expired", 2).await;
    gateway.later(Duration::from_secs(300));
    phone.scan(text(&pending)).await.says(404, "二维码已失效");
    gateway.stop().await;
}

/// One phone with six codes: the cookie has room for five.
async fn six_codes(gateway: &Gateway) -> Vec<Value> {
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(gateway.browser().await.start().await);
    }
    codes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sixth_code_drops_the_oldest_until_it_is_opened_again() {
    let gateway = spawn_gateway().await;
    gateway.login("lixiaolong").await;
    let phone = gateway.phone("lixiaolong");
    let codes = six_codes(&gateway).await;
    let mut pages = Vec::new();
    for pending in &codes {
        pages.push(phone.scan(text(pending)).await);
    }
    phone
        .press(&pages[0], "confirm")
        .await
        .says(403, "此页面已失效");
    gateway.stands_at(&codes[0], "scanned", 2).await;
    for (page, pending) in pages.iter().zip(&codes).skip(1) {
        phone.press(page, "confirm").await.says(200, "已登录");
        gateway.stands_at(pending, "authorized", 3).await;
    }

    let again = phone.scan(text(&codes[0])).await;
    phone.press(&again, "confirm").await.says(200, "已登录");
    gateway.stands_at(&codes[0], "authorized", 3).await;
    gateway.stop().await;
}
