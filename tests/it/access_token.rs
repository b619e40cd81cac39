//! The account's access token for the company's other services: who gets it.

use reqwest::{Client, Response};
use serde_json::{Value, json};

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
