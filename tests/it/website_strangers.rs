//! The `website` flow's callback in the wrong hands, and WeChat in trouble behind it.

use serde_json::{Value, json};
use url::Url;

use crate::support::{Gateway, Steps, frame_ancestors, parameter, spawn_gateway};

const BAD_LINK: &str = "链接无效";

/// A scene in this browser, and the address that its person comes back to.
async fn ready(gateway: &Gateway, browser: &Steps) -> (Value, Url) {
    let pending = browser.start_website(gateway).await;
    let callback = browser.to_website_callback(gateway, &pending, "zoe").await;
    (pending, callback)
}

fn with_state(url: &Url, state: &str) -> Url {
    let mut changed = url.clone();
    let code = parameter(url, "code");
    let query = [("code", &*code), ("state", state)];
    changed.query_pairs_mut().clear().extend_pairs(query);
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_is_for_the_browser_it_was_made_for() {
    let gateway = spawn_gateway().await;
    let (browser, stranger) = (gateway.steps("zoe"), gateway.steps("zoe"));
    let (pending, callback) = ready(&gateway, &browser).await;
    let (own, own_callback) = ready(&gateway, &stranger).await;
    gateway.strike("access_token", None).await;

    // Login CSRF: the stranger's code and state in the victim's browser, and the other way round.
    for (browser, url) in [(&stranger, &callback), (&browser, &own_callback)] {
        let step = browser.open_framed(url).await;
        step.says(400, BAD_LINK);
        assert_eq!(frame_ancestors(&step.headers), gateway.origin());
    }
    for cookies in ["", "scangate-b=x", "scangate-p=x"] {
        let nobody = gateway.framed_with(&callback, cookies).await;
        assert!(
            nobody.status == 400 && nobody.text.contains(BAD_LINK),
            "{nobody:?}"
        );
    }
    // A code of one's own does not make another's state one's own, nor does a phone's state.
    let mixed = with_state(&own_callback, &parameter(&callback, "state"));
    stranger.open_framed(&mixed).await.says(400, BAD_LINK);
    let h5 = gateway.browser().await.start().await;
    let phones = stranger
        .to_callback(h5["qr"]["text"].as_str().unwrap())
        .await;
    let as_phone = with_state(&callback, &parameter(&phones, "state"));
    browser.open_framed(&as_phone).await.says(400, BAD_LINK);
    assert_eq!(gateway.passed("access_token").await, 0);
    for scene in [&pending, &own, &h5] {
        gateway.stands_at(scene, "pending", 1).await;
    }

    browser
        .open_framed(&callback)
        .await
        .says(200, "登录页会自动继续");
    gateway.stands_at(&pending, "authorized", 2).await;
    gateway.stands_at(&own, "pending", 1).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_changed_is_no_state() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let (pending, callback) = ready(&gateway, &browser).await;
    gateway.strike("access_token", None).await;
    let state = parameter(&callback, "state");
    for at in [0, 2, 5, 6, 14, 45, 46, 70, 86, 117] {
        let digit = if &state[at..=at] == "0" { "1" } else { "0" };
        let changed = format!("{}{digit}{}", &state[..at], &state[at + 1..]);
        let step = browser.open_framed(&with_state(&callback, &changed)).await;
        step.says(400, BAD_LINK);
    }
    let mut doubled = callback.clone();
    doubled.query_pairs_mut().append_pair("state", &state);
    assert_eq!(browser.open_framed(&doubled).await.page.status, 400);
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway.stands_at(&pending, "pending", 1).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wechat_refuses_ends_the_scene() {
    let gateway = spawn_gateway().await;
    for (endpoint, fault, code) in [
        (
            "access_token",
            json!({ "errcode": 40029, "times": 1 }),
            50200,
        ),
        (
            "access_token",
            json!({ "errcode": 40125, "times": 1 }),
            50200,
        ),
        (
            "access_token",
            json!({ "reset": "after", "times": 1 }),
            50201,
        ),
        ("access_token", json!({ "errcode": -1 }), 50200),
        ("userinfo", json!({ "errcode": 48001 }), 50200),
    ] {
        let browser = gateway.steps("zoe");
        let (pending, callback) = ready(&gateway, &browser).await;
        gateway.strike(endpoint, Some(fault.clone())).await;
        for _ in 0..2 {
            let step = browser.open_framed(&callback).await;
            step.says(410, "登录没有完成");
            assert!(
                step.page.html.contains(step.header("x-request-id")),
                "{step:?}"
            );
            assert!(frame_ancestors(&step.headers).contains(&gateway.origin()));
        }
        let failed = gateway.now(&pending).await;
        assert_eq!(failed["type"], "failed", "{fault}: {failed}");
        assert_eq!(failed["error"]["code"], code, "{fault}: {failed}");
        gateway.faults(json!([])).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_up_code_fails_the_browsers_own_scene_only() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let (pending, _) = ready(&gateway, &browser).await;
    let (other, callback) = ready(&gateway, &browser).await;
    let page = browser.wechat_page(&gateway, &pending).await;
    browser
        .open_framed(&page.with_code("0123456789abcdef0123456789abcdef"))
        .await
        .says(410, "登录没有完成");
    gateway.stands_at(&pending, "failed", 2).await;
    gateway.stands_at(&other, "pending", 1).await;
    browser
        .open_framed(&callback)
        .await
        .says(200, "登录页会自动继续");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_account_signs_nobody_in() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let (pending, callback) = ready(&gateway, &browser).await;
    let body = json!({
        "access_token": "37_x", "expires_in": 7200, "refresh_token": "37_y", "openid": "oSnapshot",
        "scope": "snsapi_login", "is_snapshotuser": 1,
    });
    let fault = json!({ "body": body.to_string(), "times": 1 });
    gateway.strike("access_token", Some(fault)).await;
    for _ in 0..2 {
        browser
            .open_framed(&callback)
            .await
            .says(403, "需要使用完整服务");
    }
    gateway.stands_at(&pending, "pending", 1).await;
    gateway.stop().await;
}
