//! The `official_account` flow as browser, chat and phone live through it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Browser, Gateway, Pusher, event, spawn_gateway, spawn_gateway_with};

/// A page with the code of the official account.
async fn start(gateway: &Gateway) -> (Browser, Value) {
    let mut browser = gateway.browser().await;
    let challenge = browser.challenge();
    browser
        .say(json!({ "type": "start", "challenge": challenge, "flow": "official_account" }))
        .await;
    let pending = browser.event("pending").await;
    (browser, pending)
}

/// The chat's answer to a scan by this sandbox user.
async fn scan(gateway: &Gateway, pusher: &Pusher, user: &str, pending: &Value) -> String {
    let (openid, now) = (pusher.openid(user).await, gateway.now_s());
    let scan = event(&openid, now, "SCAN", pending["scene"].as_str().unwrap());
    let nonce = scangate::ids::hex(&scangate::ids::random::<8>());
    pusher
        .read(&pusher.push(&pusher.sealed(&scan, now, &nonce)).await)
        .0
}

fn link(text: &str) -> String {
    let link = text.lines().find(|line| line.starts_with("http"));
    link.unwrap_or_else(|| panic!("no link in {text}"))
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_scans_confirms_consents_and_is_in() {
    let gateway = spawn_gateway().await;
    let pusher = gateway.pusher();
    let (mut browser, pending) = start(&gateway).await;
    assert_eq!(pending["flow"], "official_account");
    let text = pending["qr"]["text"].as_str().unwrap();
    assert!(text.starts_with("http://weixin.qq.com/q/"), "{text}");
    assert!(pending["qr"]["svg"].as_str().unwrap().starts_with("<svg"));

    let chat = scan(&gateway, &pusher, "wangfang", &pending).await;
    assert_eq!(browser.event("scanned").await["seq"], 2);
    let phone = gateway.phone("wangfang");
    let page = phone.confirm(&link(&chat)).await;
    assert_eq!(page.status, 200, "{page:?}");
    let authorized = browser.event("authorized").await;
    assert_eq!(authorized["user"]["name"], "王芳");
    let (status, answer) = browser.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200, "{answer}");

    // Known now: the page is told whom it waits for, and no consent is asked for again.
    let (mut browser, pending) = start(&gateway).await;
    let chat = scan(&gateway, &pusher, "wangfang", &pending).await;
    assert_eq!(browser.event("scanned").await["user"]["name"], "王*");
    let asks = phone.open(&link(&chat)).await;
    phone.press(&asks, "confirm").await;
    browser.event("authorized").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_survives_the_socket() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = start(&gateway).await;
    browser.leave().await;
    let mut again = gateway.browser().await;
    again.resume(&pending, 1).await;
    let replay = again.event("pending").await;
    assert_eq!(replay["qr"]["text"], pending["qr"]["text"]);
    let made =
        gateway.metric("scangate_wechat_requests_total{endpoint=\"create_qr\",outcome=\"ok\"}");
    assert!(
        (made.await - 1.0).abs() < f64::EPSILON,
        "one code for one scene"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_proves_nothing() {
    let gateway = spawn_gateway().await;
    let pusher = gateway.pusher();
    let (mut browser, pending) = start(&gateway).await;
    let page = format!("{}s/{}", gateway.url, pending["scene"].as_str().unwrap());
    let early = gateway.phone("lixiaolong").open(&page).await;
    early.says(200, "请先扫描二维码");
    assert!(
        browser.told_meanwhile().await.is_empty(),
        "no scan by a link"
    );

    let chat = scan(&gateway, &pusher, "lixiaolong", &pending).await;
    browser.event("scanned").await;
    let stranger = gateway.phone("zoe").open(&link(&chat)).await;
    stranger.says(409, "已在另一台设备上使用");
    assert!(!stranger.has_form("confirm"));
    assert!(browser.told_meanwhile().await.is_empty());
    let owner = gateway.phone("lixiaolong");
    let asks = owner.open(&link(&chat)).await;
    owner.press(&asks, "reject").await;
    assert_eq!(browser.event("rejected").await["by"], "user");
}

#[tokio::test(flavor = "multi_thread")]
async fn scanning_is_never_logging_in() {
    let gateway = spawn_gateway().await;
    let (pusher, phone) = (gateway.pusher(), gateway.phone("lixiaolong"));
    let (mut browser, pending) = start(&gateway).await;
    let chat = scan(&gateway, &pusher, "lixiaolong", &pending).await;
    browser.event("scanned").await;
    let asks = phone.open(&link(&chat)).await;
    assert!(asks.has_form("confirm") && asks.has_form("reject"));
    gateway.later(Duration::from_secs(180));
    assert_eq!(gateway.after(&pending, 2).await["type"], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_in_and_scans_again_is_told_so() {
    for confirm in ["link", "none"] {
        let gateway = spawn_gateway_with(&[("wechat.official_account.confirm", confirm)]).await;
        let pusher = gateway.pusher();
        let (mut browser, pending) = start(&gateway).await;
        let chat = scan(&gateway, &pusher, "lixiaolong", &pending).await;
        browser.event("scanned").await;
        if confirm == "link" {
            gateway.phone("lixiaolong").confirm(&link(&chat)).await;
        }
        browser.event("authorized").await;
        let again = event(
            &pusher.openid("lixiaolong").await,
            gateway.now_s() + 1,
            "SCAN",
            pending["scene"].as_str().unwrap(),
        );
        let push = pusher.sealed(&again, gateway.now_s(), "again");
        let (text, _) = pusher.read(&pusher.push(&push).await);
        assert!(text.contains("已登录"), "{confirm}: {text}");
        let stranger = scan(&gateway, &pusher, "zoe", &pending).await;
        assert!(stranger.contains("其他人"), "{confirm}: {stranger}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_asks_for_the_flow_again_that_was_asked_for() {
    let gateway = spawn_gateway_with(&[("wechat.official_account.fallback_flow", "h5")]).await;
    gateway
        .faults(json!([{ "endpoint": "/cgi-bin/qrcode/create", "errcode": 48001, "times": 1 }]))
        .await;
    let (mut browser, pending) = start(&gateway).await;
    assert_eq!(pending["flow"], "h5");
    browser.say(json!({ "type": "refresh" })).await;
    assert_eq!(browser.event("pending").await["flow"], "official_account");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_link_opens_once_for_one_browser() {
    let settings = [("wechat.official_account.confirm", "bearer_link")];
    let gateway = spawn_gateway_with(&settings).await;
    let pusher = gateway.pusher();
    let (mut browser, pending) = start(&gateway).await;
    let chat = scan(&gateway, &pusher, "wangfang", &pending).await;
    browser.event("scanned").await;
    let link = link(&chat);
    let bare = link.split('?').next().unwrap().to_owned();
    let phone = gateway.phone("wangfang");
    phone.open(&bare).await.says(200, "请从公众号会话中打开");
    // A look ahead consumes nothing.
    assert!(gateway.phone("zoe").open(&link).await.has_form("open"));
    let page = phone.open(&link).await;
    let asks = phone.press(&page, "open").await;
    assert!(asks.has_form("confirm"), "{asks:?}");
    let thief = gateway.phone("wangfang");
    let page = thief.open(&link).await;
    thief.press(&page, "open").await.says(400, "链接无效");
    phone.press(&asks, "confirm").await;
    let authorized = browser.event("authorized").await;
    let (status, _) = browser.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_link_grows_old_and_cannot_be_made() {
    let gateway = spawn_gateway_with(&[
        ("wechat.official_account.confirm", "bearer_link"),
        ("scene.scanned_ttl_s", "600"),
    ])
    .await;
    let pusher = gateway.pusher();
    let (mut browser, pending) = start(&gateway).await;
    let chat = scan(&gateway, &pusher, "lixiaolong", &pending).await;
    browser.event("scanned").await;
    let (link, phone) = (link(&chat), gateway.phone("lixiaolong"));
    let digit = if link.ends_with('0') { "1" } else { "0" };
    let forged = format!("{}{digit}", &link[..link.len() - 1]);
    phone.open(&forged).await.says(200, "请从公众号会话中打开");
    phone.open(&format!("{link}&k=1")).await.says(400, "");
    gateway.later(Duration::from_secs(300));
    phone.open(&link).await.says(200, "请从公众号会话中打开");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_scan_is_the_login_nothing_is_asked() {
    let gateway = spawn_gateway_with(&[("wechat.official_account.confirm", "none")]).await;
    let pusher = gateway.pusher();
    let (mut browser, pending) = start(&gateway).await;
    let chat = scan(&gateway, &pusher, "lixiaolong", &pending).await;
    assert!(!chat.contains("http"), "{chat}");
    browser.event("scanned").await;
    let authorized = browser.event("authorized").await;
    let (status, _) = browser.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_code_there_is_no_scene_or_another_flow() {
    let quota = json!([{ "endpoint": "/cgi-bin/qrcode/create", "errcode": 45009 }]);
    let gateway = spawn_gateway().await;
    gateway.faults(quota.clone()).await;
    let mut browser = gateway.browser().await;
    let challenge = browser.challenge();
    let command = json!({ "type": "start", "challenge": challenge, "flow": "official_account" });
    browser.say(command.clone()).await;
    let (error, close, _) = browser.refused().await;
    assert_eq!(
        (&error["error"]["code"], close),
        (&json!(50200), 1011),
        "{error}"
    );
    let opened = gateway.metric("scangate_scenes_created_total").await;
    assert!(opened.abs() < f64::EPSILON, "no scene");

    let gateway = spawn_gateway_with(&[("wechat.official_account.fallback_flow", "h5")]).await;
    gateway.faults(quota).await;
    let mut browser = gateway.browser().await;
    browser.say(command).await;
    let pending = browser.event("pending").await;
    assert_eq!(pending["flow"], "h5");
    gateway.faults(json!([])).await;
    // The quota is known to be used up: WeChat is not asked again.
    let (_, pending) = start(&gateway).await;
    assert_eq!(pending["flow"], "h5");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_somebody_stole_is_healed_once() {
    let gateway = spawn_gateway().await;
    let (_tab, _) = start(&gateway).await;
    let stale = json!([{ "endpoint": "/cgi-bin/qrcode/create", "errcode": 42001, "times": 1 }]);
    gateway.faults(stale).await;
    let (_tab, pending) = start(&gateway).await;
    assert_eq!(pending["flow"], "official_account");
    gateway.later(Duration::from_secs(60));
    let broken = json!([{ "endpoint": "/cgi-bin/qrcode/create", "errcode": 40001 }]);
    gateway.faults(broken).await;
    let mut browser = gateway.browser().await;
    let challenge = browser.challenge();
    browser
        .say(json!({ "type": "start", "challenge": challenge, "flow": "official_account" }))
        .await;
    assert_eq!(browser.refused().await.1, 1011, "once, and not for ever");
}
