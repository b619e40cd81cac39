use std::sync::LazyLock;

use reqwest::{Client, RequestBuilder, Response, header::HeaderMap, redirect::Policy};
use serde_json::{Value, json};

use super::{Browser, Gateway, documents::Answered, http, within};

/// Keeps no connection: each test has a runtime of its own.
static HTTP: LazyLock<Client> = LazyLock::new(|| {
    let http = http().pool_max_idle_per_host(0).redirect(Policy::none());
    http.build().unwrap()
});

/// How many calls the counter of [`Gateway::strike`] can count.
const COUNTER: u64 = 1_000;

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// Null when it is no JSON.
    pub(crate) json: Value,
    /// The call as the document has it, if it does, with its status.
    pub(crate) described: Option<(String, u16)>,
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self {
            status,
            headers,
            json: serde_json::from_str(&text).unwrap_or_default(),
            text,
            described: None,
        }
    }

    /// The envelope's code.
    pub(crate) fn code(&self) -> u64 {
        self.json["code"]
            .as_u64()
            .unwrap_or_else(|| panic!("no code: {self:?}"))
    }

    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The access token.
    pub(crate) fn token(&self) -> &str {
        self.json["data"]["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("no token: {self:?}"))
    }

    /// The whole `Set-Cookie` of that name, or nothing.
    pub(crate) fn set_cookie(&self, name: &str) -> &str {
        let all = self.headers.get_all("set-cookie").iter();
        let mut lines = all.map(|value| value.to_str().unwrap());
        let begin = format!("{name}=");
        lines
            .find(|line| line.starts_with(&begin))
            .unwrap_or_default()
    }

    /// The refresh cookie of the default app, as the browser sends it back.
    pub(crate) fn cookie(&self) -> &str {
        self.cookie_named("scangate")
    }

    pub(crate) fn cookie_named(&self, name: &str) -> &str {
        let line = self.set_cookie(name);
        assert!(!line.is_empty(), "no cookie {name}: {self:?}");
        line.split(';').next().unwrap()
    }
}

/// Makes a call. Its answer is as described.
pub(crate) async fn call(request: RequestBuilder) -> Answer {
    let (http, request) = request.build_split();
    let request = request.unwrap();
    let (method, path) = (request.method().clone(), request.url().path().to_owned());
    let mut answer = Answer::of(within("an answer", http.execute(request)).await.unwrap()).await;
    let media = answer.header("content-type");
    let answered = Answered {
        method: &method,
        path: &path,
        status: answer.status,
        media: media.split(';').next().unwrap_or_default(),
        text: &answer.text,
    };
    answer.described = answered.check();
    answer
}

impl Gateway {
    /// A GET of any address of the gateway, of a caller without cookies.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        HTTP.get(self.url.join(path).unwrap())
    }

    /// Any method, of a caller without cookies.
    pub(crate) fn method(&self, method: &str, path: &str) -> RequestBuilder {
        HTTP.request(method.parse().unwrap(), self.url.join(path).unwrap())
    }

    /// A JSON call below `/api/v1` from the gateway's own origin.
    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.post_from(&self.origin(), path, body)
    }

    pub(crate) fn post_from(&self, origin: &str, path: &str, body: &Value) -> RequestBuilder {
        HTTP.post(self.api(path))
            .header("origin", origin)
            .json(body)
    }

    pub(crate) async fn redeem(&self, grant: &Value, verifier: &str) -> Answer {
        let body = json!({ "grant": grant, "verifier": verifier });
        call(self.post("/auth/token", &body)).await
    }

    pub(crate) async fn refresh(&self, cookie: &str) -> Answer {
        call(
            self.post("/auth/refresh", &json!({}))
                .header("cookie", cookie),
        )
        .await
    }

    pub(crate) async fn me(&self, token: &str) -> Answer {
        call(self.get("/api/v1/me").bearer_auth(token)).await
    }

    /// A scan and a confirm: the tab, and its `authorized`.
    pub(crate) async fn authorized(&self, user: &str) -> (Browser, Value) {
        let mut browser = self.browser().await;
        let pending = browser.start().await;
        self.phone(user)
            .confirm(pending["qr"]["text"].as_str().unwrap())
            .await;
        browser.event("scanned").await;
        let authorized = browser.event("authorized").await;
        (browser, authorized)
    }

    /// A whole login: what the redemption answered.
    pub(crate) async fn login(&self, user: &str) -> Answer {
        let (browser, authorized) = self.authorized(user).await;
        let answer = self.redeem(&authorized["grant"], &browser.verifier).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// The scene's latest event, as its owner is told it.
    pub(crate) async fn now(&self, pending: &Value) -> Value {
        self.poll(pending, "").await
    }

    /// The scene's event after `seq`, as soon as there is one. For stories in which time is moved by more than a
    /// socket lives without answering a ping.
    pub(crate) async fn after(&self, pending: &Value, seq: u64) -> Value {
        self.poll(pending, &format!("?after={seq}&wait=25")).await
    }

    async fn poll(&self, pending: &Value, query: &str) -> Value {
        let (scene, secret) = (&pending["scene"], &pending["secret"]);
        let path = format!("/api/v1/scenes/{}{query}", scene.as_str().unwrap());
        let secret = format!("Scene {}", secret.as_str().unwrap());
        let answer = call(self.get(&path).header("authorization", secret)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json["data"].clone()
    }

    /// That the scene stands at this event, and no further one came.
    pub(crate) async fn stands_at(&self, pending: &Value, name: &str, seq: u64) {
        let event = self.now(pending).await;
        assert_eq!(
            (event["type"].as_str(), event["seq"].as_u64()),
            (Some(name), Some(seq)),
            "{event}"
        );
    }

    /// Lets WeChat fail at `endpoint` (a name of [`wechat_path`]) as `fault` says, and counts the calls that come
    /// through behind it.
    pub(crate) async fn strike(&self, endpoint: &str, fault: Option<Value>) {
        let mut faults = Vec::new();
        let path = wechat_path(endpoint);
        if let Some(mut fault) = fault {
            fault["endpoint"] = json!(path);
            faults.push(fault);
        }
        faults.push(json!({ "endpoint": path, "latency_ms": 1, "times": COUNTER }));
        self.faults(json!(faults)).await;
    }

    /// How many calls came through since [`Gateway::strike`].
    pub(crate) async fn passed(&self, endpoint: &str) -> u64 {
        let faults = self.faults_left(endpoint).await;
        COUNTER - faults.last().unwrap()["times"].as_u64().unwrap()
    }

    /// The faults still in force at `endpoint`, the counter last.
    pub(crate) async fn faults_left(&self, endpoint: &str) -> Vec<Value> {
        let url = format!("http://{}/sandbox/api/faults", self.sandbox);
        let answer = call(HTTP.get(url)).await;
        let all = answer.json["faults"].as_array().unwrap().clone();
        let path = wechat_path(endpoint);
        all.into_iter()
            .filter(|fault| fault["endpoint"] == path)
            .collect()
    }

    /// A new scene in the place of this one: its `pending`.
    pub(crate) async fn refreshed(&self, pending: &Value) -> Value {
        let path = format!("/scenes/{}/refresh", pending["scene"].as_str().unwrap());
        let secret = format!("Scene {}", pending["secret"].as_str().unwrap());
        let refresh = self.post(&path, &json!({}));
        let answer = call(refresh.header("authorization", secret)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json["data"].clone()
    }

    /// Moves the sandbox's own time.
    pub(crate) async fn sandbox_later(&self, seconds: u64) {
        let url = format!("http://{}/sandbox/api/clock", self.sandbox);
        let answer = call(HTTP.post(url).json(&json!({ "advance_s": seconds }))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
}

fn wechat_path(endpoint: &str) -> &'static str {
    match endpoint {
        "access_token" => "/sns/oauth2/access_token",
        "userinfo" => "/sns/userinfo",
        "stable_token" => "/cgi-bin/stable_token",
        "create" => "/cgi-bin/qrcode/create",
        "follower" => "/cgi-bin/user/info",
        "avatars" => "/sandbox/avatars",
        other => panic!("no such endpoint: {other}"),
    }
}
