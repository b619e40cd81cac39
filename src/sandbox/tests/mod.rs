//! The sandbox as its callers meet it: over its own listener.

mod accounts;
mod api;
mod callback;
mod cgi;
mod chat;
mod followers;
mod oauth;
mod odd;
mod pages;
mod parametric;
mod push;
mod qrconnect;
mod sns;
mod strict;

use std::{collections::BTreeMap, net::SocketAddr};

use actix_web::dev::ServerHandle;
use reqwest::{Client, RequestBuilder, Response, header};
use serde_json::{Value, json};

use super::Sandbox;
use crate::{
    clock::Clock,
    config::{self, SANDBOX_APP_ID, SANDBOX_APP_SECRET, SANDBOX_TOKEN},
    outbound,
};

/// Where the app wants people back; nobody listens there.
const REDIRECT: &str = "http%3A%2F%2F127.0.0.1%3A9%2Fcallback";

/// A running sandbox and a client that follows no redirect.
struct Playground {
    addr: SocketAddr,
    client: Client,
    clock: Clock,
    server: ServerHandle,
}

impl Playground {
    async fn start() -> Self {
        Self::start_on(false).await
    }

    async fn start_on(allow_private: bool) -> Self {
        let config = config::Sandbox {
            bind: "127.0.0.1:0".parse().unwrap(),
            allow_private,
            accounts: BTreeMap::new(),
        };
        let clock = Clock::new();
        let sandbox = Sandbox::bind(&config, clock.clone()).unwrap();
        let addr = sandbox.addr();
        let server = sandbox.into_server().unwrap();
        let handle = server.handle();
        #[expect(clippy::disallowed_methods, reason = "a test ends with its runtime")]
        tokio::spawn(server);
        Self {
            addr,
            client: outbound::client().unwrap(),
            clock,
            server: handle,
        }
    }

    async fn stop(self) {
        drop(self.client);
        self.server.stop(false).await;
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path))
    }

    /// As the phone of `user`.
    fn visit(&self, path: &str, user: &str) -> RequestBuilder {
        self.get(path)
            .header("Cookie", format!("sandbox_user={user}"))
    }

    /// A call under `/sns`: always 200 and `text/plain`.
    async fn sns(&self, path_and_query: &str) -> Value {
        serde_json::from_slice(&self.sns_bytes(path_and_query).await).unwrap()
    }

    async fn sns_bytes(&self, path_and_query: &str) -> Vec<u8> {
        let response = self
            .get(&format!("/sns{path_and_query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header_of(&response, "content-type"), "text/plain");
        response.bytes().await.unwrap().to_vec()
    }

    /// A call of `/cgi-bin` or `/wxa` that answers JSON.
    async fn call(&self, request: RequestBuilder) -> Value {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            header_of(&response, "content-type"),
            "application/json; encoding=utf-8"
        );
        response.json().await.unwrap()
    }

    /// The same, with a body of JSON and, as some clients do, no content type.
    async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(self.url(path)).body(body.to_string());
        self.call(request).await
    }

    /// A global token of the sandbox's own account.
    async fn token(&self) -> String {
        self.token_of(SANDBOX_APP_ID, SANDBOX_APP_SECRET).await
    }

    async fn token_of(&self, app_id: &str, secret: &str) -> String {
        let path =
            format!("/cgi-bin/token?grant_type=client_credential&appid={app_id}&secret={secret}");
        let answer = self.call(self.get(&path)).await;
        answer["access_token"].as_str().unwrap().to_owned()
    }

    async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = self.url(&format!("/sandbox/api{path}"));
        let request = self.client.request(method.parse().unwrap(), url);
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(header_of(&response, "content-type"), "application/json");
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn set_faults(&self, faults: Value) {
        let (status, answer) = self.api("PUT", "/faults", faults.clone()).await;
        assert_eq!((status, answer), (200, json!({ "faults": faults })));
    }

    async fn faults(&self) -> Value {
        let shown = self.get("/sandbox/api/faults").send().await.unwrap();
        shown.json().await.unwrap()
    }

    /// The code that a phone brings back.
    async fn code(&self, user: &str, scope: &str) -> String {
        let response = self
            .visit(&authorize(scope, "s1"), user)
            .send()
            .await
            .unwrap();
        if scope == "snsapi_base" {
            assert_eq!(response.status(), 302);
            return query_of(&location(&response), "code").unwrap();
        }
        let ticket = ticket_in(&response.text().await.unwrap());
        let response = self.tap("confirm", &ticket).send().await.unwrap();
        query_of(&location(&response), "code").unwrap()
    }

    fn tap(&self, button: &str, ticket: &str) -> RequestBuilder {
        self.client
            .post(self.url(&format!("/connect/oauth2/{button}")))
            .form(&[("ticket", ticket)])
    }

    async fn exchange(&self, code: &str) -> Value {
        self.sns(&exchange(code)).await
    }
}

fn authorize(scope: &str, state: &str) -> String {
    format!(
        "/connect/oauth2/authorize?appid={SANDBOX_APP_ID}&redirect_uri={REDIRECT}&response_type=code\
         &scope={scope}&state={state}"
    )
}

fn exchange(code: &str) -> String {
    format!(
        "/oauth2/access_token?appid={SANDBOX_APP_ID}&secret={SANDBOX_APP_SECRET}&code={code}\
         &grant_type=authorization_code"
    )
}

/// Asserts a refusal: its number, and a fresh `rid`.
fn assert_errcode(answer: &Value, errcode: i32) {
    assert_eq!(answer["errcode"], errcode, "{answer}");
    let text = answer["errmsg"].as_str().unwrap();
    assert!(text.contains(", rid: "), "{text}");
    assert_eq!(answer.as_object().unwrap().len(), 2);
}

fn header_of(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

fn location(response: &Response) -> url::Url {
    header_of(response, header::LOCATION.as_str())
        .parse()
        .unwrap()
}

fn query_of(url: &url::Url, name: &str) -> Option<String> {
    let (_, value) = url.query_pairs().find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

/// The hidden field of a consent sheet.
fn ticket_in(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"ticket\" value=\"").expect(page);
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn it_listens_on_loopback_unless_told_otherwise() {
    let config = |bind: &str, allow_private| config::Sandbox {
        bind: bind.parse().unwrap(),
        allow_private,
        accounts: BTreeMap::new(),
    };
    let refused = Sandbox::bind(&config("0.0.0.0:0", false), Clock::new()).unwrap_err();
    assert!(refused.to_string().contains("sandbox.allow_private"));
    let bound = Sandbox::bind(&config("0.0.0.0:0", true), Clock::new()).unwrap();
    assert_ne!(bound.addr().port(), 0);
}
