//! The numbers an operator sees: they are there, and they add up.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    lifecycle::{admin, log_in, text},
    number_match::{digits, verify},
    support::{Caller, Gateway, call, link, spawn_gateway, spawn_gateway_with, within},
};

const STATES: [&str; 4] = ["pending", "scanned", "verifying", "authorized"];

/// Nothing vanishes: created = redeemed + rejected + expired + cancelled + failed + live.
#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_add_up() {
    let gateway = spawn_gateway().await;
    // Redeemed, rejected, cancelled, failed, expired twice; then three that live.
    log_in(&gateway, "lixiaolong").await;
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    let phone = gateway.phone("zoe");
    let asks = phone.scan(text(&pending)).await;
    phone.press(&asks, "reject").await;
    let mut tab = gateway.browser().await;
    tab.start().await;
    tab.say(json!({ "type": "refresh" })).await;
    tab.event("pending").await;
    let pending = gateway.browser().await.start().await;
    gateway.phone("zoe").confirm(text(&pending)).await;
    let burnt = Caller::new(&gateway).poll(&pending, "after=2").await.1["data"]["grant"].clone();
    assert_eq!(
        tab.redeem(&burnt).await.0,
        400,
        "another tab's verifier burns it"
    );
    add_up(&gateway, [1.0, 1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]).await;

    gateway.later(Duration::from_secs(121));
    tab.event("expired").await;
    let mut scanned = gateway.browser().await;
    let pending = scanned.start().await;
    gateway.phone("wangfang").scan(text(&pending)).await;
    let mut authorized = gateway.browser().await;
    let pending = authorized.start().await;
    gateway.phone("lixiaolong").confirm(text(&pending)).await;
    gateway.browser().await.start().await;
    add_up(&gateway, [1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]).await;

    drop((tab, scanned, authorized));
    gateway.later(Duration::from_secs(181));
    gateway
        .until_metric(r#"scangate_scene_transitions_total{state="expired"}"#, 4.0)
        .await;
    gateway.later(Duration::from_secs(301));
    for state in [
        "pending",
        "scanned",
        "authorized",
        "rejected",
        "expired",
        "cancelled",
        "failed",
    ] {
        gateway
            .until_metric(&format!(r#"scangate_scenes{{state="{state}"}}"#), 0.0)
            .await;
    }
    gateway.until_metric("scangate_sockets", 0.0).await;
    let opened = gateway.metric("scangate_sockets_opened_total").await;
    let text = admin(&gateway, "/metrics").await.1;
    let closed: f64 = text
        .lines()
        .filter(|line| line.starts_with("scangate_sockets_closed_total{"))
        .map(|line| line.split(' ').next_back().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(closed.to_bits(), opened.to_bits(), "{text}");
}

/// Ends are redeemed, rejected, expired, cancelled, failed; live ones are in the order of [`STATES`].
async fn add_up(gateway: &Gateway, ends: [f64; 5], live: [f64; 4]) {
    let names = ["rejected", "expired", "cancelled", "failed"];
    let redeemed = gateway.metric("scangate_scenes_redeemed_total").await;
    let mut counted = vec![redeemed];
    for name in names {
        counted.push(
            gateway
                .metric(&format!(
                    r#"scangate_scene_transitions_total{{state="{name}"}}"#
                ))
                .await,
        );
    }
    assert_eq!(counted, ends);
    let mut now = Vec::new();
    for state in STATES {
        now.push(
            gateway
                .metric(&format!(r#"scangate_scenes{{state="{state}"}}"#))
                .await,
        );
    }
    // A redeemed scene stays authorized until it is forgotten.
    now[3] -= redeemed;
    assert_eq!(now, live);
    let created = gateway.metric("scangate_scenes_created_total").await;
    let all: f64 = counted.iter().chain(&now).sum();
    assert_eq!(created.to_bits(), all.to_bits(), "{counted:?} {now:?}");
}

/// The other flows, one flow in the place of another, and pages without a socket.
#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_of_all_flows_add_up() {
    let settings = [
        ("wechat.official_account.fallback_flow", "h5"),
        ("scene.number_match", "always"),
        ("scene.website_ttl_s", "60"),
    ];
    let gateway = spawn_gateway_with(&settings).await;
    let site = gateway.steps("zoe");
    // Each flow redeemed once, h5 in the place of a code that cannot be had.
    for fault in [json!([]), quota_used_up()] {
        gateway.faults(fault.clone()).await;
        let mut tab = gateway.browser().await;
        let pending = tab.start_official().await;
        let link = if fault == json!([]) {
            link(&gateway.scan_code("lixiaolong", &pending).await)
        } else {
            assert_eq!(pending["flow"], "h5");
            text(&pending).to_owned()
        };
        let page = gateway.phone("lixiaolong").confirm(&link).await;
        tab.event("scanned").await;
        tab.event("verifying").await;
        verify(&mut tab, digits(&page)).await;
        let authorized = tab.event("authorized").await;
        assert_eq!(tab.redeem(&authorized["grant"]).await.0, 200);
    }
    let mut tab = gateway.browser().await;
    let pending = tab.start_with(json!({ "flow": "website" })).await;
    let callback = site.to_website_callback(&gateway, &pending, "zoe").await;
    gateway
        .framed_with(&callback, &tab.cookie.clone().unwrap())
        .await;
    let authorized = tab.event("authorized").await;
    assert_eq!(tab.redeem(&authorized["grant"]).await.0, 200);
    add_up(&gateway, [3.0, 0.0, 0.0, 0.0, 0.0], [0.0; 4]).await;

    // website: rejected, failed, cancelled, and one that lives.
    for fault in [None, Some(json!({ "errcode": 40029 }))] {
        let pending = site.start_website(&gateway).await;
        let page = site.wechat_page(&gateway, &pending).await;
        let callback = if fault.is_some() {
            page.confirm(&gateway.phone("zoe")).await
        } else {
            page.without_code()
        };
        gateway.strike("access_token", fault).await;
        site.open_framed(&callback).await;
    }
    gateway.faults(json!([])).await;
    let pending = site.start_website(&gateway).await;
    gateway.refreshed(&pending).await;
    // One waits for its digits.
    let mut tab = gateway.browser().await;
    let pending = tab.start().await;
    gateway.phone("lixiaolong").confirm(text(&pending)).await;
    add_up(&gateway, [3.0, 1.0, 0.0, 1.0, 1.0], [1.0, 0.0, 1.0, 0.0]).await;

    // Nobody watches them; time ends them all the same.
    drop(tab);
    gateway.later(Duration::from_secs(61));
    gateway
        .until_metric(r#"scangate_scene_transitions_total{state="expired"}"#, 2.0)
        .await;
    add_up(&gateway, [3.0, 1.0, 2.0, 1.0, 1.0], [0.0; 4]).await;
    gateway.stop().await;
}

/// A login that WeChat makes no code for is no scene.
#[tokio::test(flavor = "multi_thread")]
async fn what_never_began_is_not_counted() {
    let gateway = spawn_gateway().await;
    gateway.faults(quota_used_up()).await;
    let wish = json!({ "challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "flow": "official_account" });
    assert_eq!(call(gateway.post("/scenes", &wish)).await.code(), 50200);
    add_up(&gateway, [0.0; 5], [0.0; 4]).await;
    gateway.stop().await;
}

fn quota_used_up() -> Value {
    json!([{ "endpoint": "/cgi-bin/qrcode/create", "errcode": 45009 }])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_metrics_show_what_an_operator_asks_for() {
    let gateway = spawn_gateway().await;
    log_in(&gateway, "lixiaolong").await;
    let mut tab = gateway.browser().await;
    tab.start().await;
    let (status, text) = admin(&gateway, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "scangate_sockets 1",
        "scangate_sockets_opened_total 2",
        r#"scangate_sockets_closed_total{code="1000"} 1"#,
        r#"scangate_scenes{state="pending"} 1"#,
        "scangate_scenes_created_total 2",
        "scangate_scenes_redeemed_total 1",
        r#"scangate_scene_transitions_total{state="authorized"} 1"#,
        "scangate_scan_to_authorized_seconds_count 1",
        r#"scangate_scan_to_authorized_seconds_bucket{le="+Inf"} 1"#,
        r#"scangate_event_to_socket_seconds_bucket{le="+Inf"} 2"#,
        r#"scangate_tokens_issued_total{name="grant"} 1"#,
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line} in\n{text}"
        );
    }
    for name in ["scan_to_authorized", "event_to_socket", "wechat_request"] {
        let start = format!("scangate_{name}_seconds_bucket{{le=");
        assert!(
            text.lines().filter(|line| line.starts_with(&start)).count() > 5,
            "{name}"
        );
    }
    assert!(text.ends_with("# EOF\n"));
    for secret in ["lixiaolong", "李", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret}");
    }
    let (status, ready) = admin(&gateway, "/readyz").await;
    let ready: Value = serde_json::from_str(&ready).unwrap();
    assert_eq!(
        (status, &ready["status"], &ready["stores"]["users"]),
        (200, &json!("ready"), &json!(true))
    );
    for path in ["/metrics", "/readyz", "/livez"] {
        let public = reqwest::get(gateway.url.join(path).unwrap()).await.unwrap();
        assert_eq!(public.status(), 404, "{path} is not for everybody");
    }
}

/// Whoever came and went leaves nothing behind: no place of a socket, no place in the push.
#[tokio::test(flavor = "multi_thread")]
async fn everybody_leaves_and_nothing_stays() {
    let gateway = spawn_gateway_with(&[("limits.sockets_per_address", "3")]).await;
    let caller = Caller::new(&gateway);
    for _ in 0..4 {
        let (mut leaves, mut vanishes) = (gateway.browser().await, gateway.browser().await);
        leaves.start().await;
        let pending = vanishes.start().await;
        let stream = caller
            .stream(&caller.open(&leaves.challenge()).await, None)
            .await;
        assert_eq!(
            gateway.browser().await.refused().await.1,
            4429,
            "all places are taken"
        );
        drop(stream);
        leaves.leave().await;
        drop(vanishes);
        gateway.until_metric("scangate_sockets", 0.0).await;
        let mut back = gateway.browser().await;
        back.resume(&pending, 1).await;
        back.event("pending").await;
        drop(back);
        let empty = async { while free_places(&gateway).await < 3 {} };
        Box::pin(within("all places", empty)).await;
    }
}

/// How many sockets find a place at once.
async fn free_places(gateway: &Gateway) -> usize {
    // A stream whose reader has gone is noticed by its next signs of life.
    gateway.later(Duration::from_secs(16));
    let mut tabs = Vec::new();
    for _ in 0..3 {
        let mut tab = gateway.browser().await;
        if tab.next("a word").await["type"] == "hello" {
            tabs.push(tab);
        }
    }
    let found = tabs.len();
    for mut tab in tabs {
        tab.leave().await;
    }
    gateway.until_metric("scangate_sockets", 0.0).await;
    found
}
