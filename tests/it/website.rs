//! The `website` flow as a browser lives through it.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Gateway, call, frame_ancestors, parameter, spawn_gateway, spawn_gateway_with, within,
};

const EXCHANGED: &str = r#"scangate_wechat_requests_total{endpoint="exchange",outcome="ok"}"#;
const INTRODUCED: &str = r#"scangate_wechat_requests_total{endpoint="userinfo",outcome="ok"}"#;

async fn counted(gateway: &Gateway, line: &str, times: f64) {
    let found = gateway.metric(line).await;
    assert!((found - times).abs() < 0.1, "{line} {found}");
}

fn embed_url(pending: &Value) -> Url {
    Url::parse(pending["embed_url"].as_str().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn wechats_page_is_told_in_pending() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(&gateway).await;
    assert_eq!(
        (&pending["flow"], &pending["seq"]),
        (&json!("website"), &json!(1))
    );
    assert!(pending.get("qr").is_none(), "{pending}");
    let life = pending["expires_at"].as_u64().unwrap() - pending["at"].as_u64().unwrap();
    assert_eq!(life, 300_000);

    let link = embed_url(&pending);
    assert_eq!(
        (link.port(), link.path()),
        (Some(gateway.sandbox.port()), "/connect/qrconnect")
    );
    let state = parameter(&link, "state");
    assert!(state.len() <= 128 && state.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let callback = format!("{}callback/wechat", gateway.url);
    for (name, value) in [
        ("redirect_uri", &*callback),
        ("scope", "snsapi_login"),
        ("self_redirect", "true"),
    ] {
        assert_eq!(parameter(&link, name), value);
    }
    let again = gateway.now(&pending).await;
    assert_eq!(
        again["embed_url"], pending["embed_url"],
        "the same for who comes back"
    );

    let english = browser
        .start(&gateway, json!({ "flow": "website", "locale": "en" }))
        .await;
    assert_eq!(parameter(&embed_url(&english), "lang"), "en");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_signs_in_and_is_known_the_next_time() {
    let gateway = spawn_gateway_with(&[("apps.default.origins", "https://shop.example")]).await;
    let browser = gateway.steps("zoe");
    for round in 1..=2_u32 {
        let pending = browser.start_website(&gateway).await;
        let callback = browser
            .to_website_callback(&gateway, &pending, "lixiaolong")
            .await;
        gateway.stands_at(&pending, "pending", 1).await;

        let landed = browser.open_framed(&callback).await;
        landed.says(200, "登录页会自动继续");
        let framed_by = format!("{} https://shop.example", gateway.origin());
        assert_eq!(frame_ancestors(&landed.headers), framed_by);
        assert_eq!(landed.header("x-frame-options"), "");
        assert!(!landed.page.html.contains("<script"));
        let authorized = gateway.now(&pending).await;
        assert_eq!(
            (&authorized["type"], &authorized["seq"]),
            (&json!("authorized"), &json!(2))
        );
        assert_eq!(authorized["user"]["name"], "李小龙");
        counted(&gateway, EXCHANGED, f64::from(round)).await;
        counted(&gateway, INTRODUCED, f64::from(round)).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_person_is_one_user_in_both_accounts() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("lixiaolong").await;
    let mut tab = gateway.browser().await;
    // A scene that a socket watches; the browser's cookie came with the 101.
    let challenge = tab.challenge();
    tab.say(json!({ "type": "start", "challenge": challenge, "flow": "website" }))
        .await;
    let pending = tab.event("pending").await;
    let cookie = tab.cookie.clone().unwrap();
    let browser = gateway.steps("zoe");
    let callback = browser
        .to_website_callback(&gateway, &pending, "lixiaolong")
        .await;
    let landed = gateway.framed_with(&callback, &cookie).await;
    assert_eq!(landed.status, 200, "{landed:?}");

    let authorized = tab.event("authorized").await;
    assert_eq!(authorized["seq"], 2, "nothing in between");
    let (status, redeemed) = tab.redeem(&authorized["grant"]).await;
    assert_eq!(status, 200, "{redeemed}");
    assert_eq!(
        redeemed["data"]["user"]["id"],
        first.json["data"]["user"]["id"]
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_page_goes_back_to_where_it_was_left() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let return_to = gateway.url.to_string();
    let wishes = json!({ "flow": "website", "return_to": return_to });
    for dest in [Some("document"), None] {
        let pending = browser.start(&gateway, wishes.clone()).await;
        let callback = browser.to_website_callback(&gateway, &pending, "zoe").await;
        let mut request = browser.http.get(callback.clone());
        if let Some(dest) = dest {
            request = request.header("sec-fetch-dest", dest);
        }
        let step = browser.take(request).await;
        assert_eq!(step.page.status, 303);
        assert_eq!(step.location.unwrap().as_str(), return_to);
        gateway.stands_at(&pending, "authorized", 2).await;
        // The same page may have framed it instead.
        browser.open_framed(&callback).await.says(200, "已登录");
    }
    let pending = browser.start(&gateway, wishes).await;
    let page = browser.wechat_page(&gateway, &pending).await;
    let step = browser.open(page.without_code()).await;
    assert_eq!(step.location.unwrap().as_str(), return_to);
    gateway.stands_at(&pending, "rejected", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_alone_is_a_refusal() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(&gateway).await;
    let page = browser.wechat_page(&gateway, &pending).await;
    let callback = page.confirm(&gateway.phone("zoe")).await;
    gateway.strike("access_token", None).await;

    browser
        .open_framed(&page.without_code())
        .await
        .says(200, "已取消登录");
    let rejected = gateway.now(&pending).await;
    assert_eq!(
        (&rejected["type"], &rejected["by"]),
        (&json!("rejected"), &json!("user"))
    );
    for url in [page.without_code(), page.with_code(""), callback] {
        browser.open_framed(&url).await.says(200, "已取消登录");
    }
    gateway.stands_at(&pending, "rejected", 2).await;
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_it() {
    let gateway = spawn_gateway_with(&[("scene.website_ttl_s", "60")]).await;
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(&gateway).await;
    let callback = browser.to_website_callback(&gateway, &pending, "zoe").await;
    gateway.strike("access_token", None).await;
    gateway.later(Duration::from_secs(60));
    browser
        .open_framed(&callback)
        .await
        .says(410, "二维码已失效");
    assert_eq!(gateway.after(&pending, 1).await["type"], "expired");
    browser
        .open_framed(&callback)
        .await
        .says(410, "二维码已失效");
    gateway.stands_at(&pending, "expired", 2).await;
    assert_eq!(gateway.passed("access_token").await, 0);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_counts_once_however_often_it_comes() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    for round in 1..=10_u32 {
        let pending = browser.start_website(&gateway).await;
        let callback = browser
            .to_website_callback(&gateway, &pending, "wangfang")
            .await;
        for step in join_all((0..20).map(|_| browser.open_framed(&callback))).await {
            step.says(200, "登录页会自动继续");
        }
        counted(&gateway, EXCHANGED, f64::from(round)).await;
        gateway.stands_at(&pending, "authorized", 2).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tabs_at_once_are_two_logins() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let mut callbacks = Vec::new();
    let mut scenes = Vec::new();
    for user in ["wangfang", "lixiaolong"] {
        let pending = browser.start_website(&gateway).await;
        callbacks.push(browser.to_website_callback(&gateway, &pending, user).await);
        scenes.push(pending);
    }
    for step in join_all(callbacks.iter().map(|url| browser.open_framed(url))).await {
        step.says(200, "登录页会自动继续");
    }
    for (pending, name) in scenes.iter().zip(["王芳", "李小龙"]) {
        gateway.stands_at(pending, "authorized", 2).await;
        assert_eq!(gateway.now(pending).await["user"]["name"], name);
    }
    counted(&gateway, EXCHANGED, 2.0).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_at_the_last_moment_ends_one_way() {
    let gateway = spawn_gateway_with(&[("scene.website_ttl_s", "60")]).await;
    let browser = gateway.steps("zoe");
    for round in 0..20 {
        let pending = browser.start_website(&gateway).await;
        let callback = browser.to_website_callback(&gateway, &pending, "zoe").await;
        let expire = async {
            for _ in 0..round * 20 {
                tokio::task::yield_now().await;
            }
            gateway.later(Duration::from_secs(60));
        };
        let (step, ()) = tokio::join!(browser.open_framed(&callback), expire);
        let end = gateway.after(&pending, 1).await;
        // Authorized just before, and past the end of that too.
        let ends: &[&str] = match step.page.status {
            200 => &["authorized", "expired"],
            410 => &["expired"],
            other => panic!("{other}: {step:?}"),
        };
        assert!(ends.contains(&end["type"].as_str().unwrap()), "{end}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn time_runs_out_while_wechat_is_asked() {
    let gateway = spawn_gateway_with(&[("scene.website_ttl_s", "60")]).await;
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(&gateway).await;
    let callback = browser.to_website_callback(&gateway, &pending, "zoe").await;
    // On the sandbox's clock, which stands still until the scene is over.
    let slow = json!({ "latency_ms": 60_000, "times": 1 });
    gateway.strike("access_token", Some(slow)).await;
    let expire = async {
        let asked = async { while gateway.faults_left("access_token").await.len() > 1 {} };
        within("WeChat to be asked", asked).await;
        gateway.later(Duration::from_secs(60));
        assert_eq!(gateway.after(&pending, 1).await["type"], "expired");
        gateway.sandbox_later(60).await;
    };
    let (step, ()) = tokio::join!(browser.open_framed(&callback), expire);
    step.says(410, "二维码已失效");
    gateway.stands_at(&pending, "expired", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_code_is_a_new_address() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let old = browser.start_website(&gateway).await;
    let late = browser.to_website_callback(&gateway, &old, "zoe").await;
    let path = format!("/scenes/{}/refresh", old["scene"].as_str().unwrap());
    let secret = format!("Scene {}", old["secret"].as_str().unwrap());
    let refreshed = gateway
        .post(&path, &json!({}))
        .header("authorization", secret);
    let new = call(refreshed).await.json["data"].clone();
    assert_ne!(new["embed_url"], old["embed_url"]);

    browser
        .open_framed(&late)
        .await
        .says(200, "电脑上已取消登录");
    gateway.stands_at(&new, "pending", 1).await;
    let callback = browser.to_website_callback(&gateway, &new, "zoe").await;
    browser
        .open_framed(&callback)
        .await
        .says(200, "登录页会自动继续");
    gateway.stands_at(&new, "authorized", 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phones_have_no_page_here() {
    let gateway = spawn_gateway().await;
    let browser = gateway.steps("zoe");
    let pending = browser.start_website(&gateway).await;
    let url = format!("{}s/{}", gateway.url, pending["scene"].as_str().unwrap());
    browser.open(&url).await.says(404, "二维码已失效");
    for decision in ["confirm", "reject"] {
        let form = browser.http.post(format!("{url}/{decision}"));
        let form = form
            .header("origin", gateway.origin())
            .form(&[("form_token", "x")]);
        browser.take(form).await.says(404, "二维码已失效");
    }
    gateway.stands_at(&pending, "pending", 1).await;
    gateway.stop().await;
}
