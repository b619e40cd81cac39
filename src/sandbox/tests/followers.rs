//! What an account learns of people, and how often.

use super::*;

impl Playground {
    async fn openid(&self, user: &str) -> String {
        let code = self.code(user, "snsapi_base").await;
        let answer = self.exchange(&code).await;
        answer["openid"].as_str().unwrap().to_owned()
    }

    async fn user_info(&self, openid: &str) -> Value {
        let token = self.token().await;
        let path = format!("/cgi-bin/user/info?access_token={token}&openid={openid}");
        self.call(self.get(&path)).await
    }

    pub(super) async fn does_well(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.api(method, path, body).await;
        assert!((200..300).contains(&status), "{path}: {answer}");
        answer
    }
}

pub(super) fn program() -> Value {
    json!({
        "app_id": "wx00000000000000aa",
        "app_secret": "a".repeat(32),
        "kind": "mini_program",
    })
}

pub(super) fn parametric(scene: &Value, name: &str) -> Value {
    json!({
        "expire_seconds": 300, "action_name": name, "action_info": { "scene": scene }
    })
}

#[tokio::test]
async fn a_test_account_only_lets_its_followers_in() {
    let sandbox = Playground::start().await;
    let test = json!({ "app_id": SANDBOX_APP_ID, "is_test": true });
    sandbox.does_well("PUT", "/accounts", test).await;
    let link = authorize("snsapi_base", "s");
    let page = async |user| sandbox.visit(&link, user).send().await.unwrap();
    let refused = page("zoe").await;
    assert_eq!(refused.status(), 200);
    assert!(refused.text().await.unwrap().contains("错误码：10006"));
    assert_eq!(page("lixiaolong").await.status(), 302);
    sandbox
        .does_well("POST", "/follow", json!({ "user": "zoe" }))
        .await;
    assert_eq!(page("zoe").await.status(), 302);
    sandbox.stop().await;
}

#[tokio::test]
async fn user_info_knows_when_and_how_somebody_followed() {
    let sandbox = Playground::start().await;
    let zoe = json!({ "user": "zoe" });
    let openid = sandbox.openid("zoe").await;
    let how = |info: &Value| {
        let of = |name: &str| info[name].clone();
        (of("subscribe_scene"), of("qr_scene"), of("qr_scene_str"))
    };
    let code = ("ADD_SCENE_QR_CODE", 0);
    for (name, scene, expected) in [
        (
            "QR_STR_SCENE",
            json!({ "scene_str": "7Qm" }),
            (code.0, 0, "7Qm"),
        ),
        ("QR_SCENE", json!({ "scene_id": 9 }), (code.0, 9, "")),
        ("", Value::Null, ("ADD_SCENE_SEARCH", 0, "")),
    ] {
        if !name.is_empty() {
            let made = sandbox.create(parametric(&scene, name)).await;
            let scan = json!({ "user": "zoe", "text": made["ticket"] });
            let scanned = sandbox.does_well("POST", "/scan", scan).await;
            assert_eq!(scanned["follow"], true);
        }
        let before = sandbox.clock.wall_s();
        sandbox.does_well("POST", "/follow", zoe.clone()).await;
        let after = sandbox.clock.wall_s();
        sandbox
            .does_well("POST", "/clock", json!({ "advance_s": 600 }))
            .await;
        let info = sandbox.user_info(&openid).await;
        let (scene, number, text) = expected;
        assert_eq!(how(&info), (json!(scene), json!(number), json!(text)));
        let since = info["subscribe_time"].as_u64().unwrap();
        assert!((before..=after).contains(&since), "{since}");
        sandbox.does_well("POST", "/unfollow", zoe.clone()).await;
        assert_eq!(sandbox.user_info(&openid).await["subscribe"], 0);
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn an_openid_of_another_account_is_told_from_none() {
    let sandbox = Playground::start().await;
    sandbox.does_well("PUT", "/accounts", program()).await;
    let app_id = program()["app_id"].as_str().unwrap().to_owned();
    let login = json!({ "user": null, "app_id": app_id });
    let js_code = sandbox.does_well("POST", "/js_code", login).await["code"].clone();
    let session = format!(
        "/jscode2session?appid={app_id}&secret={}&js_code={}&grant_type=authorization_code",
        "a".repeat(32),
        js_code.as_str().unwrap()
    );
    let there = sandbox.sns(&session).await["openid"].clone();
    assert_errcode(&sandbox.user_info(there.as_str().unwrap()).await, 49003);
    assert_errcode(&sandbox.user_info(&"o".repeat(28)).await, 40003);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_user_of_a_mini_program_signs_in_a_hundred_times_a_minute() {
    let sandbox = Playground::start().await;
    sandbox.does_well("PUT", "/accounts", program()).await;
    let quota = json!({ "/sns/jscode2session per user": 1 });
    sandbox.does_well("PUT", "/quotas", quota).await;
    let app_id = program()["app_id"].clone();
    let session = async |user: &str| {
        let login = json!({ "user": user, "app_id": app_id });
        let code = sandbox.does_well("POST", "/js_code", login).await["code"].clone();
        format!(
            "/jscode2session?appid={}&secret={}&js_code={}&grant_type=authorization_code",
            app_id.as_str().unwrap(),
            "a".repeat(32),
            code.as_str().unwrap()
        )
    };
    let first = sandbox.sns(&session("zoe").await).await;
    assert!(first["session_key"].is_string(), "{first}");
    let second = session("zoe").await;
    let within = sandbox.sns(&second).await;
    // The clock's minute may have ended just then.
    if within.get("errcode").is_some() {
        assert_errcode(&within, 45011);
        sandbox
            .does_well("POST", "/clock", json!({ "advance_s": 60 }))
            .await;
        assert!(
            sandbox.sns(&second).await["openid"].is_string(),
            "the code is still good"
        );
    }
    let other = sandbox.sns(&session("wangfang").await).await;
    assert!(other["openid"].is_string(), "{other}");
    sandbox.stop().await;
}

#[tokio::test]
async fn auth_has_a_limit_too() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("zoe", "snsapi_base").await;
    let token = sandbox.exchange(&code).await;
    let of = |name: &str| token[name].as_str().unwrap().to_owned();
    let auth = format!(
        "/auth?access_token={}&openid={}",
        of("access_token"),
        of("openid")
    );
    assert_eq!(sandbox.sns(&auth).await["errcode"], 0);
    sandbox
        .does_well("PUT", "/quotas", json!({ "/sns/auth": 0 }))
        .await;
    assert_errcode(&sandbox.sns(&auth).await, 45011);
    sandbox.stop().await;
}
