//! WeChat is slow, busy, broken or says no: what the phone reads, what the browser is told, how often WeChat is asked.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Gateway, Page, Steps, spawn_gateway, within};

const TROUBLE: &str = "暂时无法登录";
const NO_CODE: &str = "微信没有确认你的身份";
const FAILED: &str = "登录没有完成";
const LONGER_THAN_ANYBODY_WAITS_MS: u64 = 60_000;

/// What the QR says.
fn text(pending: &Value) -> &str {
    pending["qr"]["text"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_wechat_is_asked_again() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    for (times, status, passed) in [(3, 502, 0), (2, 200, 1)] {
        let busy = json!({ "errcode": -1, "times": times });
        gateway.strike("access_token", Some(busy)).await;
        let page = gateway.phone("lixiaolong").scan(text(&pending)).await;
        assert_eq!(page.status, status, "busy {times} times: {page:?}");
        assert_eq!(
            gateway.faults_left("access_token").await.len(),
            1,
            "all struck"
        );
        assert_eq!(gateway.passed("access_token").await, passed);
    }
    browser.event("scanned").await;
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stop().await;
}

/// Scans while WeChat has this fault once; the code must not be shown to it twice.
async fn scan_while(gateway: &Gateway, pending: &Value, fault: Value) -> Page {
    let mut fault = fault;
    fault["times"] = json!(1);
    gateway.strike("access_token", Some(fault.clone())).await;
    let page = gateway.phone("lixiaolong").scan(text(pending)).await;
    let left = gateway.faults_left("access_token").await;
    assert_eq!(left.len(), 1, "{fault} struck");
    assert_eq!(
        gateway.passed("access_token").await,
        0,
        "{fault}: asked once"
    );
    page
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_at_the_scan_stays_on_the_phone() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    for (fault, status, says) in [
        (json!({ "errcode": 40029 }), 400, NO_CODE),
        (json!({ "errcode": 40163 }), 400, NO_CODE),
        (json!({ "errcode": 42003 }), 400, NO_CODE),
        (json!({ "errcode": 45011 }), 502, TROUBLE),
        (json!({ "errcode": 99999 }), 502, TROUBLE),
        (json!({ "status": 502 }), 502, TROUBLE),
        (json!({ "status": 302, "body": "" }), 502, TROUBLE),
        (json!({ "body": "" }), 502, TROUBLE),
        (json!({ "body": "{}" }), 502, TROUBLE),
        (json!({ "body": "[]" }), 502, TROUBLE),
        (
            json!({ "body": "{\"access_token\":\"a\",\"openid\":\"" }),
            502,
            TROUBLE,
        ),
        (
            json!({ "body": "{\"access_token\":\"a\",\"openid\":\"o\\n\"}" }),
            502,
            TROUBLE,
        ),
        (json!({ "body": "<html>portal</html>" }), 502, TROUBLE),
        (json!({ "reset": "before" }), 502, TROUBLE),
        (json!({ "reset": "after" }), 502, TROUBLE),
    ] {
        let page = scan_while(&gateway, &pending, fault.clone()).await;
        assert!(
            page.status == status && page.html.contains(says),
            "{fault}: {page:?}"
        );
        assert!(
            page.html.contains(&format!(
                "href=\"/s/{}\"",
                pending["scene"].as_str().unwrap()
            )),
            "another try"
        );
        gateway.stands_at(&pending, "pending", 1).await;
    }
    gateway.phone("lixiaolong").scan(text(&pending)).await;
    browser.event("scanned").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_app_secret_ends_the_login_for_the_page_too() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let page = scan_while(&gateway, &pending, json!({ "errcode": 40125 })).await;
    page.says(410, FAILED);
    let failed = browser.event("failed").await;
    assert_eq!(failed["seq"], 2);
    assert_eq!(failed["error"]["code"], 50200);
    assert_eq!(failed["error"]["name"], "wechat_failed");
    assert!(
        !failed.to_string().contains("40125"),
        "no internals: {failed}"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_wechat_is_given_up_and_not_asked_twice() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let mut browser = gateway.browser().await;
    let consenting = browser.start().await;
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(&consenting)).await;
    browser.event("scanned").await;
    let second = phone.to_second_callback(&asks).await;

    let slow = json!({ "latency_ms": LONGER_THAN_ANYBODY_WAITS_MS, "times": 2 });
    gateway.strike("access_token", Some(slow)).await;
    let other = gateway.phone("lixiaolong");
    let (at_the_scan, at_the_consent) =
        tokio::join!(other.scan(text(&pending)), phone.follow(&second));
    at_the_scan.says(502, TROUBLE);
    gateway.stands_at(&pending, "pending", 1).await;
    at_the_consent.says(410, FAILED);
    let failed = browser.event("failed").await;
    assert_eq!(failed["error"]["code"], 50400);
    assert_eq!(failed["error"]["retryable"], true);

    assert_eq!(
        gateway.faults_left("access_token").await.len(),
        1,
        "both struck"
    );
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway
        .sandbox_later(LONGER_THAN_ANYBODY_WAITS_MS / 1_000)
        .await;
    other.scan(text(&pending)).await;
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stop().await;
}

/// A new person up to the second callback.
async fn consenting(gateway: &Gateway, pending: &Value) -> (Steps, url::Url) {
    let phone = gateway.steps("zoe");
    let asks = phone.scan(text(pending)).await;
    let callback = phone.to_second_callback(&asks).await;
    (phone, callback)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_at_the_consent_ends_the_login() {
    let gateway = spawn_gateway().await;
    for (endpoint, fault, code) in [
        (
            "access_token",
            json!({ "errcode": 40029, "times": 1 }),
            50200,
        ),
        ("access_token", json!({ "errcode": -1, "times": 3 }), 50200),
        ("access_token", json!({ "status": 502, "times": 1 }), 50200),
        ("access_token", json!({ "body": "", "times": 1 }), 50200),
        (
            "access_token",
            json!({ "reset": "before", "times": 1 }),
            50201,
        ),
        (
            "access_token",
            json!({ "reset": "after", "times": 1 }),
            50201,
        ),
        ("userinfo", json!({ "errcode": 48001, "times": 1 }), 50200),
        ("userinfo", json!({ "errcode": 40001, "times": 1 }), 50200),
        ("userinfo", json!({ "status": 502, "times": 3 }), 50200),
        ("userinfo", json!({ "reset": "after", "times": 3 }), 50201),
        (
            "userinfo",
            json!({ "body": "{\"openid\":\"oAnother\"}", "times": 1 }),
            50200,
        ),
    ] {
        let mut browser = gateway.browser().await;
        let pending = browser.start().await;
        let (phone, callback) = consenting(&gateway, &pending).await;
        gateway.strike(endpoint, Some(fault.clone())).await;
        let step = phone.follow(&callback).await;
        assert!(
            step.page.status == 410 && step.page.html.contains(FAILED),
            "{fault}: {step:?}"
        );
        browser.event("scanned").await;
        let failed = browser.event("failed").await;
        assert_eq!(
            (&failed["error"]["code"], &failed["seq"]),
            (&json!(code), &json!(3)),
            "{fault}"
        );
        assert_eq!(
            gateway.faults_left(endpoint).await.len(),
            1,
            "{fault} struck"
        );
        assert_eq!(
            gateway.passed(endpoint).await,
            0,
            "{fault}: not asked again"
        );
        gateway.strike(endpoint, None).await;
        phone.follow(&callback).await.says(410, FAILED);
        assert_eq!(
            gateway.passed(endpoint).await,
            0,
            "{fault}: a duplicate asks nobody"
        );
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn name_and_picture_are_asked_for_again() {
    let gateway = spawn_gateway().await;
    for (user, fault) in [
        ("lixiaolong", json!({ "errcode": -1, "times": 2 })),
        ("wangfang", json!({ "status": 502, "times": 2 })),
        ("zoe", json!({ "reset": "after", "times": 1 })),
        ("dirty", json!({ "body": "", "times": 1 })),
    ] {
        gateway.strike("userinfo", Some(fault.clone())).await;
        let answer = gateway.login(user).await;
        assert!(
            answer.json["data"]["user"]["name"].is_string(),
            "{fault}: {answer:?}"
        );
        assert_eq!(
            gateway.faults_left("userinfo").await.len(),
            1,
            "{fault} struck"
        );
        assert_eq!(gateway.passed("userinfo").await, 1, "{fault}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_hangs_up_has_scanned_all_the_same() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    let phone = gateway.steps("lixiaolong");
    let callback = phone.to_callback(text(&pending)).await;
    let slow = json!({ "latency_ms": LONGER_THAN_ANYBODY_WAITS_MS, "times": 1 });
    gateway.strike("access_token", Some(slow)).await;

    let asked = async {
        while gateway.faults_left("access_token").await.len() > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        step = phone.open(&callback) => panic!("answered too early: {step:?}"),
        () = within("WeChat to be asked", asked) => {}
    }
    // The phone's connection is gone now, and WeChat answers.
    gateway
        .sandbox_later(LONGER_THAN_ANYBODY_WAITS_MS / 1_000)
        .await;
    browser.event("scanned").await;
    let again = phone.open(&callback).await;
    assert_eq!(again.page.status, 303, "the first one's result: {again:?}");
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_page_of_wechat_changes_nothing() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let endpoint = "/connect/oauth2/authorize";
    let phone = gateway.phone("zoe");
    for errcode in [
        10003, 10004, 10005, 10006, 10009, 10010, 10011, 10012, 10013, 10015, 10016, 10038,
    ] {
        gateway
            .faults(json!([{ "endpoint": endpoint, "errcode": errcode, "times": 1 }]))
            .await;
        let page = phone.scan(text(&pending)).await;
        assert_eq!(page.url.port(), Some(gateway.sandbox.port()), "{page:?}");
        assert!(page.html.contains(&errcode.to_string()), "{page:?}");
    }
    gateway.later(Duration::from_secs(1));
    gateway.stands_at(&pending, "pending", 1).await;
    phone.scan(text(&pending)).await;
    gateway.stands_at(&pending, "scanned", 2).await;
    gateway.stop().await;
}
