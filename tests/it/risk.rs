//! `scene.number_match = "risk"`: what makes a gateway ask for digits, and the places it knows.

use std::{path::PathBuf, sync::Arc, time::Duration};

use reqwest::{
    Client,
    cookie::Jar,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    lifecycle::text,
    number_match::digits,
    support::{Caller, Gateway, Page, Phone, call, spawn_gateway_with},
};

const SHANGHAI: &str = "192.0.2.7";
const HANGZHOU: &str = "192.0.2.207";
const BEIJING: &str = "198.51.100.7";
const PARIS: &str = "203.0.113.7";
const SINGAPORE: &str = "2001:db8:2::7";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// Everybody in these tests comes through a proxy.
const PROXY: (&str, &str) = ("server.trusted_proxies", "127.0.0.1/32");

fn map() -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    folder.join("tests/geo/places.mmdb").display().to_string()
}

async fn gateway_with(settings: &[(&str, &str)]) -> Gateway {
    let map = map();
    let mut all = vec![PROXY, ("geo.database", map.as_str())];
    all.extend(settings);
    spawn_gateway_with(&all).await
}

fn forwarded(address: &str) -> HeaderMap {
    let name = HeaderName::from_static("x-forwarded-for");
    HeaderMap::from_iter([(name, HeaderValue::from_str(address).unwrap())])
}

/// A browser at that address, which keeps its cookie.
fn browser(gateway: &Gateway, address: &str) -> Caller {
    let mut caller = Caller::new(gateway);
    let http = Client::builder().cookie_store(true);
    caller.http = http.default_headers(forwarded(address)).build().unwrap();
    caller
}

/// A phone at that address.
fn phone(gateway: &Gateway, user: &str, address: &str) -> Phone {
    let jar = Jar::default();
    let sandbox = Url::parse(&format!("http://{}", gateway.sandbox)).unwrap();
    jar.add_cookie_str(&format!("sandbox_user={user}; Path=/"), &sandbox);
    let http = Client::builder().cookie_provider(Arc::new(jar));
    let mut phone = gateway.phone(user);
    phone.http = http.default_headers(forwarded(address)).build().unwrap();
    phone
}

/// Signs in and redeems; gives what the phone showed after the yes.
async fn log_in(gateway: &Gateway, browser: &Caller, phone: &Phone) -> Page {
    let pending = browser.open(CHALLENGE).await;
    let page = phone.confirm(text(&pending)).await;
    let (_, event) = browser.poll(&pending, "after=2").await;
    let grant = match event["data"]["type"].as_str() {
        Some("authorized") => event["data"]["grant"].clone(),
        _ => return page,
    };
    let redeemed = gateway.redeem(&grant, VERIFIER).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
    page
}

fn asks(page: &Page) -> bool {
    page.html.contains(r#"class="digits""#)
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_far_apart_ask() {
    let gateway = gateway_with(&[]).await;
    for (at_desk, in_hand, expected) in [
        (SHANGHAI, SHANGHAI, false),
        (SHANGHAI, BEIJING, true),
        (SHANGHAI, PARIS, true),
        (SHANGHAI, SINGAPORE, true),
        ("8.8.8.8", PARIS, false),
        ("10.0.0.1", PARIS, false),
        (BEIJING, "127.0.0.1", false),
        ("fd00::1", SINGAPORE, false),
    ] {
        let browser = browser(&gateway, at_desk);
        let page = log_in(&gateway, &browser, &phone(&gateway, "zoe", in_hand)).await;
        assert_eq!(asks(&page), expected, "{at_desk} {in_hand}: {page:?}");
    }
    let asked = r#"scangate_number_match_total{outcome="asked"}"#;
    assert_eq!(gateway.metric(asked).await.to_bits(), 3f64.to_bits());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_town_asks_only_at_first_sight() {
    let gateway = gateway_with(&[]).await;
    let (browser_at_home, phone) = (
        browser(&gateway, SHANGHAI),
        phone(&gateway, "zoe", HANGZHOU),
    );
    let pending = browser_at_home.open(CHALLENGE).await;
    let page = phone.confirm(text(&pending)).await;
    let path = crate::support::path(&pending, "verify");
    let body = json!({ "code": digits(&page) });
    let verified = call(browser_at_home.post(&path, Some(&pending["secret"]), &body)).await;
    assert_eq!(verified.json["data"]["type"], "authorized", "{verified:?}");
    let grant = &verified.json["data"]["grant"];
    assert_eq!(gateway.redeem(grant, VERIFIER).await.status, 200);

    let page = log_in(&gateway, &browser_at_home, &phone).await;
    assert!(!asks(&page), "it is known now: {page:?}");
    let page = log_in(&gateway, &browser(&gateway, SHANGHAI), &phone).await;
    assert!(asks(&page), "another browser at the same address: {page:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_codes_of_one_network_ask() {
    let gateway = gateway_with(&[]).await;
    for _ in 0..5 {
        browser(&gateway, PARIS).open(CHALLENGE).await;
    }
    let renewed = browser(&gateway, PARIS);
    let mut pending = renewed.open(CHALLENGE).await;
    for _ in 0..2 {
        pending = renewed.command(&pending, "refresh").await.1["data"].clone();
    }
    let phone = phone(&gateway, "zoe", PARIS);
    // Eight codes by now: a sign that does not ask alone.
    let page = log_in(&gateway, &browser(&gateway, PARIS), &phone).await;
    assert!(
        asks(&page),
        "several codes, and a browser never seen: {page:?}"
    );
    let page = log_in(&gateway, &renewed, &phone).await;
    assert!(asks(&page), "ten codes: {page:?}");

    gateway.later(Duration::from_secs(600));
    let page = log_in(&gateway, &renewed, &phone).await;
    assert!(!asks(&page), "ten minutes later: {page:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_of_its_own_never_asks() {
    let gateway = spawn_gateway_with(&[]).await;
    for _ in 0..12 {
        gateway.login("zoe").await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn off_never_asks_and_always_does() {
    for (setting, expected) in [("off", false), ("always", true)] {
        let gateway = gateway_with(&[("scene.number_match", setting)]).await;
        for in_hand in [SHANGHAI, PARIS] {
            let browser = browser(&gateway, SHANGHAI);
            let page = log_in(&gateway, &browser, &phone(&gateway, "zoe", in_hand)).await;
            assert_eq!(asks(&page), expected, "{setting} {in_hand}: {page:?}");
        }
        gateway.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phone_sees_where_the_browser_is() {
    let gateway = gateway_with(&[]).await;
    let page = async |at_desk: &str, language: &str| {
        let pending = browser(&gateway, at_desk).open(CHALLENGE).await;
        let url = format!("{}?lang={language}", text(&pending));
        let phone = phone(&gateway, "zoe", SHANGHAI);
        phone.scan(text(&pending)).await;
        phone.open(&url).await
    };
    page(SHANGHAI, "zh-CN")
        .await
        .says(200, "<td>上海 · 中国</td>");
    let english = page(SHANGHAI, "en").await;
    english.says(200, "<td>Shanghai · China</td>");
    english.says(200, SHANGHAI);
    page(SINGAPORE, "en").await.says(200, "<td>Singapore</td>");
    let nowhere = page("10.0.0.1", "en").await;
    assert!(nowhere.html.contains("10.0.0.1") && !nowhere.html.contains(">Place<"));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_type_where_they_saw_the_code() {
    let shop = "https://shop.example.com";
    let gateway = gateway_with(&[
        ("scene.number_match", "always"),
        ("apps.default.origins", shop),
    ])
    .await;
    let body = json!({ "challenge": CHALLENGE });
    let opened = call(gateway.post_from(shop, "/scenes", &body)).await;
    let pending: Value = opened.json["data"].clone();
    let page = gateway.phone("zoe").confirm(text(&pending)).await;
    page.says(200, "<bdi>shop.example.com</bdi>");
    gateway.stop().await;
}
