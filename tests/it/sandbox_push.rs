//! The sandbox's own pusher against the gateway: the whole `official_account` login as a person with a phone lives
//! through it, and all that can go wrong between WeChat and the callback.

use serde_json::{Value, json};

use crate::support::{Browser, Gateway, link, spawn_gateway, spawn_gateway_with, types};

const SCANNED: &str = r#"scangate_scene_transitions_total{state="scanned"}"#;
const OUT_OF_SERVICE: &str = "该公众号暂时无法提供服务，请稍后再试";

async fn start(gateway: &Gateway) -> (Browser, Value) {
    let mut browser = gateway.browser().await;
    let pending = browser.start_official().await;
    (browser, pending)
}

/// The person taps the link and confirms; the browser was told of one scan, and is in.
async fn confirms(gateway: &Gateway, browser: &mut Browser, user: &str, said: &Value) {
    let page = gateway.phone(user).confirm(&link(said)).await;
    page.says(200, "已登录");
    let story = browser.story("authorized").await;
    assert_eq!(types(&story), ["scanned", "authorized"]);
    let (status, answer) = browser.redeem(&story[1]["grant"]).await;
    assert_eq!(status, 200, "{answer}");
}

/// What the person's chat with the account shows.
async fn chat(gateway: &Gateway, user: &str) -> String {
    let url = format!("http://{}/phone?view=chat", gateway.sandbox);
    gateway.phone(user).open(&url).await.html
}

#[tokio::test(flavor = "multi_thread")]
async fn in_every_mode() {
    for mode in ["safe", "compatible", "plain"] {
        let settings = [("wechat.official_account.message_mode", mode)];
        let gateway = spawn_gateway_with(&settings).await;
        let (mut browser, pending) = start(&gateway).await;
        let said = gateway.scan_code("lixiaolong", &pending).await;
        assert_eq!(said["kind"], "message");
        confirms(&gateway, &mut browser, "lixiaolong", &said).await;
        let attempts = gateway.attempts(1).await;
        assert_eq!(
            (&attempts[0]["event"], &attempts[0]["key"]),
            (&json!("SCAN"), &pending["scene"]),
            "{mode}"
        );
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_has_to_follow_first() {
    let gateway = spawn_gateway().await;
    for (user, settings) in [("wangfang", json!({})), ("zoe", json!({ "duplicate": 3 }))] {
        gateway.switches(settings).await;
        let (mut browser, pending) = start(&gateway).await;
        let said = gateway.scan_code(user, &pending).await;
        assert_eq!(said["follow"], true, "{said}");
        assert!(browser.told_meanwhile().await.is_empty(), "nothing is sent");
        let said = gateway.follow(user).await;
        confirms(&gateway, &mut browser, user, &said).await;
    }
    let attempts = gateway.attempts(5).await;
    assert!(
        attempts
            .iter()
            .all(|attempt| attempt["event"] == "subscribe"),
        "{attempts:?}"
    );
    gateway.until_metric(SCANNED, 2.0).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_leaves_the_account_meanwhile() {
    let gateway = spawn_gateway().await;
    let (mut browser, pending) = start(&gateway).await;
    let said = gateway.scan_code("lixiaolong", &pending).await;
    let body = json!({ "user": "lixiaolong" });
    gateway.sandbox_call("POST", "unfollow", &body).await;
    assert_eq!(gateway.attempts(2).await[1]["result"], "handled");
    confirms(&gateway, &mut browser, "lixiaolong", &said).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_it_is_delivered() {
    let gateway = spawn_gateway().await;
    let mut sent = 0;
    for (round, switches) in [
        json!({ "duplicate": 5 }),
        json!({ "duplicate": 5, "resign": true }),
        json!({ "duplicate": 5, "concurrent": true }),
        json!({ "duplicate": 5, "concurrent": true, "resign": true }),
        json!({ "delay_ms": 500, "duplicate": 1 }),
    ]
    .into_iter()
    .enumerate()
    {
        let copies = 1 + usize::try_from(switches["duplicate"].as_u64().unwrap()).unwrap();
        gateway.switches(switches).await;
        let (mut browser, pending) = start(&gateway).await;
        let said = gateway.scan_code("lixiaolong", &pending).await;
        sent += copies;
        for attempt in &gateway.attempts(sent).await[sent - copies..] {
            assert_eq!(attempt["result"], "reply", "{attempt}");
            assert_eq!(attempt["detail"], said["replies"][0]["text"]);
        }
        confirms(&gateway, &mut browser, "lixiaolong", &said).await;
        let rounds = u32::try_from(round + 1).unwrap();
        gateway.until_metric(SCANNED, f64::from(rounds)).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scan_overtakes_the_follow() {
    for switches in [
        json!({ "reorder": true }),
        json!({ "reorder": true, "concurrent": true }),
    ] {
        let gateway = spawn_gateway().await;
        gateway.switches(switches.clone()).await;
        let (mut browser, pending) = start(&gateway).await;
        gateway.scan_code("zoe", &pending).await;
        let held = gateway.follow("zoe").await;
        assert_eq!(held["replies"], json!([]), "{held}");
        assert!(browser.told_meanwhile().await.is_empty());
        let said = gateway.scan_code("zoe", &pending).await;
        let attempts = gateway.attempts(2).await;
        let text = &said["replies"][0]["text"];
        assert!(
            attempts.iter().all(|attempt| attempt["detail"] == *text),
            "{attempts:?}"
        );
        if switches.get("concurrent").is_none() {
            assert_eq!(attempts[0]["event"], "SCAN");
        }
        confirms(&gateway, &mut browser, "zoe", &said).await;
        gateway.until_metric(SCANNED, 1.0).await;
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_signature_is_refused_and_the_chat_says_so() {
    let gateway = spawn_gateway().await;
    gateway.switches(json!({ "stale_s": 400 })).await;
    let (mut browser, pending) = start(&gateway).await;
    let said = gateway.scan_code("lixiaolong", &pending).await;
    assert_eq!(said["replies"], json!([]), "{said}");
    assert!(chat(&gateway, "lixiaolong").await.contains(OUT_OF_SERVICE));
    for attempts in 2..=3 {
        gateway.sandbox_later(5).await;
        let attempts = gateway.attempts(attempts).await;
        assert!(
            attempts.iter().all(|attempt| attempt["result"] == "failed"),
            "{attempts:?}"
        );
    }
    assert!(browser.told_meanwhile().await.is_empty());
    gateway.switches(json!({})).await;
    let said = gateway.scan_code("lixiaolong", &pending).await;
    confirms(&gateway, &mut browser, "lixiaolong", &said).await;
    gateway.until_metric(SCANNED, 1.0).await;
    gateway.stop().await;
}

/// The gateway hears it, but its answer is lost twice: WeChat asks again, signed anew or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_came_too_late_is_given_again() {
    let gateway = spawn_gateway().await;
    let mut made = 0;
    for resign in [false, true] {
        gateway.switches(json!({ "resign": resign })).await;
        let lost = json!([{ "endpoint": "push", "reset": "after", "times": 2 }]);
        gateway.faults(lost).await;
        let (mut browser, pending) = start(&gateway).await;
        let said = gateway.scan_code("lixiaolong", &pending).await;
        assert_eq!(said["replies"], json!([]), "{said}");
        for _ in 0..2 {
            gateway.sandbox_later(5).await;
            made += 1;
            gateway.attempts(made + 1).await;
        }
        made += 1;
        let last = gateway.attempts(made).await.pop().unwrap();
        assert_eq!(
            (&last["result"], &last["attempt"]),
            (&json!("reply"), &json!(2)),
            "{last}"
        );
        let text = last["detail"].as_str().unwrap();
        let chat = chat(&gateway, "lixiaolong").await;
        assert!(!chat.contains(OUT_OF_SERVICE), "it was in time");
        let said = json!({ "replies": [{ "text": text }] });
        confirms(&gateway, &mut browser, "lixiaolong", &said).await;
    }
    gateway.until_metric(SCANNED, 2.0).await;
    gateway.stop().await;
}
