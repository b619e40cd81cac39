//! What must not be said aloud of the accounts at WeChat, and of the two flows that need more than a code.

use scangate::config::{
    SANDBOX_APP_SECRET, SANDBOX_ENCODING_AES_KEY, SANDBOX_TOKEN, SANDBOX_WEBSITE_APP_SECRET,
};
use serde_json::{Value, json};
use url::Url;

use crate::{
    lifecycle::admin,
    number_match::{digits, verify},
    secrets::{Process, Secrets},
    support::{Browser, Gateway, event, http, link, parameter},
};

const ADMIN: &str = "admin-token-of-this-test-0123456789";

/// Everything that this gateway was set up with.
fn set_up() -> Secrets {
    let known = [
        ("app secret of the official account", SANDBOX_APP_SECRET),
        ("app secret of the website", SANDBOX_WEBSITE_APP_SECRET),
        ("message token", SANDBOX_TOKEN),
        ("EncodingAESKey", SANDBOX_ENCODING_AES_KEY),
        ("admin token", ADMIN),
    ];
    known.map(|(name, text)| (name, text.to_owned())).into()
}

/// The account's own token, as another service gets it.
async fn access_token(gateway: &Gateway) -> String {
    let url = format!("http://{}/wechat/access-token", gateway.admin);
    let asked = http()
        .build()
        .unwrap()
        .post(url)
        .bearer_auth(ADMIN)
        .send()
        .await;
    let answer: Value = asked.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

/// The push address is checked, and gets what it takes and what it refuses.
async fn whole_push(gateway: &Gateway, secrets: &mut Secrets) {
    let (pusher, now) = (gateway.pusher(), gateway.now_s());
    let echo = "echo-of-this-test-0123456789";
    let verified = pusher.verify(now, "nonce-of-the-echo", echo).await;
    assert_eq!(verified.body, echo);
    let openid = pusher.openid("zoe").await;
    let good = pusher.sealed(&event(&openid, now, "CLICK", "menu"), now, "1");
    pusher.push(&good).await.is_success();
    let mut forged = good.clone();
    forged.body = forged
        .body
        .replace("Encrypt><![CDATA[", "Encrypt><![CDATA[AAAA");
    let mut stale = pusher.sealed(&event(&openid, now, "CLICK", "x"), now - 400, "2");
    stale.body.push(' ');
    for refused in [&forged, &stale, &pusher.clear("<xml>", now, "3")] {
        assert_eq!(pusher.push(refused).await.status, 403);
    }
    secrets.push(("echo", echo.to_owned()));
    let echoed = pusher.verification(now, "nonce-of-the-echo", echo);
    for push in [&echoed, &good, &stale] {
        let signatures = push.query.iter();
        let signatures = signatures.filter(|(name, _)| name.ends_with("signature"));
        secrets.extend(signatures.map(|(name, text)| (*name, text.clone())));
    }
    let sealed = good.body.split("CDATA[").nth(2).unwrap();
    secrets.push(("sealed message", sealed[..60].to_owned()));
}

/// By the chat with a bearer link and digits, to the grant. Gives the digits.
async fn whole_chat(gateway: &Gateway, secrets: &mut Secrets) -> String {
    let mut browser = Browser::open(gateway).await;
    let pending = browser.start_official().await;
    secrets.push(("scene secret", owned(&pending["secret"])));
    let link = link(&gateway.scan_code("lixiaolong", &pending).await);
    let key = parameter(&Url::parse(&link).unwrap(), "k");
    secrets.push(("key of the bearer link", key));
    let phone = gateway.phone("lixiaolong");
    let page = phone.open(&link).await;
    let page = phone.press(&page, "open").await;
    let page = phone.press(&page, "confirm").await;
    browser.event("scanned").await;
    browser.event("verifying").await;
    let shown = digits(&page).to_owned();
    verify(&mut browser, &shown).await;
    let authorized = browser.event("authorized").await;
    secrets.push(("grant", owned(&authorized["grant"])));
    assert_eq!(browser.redeem(&authorized["grant"]).await.0, 200);
    shown
}

/// On WeChat's own page, once well and once not.
async fn whole_website(gateway: &Gateway, secrets: &mut Secrets) {
    let browser = gateway.steps("zoe");
    for (fault, status) in [(None, 200), (Some(json!({ "errcode": 40029 })), 410)] {
        let pending = browser.start_website(gateway).await;
        let callback = browser.to_website_callback(gateway, &pending, "zoe").await;
        secrets.push(("OAuth code", parameter(&callback, "code")));
        secrets.push(("OAuth state", parameter(&callback, "state")));
        gateway.strike("access_token", fault).await;
        browser.open_framed(&callback).await.says(status, "");
    }
    gateway.faults(json!([])).await;
}

/// A phone with a code of the service account.
async fn whole_scan(gateway: &Gateway, secrets: &mut Secrets) {
    let phone = gateway.steps("wangfang");
    let pending = phone.start(gateway, json!({ "flow": "h5" })).await;
    let text = pending["qr"]["text"].as_str().unwrap();
    let callback = phone.to_callback(text).await;
    secrets.push(("OAuth code", parameter(&callback, "code")));
    phone.follow(&callback).await;
}

fn owned(text: &Value) -> String {
    text.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_of_an_account_is_ever_logged() {
    let admin_token = format!("server.admin_token={ADMIN}");
    for level in ["trace", "debug"] {
        let level = format!("telemetry.log={level}");
        let process = Process::start(&[
            &level,
            &admin_token,
            "wechat.official_account.confirm=bearer_link",
            "scene.number_match=always",
        ])
        .await;
        let gateway = &process.gateway;
        let mut secrets = set_up();
        whole_push(gateway, &mut secrets).await;
        let digits = whole_chat(gateway, &mut secrets).await;
        whole_website(gateway, &mut secrets).await;
        whole_scan(gateway, &mut secrets).await;
        secrets.push(("access token of the account", access_token(gateway).await));

        let (status, metrics) = admin(gateway, "/metrics").await;
        let (_, ready) = admin(gateway, "/readyz").await;
        assert_eq!(status, 200);
        let mut said = process.log().await;
        assert!(said.len() > 100, "every line there is: {}", said.len());
        said.extend([metrics, ready]);
        for line in &said {
            for (name, secret) in &secrets {
                assert!(secret.len() >= 12, "{name}: {secret}");
                assert!(!line.contains(secret.as_str()), "the {name}: {line}");
            }
            // Two digits are found in many numbers; these are the ways to write a field.
            for field in ["digits", "code"] {
                for sign in ["=", "=\"", ": ", ": \"", "\":\""] {
                    let shown = format!("{field}{sign}{digits}");
                    let found = line.split(&shown).nth(1);
                    let is_number =
                        found.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
                    assert!(found.is_none() || is_number, "the digits: {line}");
                }
            }
            assert!(!line.contains("access_token="), "an address: {line}");
        }
    }
}
