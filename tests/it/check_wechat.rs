//! `scangate check` asks WeChat: what it makes of each answer.

use reqwest::Client;
use scangate::{
    code::Locale,
    config::SANDBOX_APP_ID,
    wechat::{AccountKind, Endpoint, Reaction, reaction},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Doctor, Gateway, answering, spawn_gateway};

const ACCOUNT: &str = "wx0a1b2c3d4e5f6789";
const SECRET: &str = "89abcdef0123456789abcdef01234567";
const WEBSITE: &str = "wx9f8e7d6c5b4a3210";
/// No loopback address to WeChat's eyes, and yet no further away than this machine.
const ELSEWHERE: &str = "https://[::ffff:127.0.0.1]";
const PUSH: [&str; 2] = [
    "wechat.official_account.token=pR9vK2mX7qL4tW8z",
    "wechat.official_account.encoding_aes_key=Zk3Qw9Rt7Yp2Ls5Xd8Vb4Nm6Hj1Gf0Ca3Se7Ui9Oo2K",
];

/// Sets up an account as somebody does in WeChat's console.
async fn account(gateway: &Gateway, settings: Value) {
    let url = format!("http://{}/sandbox/api/accounts", gateway.sandbox);
    let answer = Client::new().put(url).json(&settings).send().await.unwrap();
    assert!(answer.status().is_success(), "{settings}");
}

/// With an account of its own at a WeChat that the gateway's sandbox plays.
async fn live(gateway: &Gateway, data: &TempDir) -> Doctor {
    let new = json!({ "app_id": ACCOUNT, "app_secret": SECRET, "kind": "official_account" });
    account(gateway, new).await;
    let base = format!("http://{}", gateway.sandbox);
    Doctor::beside(gateway, data)
        .set("wechat.mode", "live")
        .set("wechat.api_base", &base)
        .set("wechat.open_base", &base)
        .set("wechat.official_account.app_id", ACCOUNT)
        .set("wechat.official_account.app_secret", SECRET)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_as_it_should_be() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let found = live(&gateway, &data).await.with(&PUSH).findings().await;
    for (item, words) in [
        ("clock", "s from WeChat's"),
        ("secret", ACCOUNT),
        ("access_token", "s left"),
        ("ip_list", "may fetch"),
        ("account_type", "parametric codes"),
        ("h5_page", "127.0.0.1"),
    ] {
        found.say(item, "right", words);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_ends_no_token_and_tells_none() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await;
    let token = async |path: &str| -> String {
        let url = format!("http://{}/cgi-bin/{path}", gateway.sandbox);
        let asked =
            json!({ "grant_type": "client_credential", "appid": ACCOUNT, "secret": SECRET });
        let answer = Client::new().post(url).json(&asked).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap().to_owned()
    };
    let before = token("stable_token").await;
    // The endpoint that ends tokens is refused: whoever asks it is found out.
    gateway
        .faults(json!([{ "endpoint": "/cgi-bin/token", "errcode": 40125 }]))
        .await;
    let doctor = doctor.set("wechat.official_account.token_endpoint", "token");
    let found = doctor.findings().await;
    found.say("access_token", "right", "s left");
    found.say("token_endpoint", "weak", "stable_token");
    assert!(!found.json.to_string().contains(&before));
    assert_eq!(token("stable_token").await, before);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_secrets_are_found_before_a_person_meets_them() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await;
    let other = "0000000000000000000000000000000f";
    let wrong = doctor
        .clone()
        .set("wechat.official_account.app_secret", other);
    let found = wrong.findings().await;
    for item in ["secret", "access_token"] {
        found.say(item, "wrong", "errcode 40125");
        found.say(item, "wrong", "compare wechat.official_account.app_secret");
    }
    found.omit("ip_list");
    let text = wrong.option("--lang=zh-CN").text().await;
    assert!(
        text.contains("请核对 wechat.official_account.app_secret"),
        "{text}"
    );

    let website = json!({ "app_id": WEBSITE, "app_secret": SECRET, "kind": "website" });
    account(&gateway, website).await;
    let doctor = doctor.set("wechat.website.app_id", WEBSITE);
    let right = doctor.clone().set("wechat.website.app_secret", SECRET);
    right
        .findings()
        .await
        .say("website_secret", "right", WEBSITE);
    let wrong = doctor.clone().set("wechat.website.app_secret", other);
    let found = wrong.findings().await;
    found.say(
        "website_secret",
        "wrong",
        "compare wechat.website.app_secret",
    );
    found.say("secret", "right", ACCOUNT);

    let unknown = doctor
        .set("wechat.website.app_secret", SECRET)
        .set("wechat.website.app_id", "wx00000000000000ff");
    let found = unknown.findings().await;
    found.say("website_secret", "wrong", "wechat.website.app_id");
    found.say("website_page", "wrong", "wechat.website.app_id");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ip_list_is_told_with_the_address_that_wechat_saw() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await;
    account(
        &gateway,
        json!({ "app_id": ACCOUNT, "ip_allow_list": ["192.0.2.0/24"] }),
    )
    .await;
    let needed = doctor.clone().with(&PUSH);
    let found = needed.findings().await;
    found.say(
        "ip_list",
        "wrong",
        "WeChat saw the address 127.0.0.1 (errcode 40164) — ",
    );
    found.say("secret", "right", ACCOUNT);
    found.omit("account_type");
    let text = needed.option("--lang=zh-CN").text().await;
    assert!(
        text.contains("微信看到的地址是 127.0.0.1（errcode 40164）— "),
        "{text}"
    );
    let found = doctor.findings().await;
    found.say("ip_list", "weak", "no flow in use needs the access_token");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_not_verified_can_do_little() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await.with(&PUSH);
    account(&gateway, json!({ "app_id": ACCOUNT, "is_verified": false })).await;
    let found = doctor.findings().await;
    found.say("account_type", "wrong", "errcode 48001");
    found.say("account_type", "wrong", "verified service account");
    found.say("h5_page", "wrong", "10005: ");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_domain_that_is_not_in_the_console_is_found() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let website = json!({ "app_id": WEBSITE, "app_secret": SECRET, "kind": "website" });
    account(&gateway, website).await;
    let doctor = live(&gateway, &data)
        .await
        .set("wechat.website.app_id", WEBSITE)
        .set("wechat.website.app_secret", SECRET)
        .set("server.public_url", ELSEWHERE);
    let found = doctor.findings().await;
    for item in ["h5_page", "website_page"] {
        found.say(item, "wrong", "10003: The domain of redirect_uri");
    }
    found.say("public_url", "unknown", "does the gateway run?");
    for (endpoint, errcode, words) in [
        (
            "/connect/oauth2/authorize",
            10004,
            "10004: WeChat has banned",
        ),
        ("/connect/oauth2/authorize", 10016, "10016: "),
        ("/connect/oauth2/authorize", 99999, "tells only phones"),
    ] {
        let fault = json!([{ "endpoint": endpoint, "errcode": errcode }]);
        gateway.faults(fault).await;
        let verdict = if errcode == 99999 { "unknown" } else { "wrong" };
        doctor.findings().await.say("h5_page", verdict, words);
    }
    gateway.stop().await;
}

/// Each way in which the token endpoint refuses: what becomes of it, in the operator's language.
#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_the_token_endpoint_is_explained() {
    const LISTED: [i64; 5] = [40164, 61004, 89503, 89506, 89507];
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await.with(&PUSH);
    for errcode in [
        -1, 40001, 40002, 40013, 40125, 40164, 40243, 41002, 41004, 43002, 45009, 45011, 47001,
        48004, 50004, 50007, 61004, 89503, 89506, 89507, 12345,
    ] {
        let fault = json!([{ "endpoint": "/cgi-bin/stable_token", "errcode": errcode }]);
        gateway.faults(fault).await;
        let (tag, locale) = match errcode % 2 {
            0 => ("--lang=en", Locale::En),
            _ => ("--lang=zh-CN", Locale::ZhCn),
        };
        let found = doctor.clone().option(tag).findings().await;
        let item = if LISTED.contains(&errcode) {
            "ip_list"
        } else {
            "access_token"
        };
        let verdict = match reaction::reaction(Endpoint::StableToken, errcode) {
            Reaction::Alert => "wrong",
            _ => "unknown",
        };
        let kind = AccountKind::OfficialAccount;
        let advice = reaction::advice(kind, Endpoint::StableToken, errcode, locale);
        found.say(item, verdict, &format!("errcode {errcode}"));
        found.say(item, verdict, &advice);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_passes_by_itself_proves_nothing() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await.with(&PUSH);
    for (fault, words) in [
        (json!({ "status": 502 }), "HTTP status 502"),
        (json!({ "body": "<html>" }), "stable_token: "),
        (json!({ "reset": "before" }), "stable_token: "),
    ] {
        let mut faults = Vec::new();
        for endpoint in ["/cgi-bin/stable_token", "/sns/oauth2/access_token"] {
            let mut fault = fault.clone();
            fault["endpoint"] = json!(endpoint);
            faults.push(fault);
        }
        gateway.faults(json!(faults)).await;
        let found = doctor.findings().await;
        found.say("access_token", "unknown", words);
        found.say("secret", "unknown", "sns/oauth2/access_token: ");
    }
    let fault = json!([{ "endpoint": "/sns/oauth2/access_token",
                         "body": "{\"access_token\":\"t\",\"openid\":\"o\",\"expires_in\":7200}" }]);
    gateway.faults(fault).await;
    let found = doctor.findings().await;
    found.say("secret", "wrong", "wechat.api_base");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_are_compared() {
    let data = tempfile::tempdir().unwrap();
    let live = Doctor::new(&data)
        .set("wechat.mode", "live")
        .set("wechat.official_account.app_id", ACCOUNT)
        .set("wechat.official_account.app_secret", SECRET);
    for (date, verdict, words) in [
        (
            "date: Thu, 01 Jan 2015 00:00:00 GMT\r\n",
            "wrong",
            "s from WeChat's",
        ),
        ("date: yesterday\r\n", "unknown", "no date"),
        ("", "unknown", "no date"),
    ] {
        let answer = format!(
            "HTTP/1.1 404 Not Found\r\n{date}content-length: 0\r\nconnection: close\r\n\r\n"
        );
        let base = format!("http://{}", answering(Some(answer)).await);
        let doctor = live
            .clone()
            .set("wechat.api_base", &base)
            .set("wechat.open_base", &base);
        doctor.findings().await.say("clock", verdict, words);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_waited_for_long() {
    let gateway = spawn_gateway().await;
    let data = tempfile::tempdir().unwrap();
    let doctor = live(&gateway, &data).await.with(&PUSH);
    let slow = [
        "/cgi-bin/stable_token",
        "/sns/oauth2/access_token",
        "/connect/oauth2/authorize",
    ];
    let faults = slow.map(|endpoint| json!({ "endpoint": endpoint, "latency_ms": 60_000 }));
    gateway.faults(json!(faults)).await;
    let silent = format!("http://{}", answering(None).await);
    // The whole is bound by the patience of these tests, which is less than 30 s.
    let found = doctor
        .clone()
        .set("server.public_url", format!("{silent}/"))
        .set("wechat.mode", "sandbox")
        .set("wechat.official_account.app_id", SANDBOX_APP_ID)
        .findings()
        .await;
    for item in ["secret", "access_token", "h5_page", "public_url"] {
        found.say(item, "unknown", "");
    }
    let found = doctor.set("wechat.api_base", silent).findings().await;
    found.say("wechat", "wrong", "cannot be reached");
    gateway.stop().await;
}
