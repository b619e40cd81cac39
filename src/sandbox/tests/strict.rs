//! What WeChat would not do, and what nobody may make the sandbox do.

use super::{
    followers::{parametric, program},
    *,
};
use crate::sandbox::fault;

#[tokio::test]
async fn a_foreign_name_is_misdirected_whatever_it_asks_for() {
    let sandbox = Playground::start().await;
    let foreign = format!("evil.example:{}", sandbox.addr.port());
    let paths = fault::ENDPOINTS.iter().filter(|path| path.starts_with('/'));
    for path in paths.chain(&[
        "/",
        "/phone",
        "/sandbox/api/users",
        "/sandbox/avatars/zoe.jpg",
    ]) {
        for method in ["GET", "POST", "PUT"] {
            let request = sandbox
                .client
                .request(method.parse().unwrap(), sandbox.url(path));
            let response = request.header("Host", &foreign).send().await.unwrap();
            assert_eq!(response.status(), 421, "{method} {path}");
            let answer: Value = response.json().await.unwrap();
            assert!(
                answer["error"]
                    .as_str()
                    .unwrap()
                    .starts_with("Host must be ")
            );
        }
    }
    let named = sandbox
        .get("/cgi-bin/showqrcode")
        .header("Host", "localhost");
    assert_eq!(named.send().await.unwrap().status(), 421, "another port");
    sandbox.stop().await;
}

#[tokio::test]
async fn every_endpoint_can_fail_by_a_status_and_break_off() {
    let sandbox = Playground::start().await;
    for path in fault::ENDPOINTS.iter().filter(|path| path.starts_with('/')) {
        let page = json!([{ "endpoint": path, "status": 502, "times": 1 }]);
        sandbox.set_faults(page).await;
        let response = sandbox.get(path).send().await.unwrap();
        assert_eq!(response.status(), 502, "{path}");
        let short = json!([{ "endpoint": path, "truncate": 5, "times": 1 }]);
        sandbox.set_faults(short).await;
        let path = match *path {
            // Nothing is shorter than an empty body.
            "/connect/qrcode" => continue,
            "/sandbox/avatars" => "/sandbox/avatars/zoe.jpg",
            path => path,
        };
        let response = sandbox.get(path).send().await.unwrap();
        assert!(response.content_length().is_none_or(|length| length > 5));
        assert!(response.bytes().await.is_err(), "{path}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn an_answer_breaks_off_after_the_code_is_spent() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("zoe", "snsapi_base").await;
    let endpoint = "/sns/oauth2/access_token";
    let fault = json!([{ "endpoint": endpoint, "truncate": 20, "times": 1 }]);
    sandbox.set_faults(fault).await;
    let request = sandbox.get(&format!("/sns{}", exchange(&code)));
    let mut response = request.send().await.unwrap();
    assert_eq!(
        response.chunk().await.unwrap().unwrap(),
        r#"{"access_token":"98_"#
    );
    assert!(response.chunk().await.is_err());
    assert_errcode(&sandbox.exchange(&code).await, 40163);
    sandbox.stop().await;
}

#[tokio::test]
async fn messages_are_pushed_to_this_machine_only() {
    let private = Playground::start_on(true).await;
    let strict = Playground::start().await;
    let account = |url: &str| json!({ "app_id": SANDBOX_APP_ID, "callback_url": url });
    for url in [
        "http://169.254.169.254/latest",
        "http://10.255.255.1/",
        "http://shop.example.com/",
    ] {
        let (status, answer) = strict.api("PUT", "/accounts", account(url)).await;
        assert_eq!(status, 400);
        let why = answer["error"].as_str().unwrap();
        assert!(
            why.starts_with("callback_url: only loopback hosts"),
            "{why}"
        );
    }
    // Nobody listens there, but it was asked.
    let (status, answer) = private
        .api("PUT", "/accounts", account("http://0.0.0.0:9/"))
        .await;
    assert_eq!(status, 400);
    assert!(
        answer["error"].as_str().unwrap().starts_with("请求URL失败"),
        "{answer}"
    );
    private.stop().await;
    strict.stop().await;
}

#[tokio::test]
async fn a_scan_takes_a_ticket_or_a_uuid_too() {
    let sandbox = Playground::start().await;
    let page = sandbox
        .get(&format!(
            "/connect/qrconnect?appid={}&redirect_uri={REDIRECT}&scope=snsapi_login",
            config::SANDBOX_WEBSITE_APP_ID
        ))
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    let (_, rest) = page.split_once("data-uuid=\"").unwrap();
    let (uuid, _) = rest.split_once('"').unwrap();
    let scanned = sandbox
        .does_well("POST", "/scan", json!({ "text": uuid }))
        .await;
    let url = sandbox.url(&format!("/connect/confirm?uuid={uuid}"));
    assert_eq!(scanned, json!({ "kind": "page", "url": url }));
    for text in [
        "gQ",
        "0123456789abcdef",
        "https://servicewechat.com/wx1/?scene=1",
    ] {
        let (status, answer) = sandbox.api("POST", "/scan", json!({ "text": text })).await;
        assert_eq!(status, 400);
        assert!(
            answer["error"].as_str().unwrap().starts_with("text: "),
            "{answer}"
        );
    }
    let card = sandbox.get("/phone?scan=https%3A%2F%2Fservicewechat.com%2Fwx1%2F%3Fscene%3D1");
    let card = card.send().await.unwrap().text().await.unwrap();
    assert!(
        card.contains("mini program") && !card.contains("id=\"open\""),
        "{card}"
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn a_reset_is_a_fresh_start() {
    let sandbox = Playground::start().await;
    let shown = async |path: &str| -> Value {
        let shown = sandbox
            .get(&format!("/sandbox/api{path}"))
            .send()
            .await
            .unwrap();
        shown.json().await.unwrap()
    };
    let all = async || {
        let paths = [
            "/users",
            "/accounts",
            "/quotas",
            "/settings",
            "/faults",
            "/push",
        ];
        let mut all = Vec::new();
        for path in paths {
            all.push(shown(path).await);
        }
        all
    };
    let before = all().await;
    let made = sandbox
        .create(parametric(
            &json!({ "scene_str": "s" }),
            "QR_LIMIT_STR_SCENE",
        ))
        .await;
    let token = sandbox.token().await;
    let old = sandbox.code("zoe", "snsapi_base").await;
    let user = json!({ "id": "amy", "name": "Amy", "follower": true });
    sandbox.does_well("POST", "/users", user).await;
    sandbox.does_well("PUT", "/accounts", program()).await;
    sandbox
        .does_well("PUT", "/quotas", json!({ "/sns/auth": 0 }))
        .await;
    sandbox
        .does_well("PUT", "/settings", json!({ "qr_page_life_s": 9 }))
        .await;
    sandbox
        .does_well("PUT", "/push", json!({ "resign": true, "attempts": 4 }))
        .await;
    sandbox
        .does_well("POST", "/follow", json!({ "user": "zoe" }))
        .await;
    let fault = json!([{ "endpoint": "/sns/auth", "errcode": -1 }]);
    sandbox.set_faults(fault).await;
    let changed = all().await;
    for (one, other) in before.iter().zip(&changed) {
        assert_ne!(one, other);
    }
    sandbox.does_well("POST", "/reset", json!({})).await;
    assert_eq!(all().await, before);
    let picture = format!(
        "/cgi-bin/showqrcode?ticket={}",
        made["ticket"].as_str().unwrap()
    );
    assert_eq!(sandbox.get(&picture).send().await.unwrap().status(), 404);
    let used = format!("/cgi-bin/getcallbackip?access_token={token}");
    assert_errcode(&sandbox.call(sandbox.get(&used)).await, 40001);
    assert_errcode(&sandbox.exchange(&old).await, 40029);
    let chat = sandbox
        .visit("/phone?view=chat", "zoe")
        .send()
        .await
        .unwrap();
    assert!(chat.text().await.unwrap().contains("name=\"follow\""));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let sandbox = Playground::start().await;
    for (path, fields) in [
        ("/phone/user", vec![("user", "zoe")]),
        (
            "/phone/follow",
            vec![("user", "zoe"), ("app_id", SANDBOX_APP_ID)],
        ),
        (
            "/phone/unfollow",
            vec![("user", "lixiaolong"), ("app_id", SANDBOX_APP_ID)],
        ),
        (
            "/phone/say",
            vec![
                ("user", "lixiaolong"),
                ("app_id", SANDBOX_APP_ID),
                ("text", "x"),
            ],
        ),
        ("/connect/oauth2/confirm", vec![("ticket", "t")]),
        ("/connect/oauth2/reject", vec![("ticket", "t")]),
        (
            "/connect/qrconnect/confirm",
            vec![("uuid", "u"), ("ticket", "t")],
        ),
        (
            "/connect/qrconnect/reject",
            vec![("uuid", "u"), ("ticket", "t")],
        ),
    ] {
        let post = || sandbox.client.post(sandbox.url(path)).form(&fields);
        for origin in ["http://evil.example", "null"] {
            let response = post().header("Origin", origin).send().await.unwrap();
            assert_eq!(response.status(), 403, "{path}");
        }
        let read = sandbox.get(path).send().await.unwrap();
        assert_eq!(read.status(), 405, "{path}");
    }
    let users = sandbox.get("/sandbox/api/users").send().await.unwrap();
    let users: Value = users.json().await.unwrap();
    let followers = users["users"].as_array().unwrap().iter();
    let followers: Vec<_> = followers.filter(|user| user["follower"] == true).collect();
    assert_eq!(followers.len(), 1);
    let keys: Vec<_> = followers[0].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        ["avatar", "follower", "id", "name", "snapshot", "unionid"]
    );
    sandbox.stop().await;
}
