//! The account's access token for the company's other services: who gets it, and what.

use reqwest::{Client, Response};
use scangate::config::SANDBOX_APP_ID;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Gateway, spawn_gateway, spawn_gateway_with};

const ADMIN: &str = "an-admin-token-of-some-length";

async fn ask(gateway: &Gateway, token: Option<&str>, body: String) -> Response {
    let url = format!("http://{}/wechat/access-token", gateway.admin);
    let mut request = Client::new().post(url).body(body);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request.send().await.unwrap()
}

async fn told(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let body: Value = response.json().await.unwrap();
    (status, body["error"]["code"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_admin_token_nobody_gets_it() {
    let gateway = spawn_gateway().await;
    for shown in [None, Some(""), Some("x")] {
        let answer = ask(&gateway, shown, String::new()).await;
        assert_eq!(told(answer).await, (404, json!(40400)), "{shown:?}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_shows_the_admin_token_may_ask_and_only_on_the_admin_listener() {
    let gateway = spawn_gateway_with(&[("server.admin_token", ADMIN)]).await;
    for shown in [None, Some(""), Some("x"), Some(&ADMIN[1..])] {
        let answer = ask(&gateway, shown, String::new()).await;
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_eq!(told(answer).await, (401, json!(40100)), "{shown:?}");
    }
    for (body, expected) in [
        ("{".to_owned(), (400, json!(40000))),
        (
            json!({ "stale_sha256": "0" }).to_string(),
            (400, json!(40000)),
        ),
        (" ".repeat(2_000), (413, json!(41300))),
    ] {
        let answer = ask(&gateway, Some(ADMIN), body).await;
        assert_eq!(told(answer).await, expected);
    }
    let url = gateway.url.join("/wechat/access-token").unwrap();
    let public = Client::new().post(url).bearer_auth(ADMIN).send().await;
    assert_eq!(public.unwrap().status(), 404);
    gateway.stop().await;
}

/// The token as a service gets it; `stale` is one that WeChat refused.
async fn fetch(gateway: &Gateway, stale: Option<&str>) -> String {
    let body = stale.map_or_else(String::new, |token| {
        let digest = Sha256::digest(token);
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        json!({ "stale_sha256": hex }).to_string()
    });
    let answer = ask(gateway, Some(ADMIN), body).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["appid"], SANDBOX_APP_ID);
    let left = answer["expires_in"].as_u64().unwrap();
    assert!((7_000..=7_200).contains(&left), "{left}");
    answer["access_token"].as_str().unwrap().to_owned()
}

/// Whether WeChat takes the token.
async fn is_good(gateway: &Gateway, token: &str) -> bool {
    let url = format!(
        "http://{}/cgi-bin/getcallbackip?access_token={token}",
        gateway.sandbox
    );
    let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    answer["ip_list"].is_array()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_services_share_the_token_and_can_have_it_healed() {
    let gateway = spawn_gateway_with(&[("server.admin_token", ADMIN)]).await;
    let first = fetch(&gateway, None).await;
    assert!(is_good(&gateway, &first).await);
    assert_eq!(fetch(&gateway, None).await, first);
    assert_eq!(fetch(&gateway, Some("another")).await, first);
    let healed = fetch(&gateway, Some(&first)).await;
    assert_ne!(
        healed, first,
        "forced, because the plain call gave it again"
    );
    assert!(is_good(&gateway, &healed).await && !is_good(&gateway, &first).await);
    assert_eq!(fetch(&gateway, Some(&first)).await, healed);
    let asked = r#"scangate_wechat_requests_total{endpoint="stable_token",outcome="ok"}"#;
    gateway.until_metric(asked, 3.0).await;
    gateway
        .until_metric("scangate_wechat_token_stopped", 0.0)
        .await;
    gateway.stop().await;
}
