//! `/cgi-bin`: the global tokens and what they open.

use super::*;

const TOKEN: &str = "/cgi-bin/token?grant_type=client_credential";

fn token_query() -> String {
    format!("{TOKEN}&appid={SANDBOX_APP_ID}&secret={SANDBOX_APP_SECRET}")
}

fn stable(force: bool) -> Value {
    json!({
        "grant_type": "client_credential",
        "appid": SANDBOX_APP_ID,
        "secret": SANDBOX_APP_SECRET,
        "force_refresh": force,
    })
}

impl Playground {
    /// Whether a token opens something.
    async fn opens(&self, token: &Value) -> Value {
        let token = token["access_token"].as_str().unwrap();
        let path = format!("/cgi-bin/getcallbackip?access_token={token}");
        let answer = self.call(self.get(&path)).await;
        answer.get("errcode").cloned().unwrap_or_default()
    }

    async fn advance(&self, seconds: u64) {
        let (status, _) = self
            .api("POST", "/clock", json!({ "advance_s": seconds }))
            .await;
        assert_eq!(status, 200);
    }

    async fn quota(&self, endpoint: &str, calls: u64) {
        let (status, shown) = self.api("PUT", "/quotas", json!({ endpoint: calls })).await;
        assert_eq!((status, &shown["quotas"][endpoint]), (200, &json!(calls)));
    }
}

#[tokio::test]
async fn the_token_before_stays_good_for_five_minutes() {
    let sandbox = Playground::start().await;
    let first = sandbox.call(sandbox.get(&token_query())).await;
    assert_eq!(first["expires_in"], 7200);
    assert_eq!(first.as_object().unwrap().len(), 2);
    let second = sandbox.call(sandbox.get(&token_query())).await;
    assert_ne!(first["access_token"], second["access_token"]);
    sandbox.advance(299).await;
    assert_eq!(sandbox.opens(&first).await, Value::Null);
    sandbox.advance(1).await;
    assert_eq!(sandbox.opens(&first).await, 40001);
    assert_eq!(sandbox.opens(&second).await, Value::Null);
    sandbox.advance(6900).await;
    assert_eq!(sandbox.opens(&second).await, 42001);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_stable_token_is_the_same_until_its_last_five_minutes() {
    let sandbox = Playground::start().await;
    let fetch = async |force| sandbox.post("/cgi-bin/stable_token", stable(force)).await;
    let first = fetch(false).await;
    assert_eq!(first["expires_in"], 7200);
    sandbox.advance(6899).await;
    let same = fetch(false).await;
    assert_eq!(same["access_token"], first["access_token"]);
    assert!((300..=301).contains(&same["expires_in"].as_u64().unwrap()));
    sandbox.advance(1).await;
    let second = fetch(false).await;
    assert_ne!(second["access_token"], first["access_token"]);
    assert_eq!(sandbox.opens(&first).await, Value::Null);
    let forced = fetch(true).await;
    assert_ne!(forced["access_token"], second["access_token"]);
    assert_eq!(sandbox.opens(&second).await, 40001);
    let too_soon = fetch(true).await;
    assert_eq!(too_soon["access_token"], forced["access_token"]);
    let plain = sandbox.call(sandbox.get(&token_query())).await;
    assert_eq!(sandbox.opens(&forced).await, Value::Null, "isolated");
    sandbox.advance(30).await;
    fetch(true).await;
    assert_eq!(sandbox.opens(&plain).await, Value::Null, "isolated");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_token_is_refused_with_the_reason() {
    let sandbox = Playground::start().await;
    let good = token_query();
    for (query, errcode) in [
        (good.replace("client_credential", "x"), 40002),
        (good.replace(SANDBOX_APP_ID, ""), 41002),
        (good.replace(SANDBOX_APP_ID, "wx0000000000000000"), 40013),
        (good.replace(SANDBOX_APP_SECRET, ""), 41004),
        (good.replace(SANDBOX_APP_SECRET, "0"), 40125),
        ("/cgi-bin/other".to_owned(), 40066),
        ("/cgi-bin/stable_token".to_owned(), 43002),
        ("/cgi-bin/getcallbackip".to_owned(), 41001),
        ("/cgi-bin/getcallbackip?access_token=x".to_owned(), 40014),
    ] {
        assert_errcode(&sandbox.call(sandbox.get(&query)).await, errcode);
    }
    let posted = sandbox.client.post(sandbox.url(&good));
    assert_errcode(&sandbox.call(posted).await, 43001);
    for (body, errcode) in [
        ("", 44002),
        ("x", 47001),
        ("[]", 47001),
        ("{}", 40002),
        (r#"{"grant_type":"client_credential"}"#, 41002),
    ] {
        let request = sandbox
            .client
            .post(sandbox.url("/cgi-bin/stable_token"))
            .body(body);
        assert_errcode(&sandbox.call(request).await, errcode);
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn the_caller_must_be_on_the_list_of_addresses() {
    let sandbox = Playground::start().await;
    let list = async |list: Value| {
        let account = json!({ "app_id": SANDBOX_APP_ID, "ip_allow_list": list });
        assert_eq!(sandbox.api("PUT", "/accounts", account).await.0, 200);
    };
    list(json!(["10.0.0.0/8"])).await;
    let refused = sandbox.call(sandbox.get(&token_query())).await;
    assert_errcode(&refused, 40164);
    let text = refused["errmsg"].as_str().unwrap();
    assert!(
        text.starts_with("invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist, rid: "),
        "{text}"
    );
    let refused = sandbox.post("/cgi-bin/stable_token", stable(false)).await;
    assert_errcode(&refused, 40164);
    list(json!(["10.0.0.0/8", "127.0.0.0/8"])).await;
    let token = sandbox.call(sandbox.get(&token_query())).await;
    assert_eq!(sandbox.opens(&token).await, Value::Null);
    sandbox.stop().await;
}

#[tokio::test]
async fn quotas_end_at_midnight_in_china_or_by_clear_quota() {
    let sandbox = Playground::start().await;
    let token = sandbox.token().await;
    let (status, refused) = sandbox
        .api("PUT", "/quotas", json!({ "/cgi-bin/other": 1 }))
        .await;
    assert_eq!(status, 400, "{refused}");
    sandbox.quota("/cgi-bin/user/info", 1).await;
    sandbox.quota("/cgi-bin/clear_quota", 1).await;
    let info = format!("/cgi-bin/user/info?access_token={token}&openid=x");
    let call = async || sandbox.call(sandbox.get(&info)).await["errcode"].clone();
    assert_eq!(call().await, 40003);
    assert_eq!(call().await, 45009);
    let clear = format!("/cgi-bin/clear_quota?access_token={token}");
    let own = json!({ "appid": SANDBOX_APP_ID });
    assert_eq!(sandbox.post(&clear, own.clone()).await["errcode"], 0);
    assert_eq!(call().await, 40003);
    assert_eq!(call().await, 45009);
    assert_errcode(&sandbox.post(&clear, own).await, 48006);

    let now = sandbox.clock.now();
    let day = 86_400_000;
    let to_midnight = day - (now + 8 * 3_600_000) % day;
    sandbox.advance(to_midnight / 1000 + 1).await;
    let token = sandbox.token().await;
    let info = format!("/cgi-bin/user/info?access_token={token}&openid=x");
    assert_errcode(&sandbox.call(sandbox.get(&info)).await, 40003);
    sandbox.stop().await;
}

#[tokio::test]
async fn user_info_tells_who_follows() {
    let sandbox = Playground::start().await;
    let token = sandbox.token().await;
    let info = async |user: &str| {
        let code = sandbox.code(user, "snsapi_base").await;
        let openid = sandbox.exchange(&code).await["openid"].clone();
        let path = format!(
            "/cgi-bin/user/info?access_token={token}&openid={}&lang=en",
            openid.as_str().unwrap()
        );
        let person = sandbox.call(sandbox.get(&path)).await;
        assert_eq!(person["openid"], openid);
        person
    };
    let follower = info("lixiaolong").await;
    assert_eq!(follower["subscribe"], 1);
    assert_eq!(follower["nickname"], "", "not since 2021");
    assert_eq!(follower["language"], "en");
    assert!(follower["unionid"].is_string());
    let stranger = info("wangfang").await;
    assert_eq!(stranger["subscribe"], 0);
    assert_eq!(stranger.get("subscribe_time"), None);
    let missing = format!("/cgi-bin/user/info?access_token={token}");
    assert_errcode(&sandbox.call(sandbox.get(&missing)).await, 41009);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_callback_ip_is_loopback() {
    let sandbox = Playground::start().await;
    let path = format!(
        "/cgi-bin/getcallbackip?access_token={}",
        sandbox.token().await
    );
    let answer = sandbox.call(sandbox.get(&path)).await;
    assert_eq!(answer, json!({ "ip_list": ["127.0.0.1"] }));
    sandbox.stop().await;
}

#[tokio::test]
async fn every_endpoint_can_fail() {
    let sandbox = Playground::start().await;
    for (path, kind) in [
        ("/cgi-bin/token", "application/json; encoding=utf-8"),
        ("/cgi-bin/stable_token", "application/json; encoding=utf-8"),
        ("/cgi-bin/qrcode/create", "application/json; encoding=utf-8"),
        ("/cgi-bin/showqrcode", "application/json; encoding=utf-8"),
        ("/cgi-bin/user/info", "application/json; encoding=utf-8"),
        ("/cgi-bin/getcallbackip", "application/json; encoding=utf-8"),
        ("/cgi-bin/clear_quota", "application/json; encoding=utf-8"),
        ("/wxa/getwxacodeunlimit", "application/json; encoding=utf-8"),
        ("/sns/jscode2session", "text/plain"),
    ] {
        let fault = json!([{ "endpoint": path, "errcode": 89503, "times": 1 }]);
        sandbox.set_faults(fault).await;
        let response = sandbox.get(path).send().await.unwrap();
        assert_eq!(header_of(&response, "content-type"), kind, "{path}");
        assert_errcode(&response.json().await.unwrap(), 89503);
    }
    let fault = json!([{ "endpoint": "/cgi-bin/token", "errcode": 40164, "times": 1 }]);
    sandbox.set_faults(fault).await;
    let refused = sandbox.call(sandbox.get("/cgi-bin/token")).await;
    assert!(
        refused["errmsg"].as_str().unwrap().contains("127.0.0.1"),
        "{refused}"
    );
    sandbox.stop().await;
}
