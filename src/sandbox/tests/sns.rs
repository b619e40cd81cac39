//! `/sns`: every answer and every refusal.

use super::*;

fn field<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("{answer}"))
}

fn refresh(token: &Value) -> String {
    format!(
        "/oauth2/refresh_token?appid={SANDBOX_APP_ID}&grant_type=refresh_token&refresh_token={}",
        field(token, "refresh_token")
    )
}

fn userinfo(token: &Value) -> String {
    format!(
        "/userinfo?access_token={}&openid={}&lang=zh_CN",
        field(token, "access_token"),
        field(token, "openid")
    )
}

#[tokio::test]
async fn a_code_is_exchanged_once() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("lixiaolong", "snsapi_base").await;
    let wrong_secret = exchange(&code).replace(SANDBOX_APP_SECRET, "0");
    assert_errcode(&sandbox.sns(&wrong_secret).await, 40125);
    let token = sandbox.exchange(&code).await;
    assert_eq!(token["expires_in"], 7200);
    assert_eq!(token["scope"], "snsapi_base");
    assert_eq!(field(&token, "openid").len(), 28);
    assert!(field(&token, "access_token").starts_with("98_"));
    assert_eq!(token.as_object().unwrap().len(), 5, "no unionid: {token}");
    assert_errcode(&sandbox.exchange(&code).await, 40163);
    sandbox.stop().await;
}

#[tokio::test]
async fn an_exchange_is_refused_with_the_reason() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("lixiaolong", "snsapi_base").await;
    let good = exchange(&code);
    for (query, errcode) in [
        (good.replace(SANDBOX_APP_ID, ""), 41002),
        (good.replace(SANDBOX_APP_ID, "wx1"), 40013),
        (good.replace(SANDBOX_APP_SECRET, ""), 41004),
        (good.replace(&code, ""), 41008),
        (good.replace("authorization_code", "password"), 40002),
        (good.replace("&grant_type=authorization_code", ""), 40002),
        (good.replace(&code, "unknown"), 40029),
        ("/other".to_owned(), 40066),
    ] {
        assert_errcode(&sandbox.sns(&query).await, errcode);
    }
    let posted = sandbox.client.post(sandbox.url(&format!("/sns{good}")));
    let answer = posted.send().await.unwrap().json().await.unwrap();
    assert_errcode(&answer, 43001);
    sandbox
        .api("POST", "/clock", json!({ "advance_s": 300 }))
        .await;
    assert_errcode(&sandbox.sns(&good).await, 40029);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_consent_shows_name_picture_and_unionid() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("lixiaolong", "snsapi_userinfo").await;
    let token = sandbox.exchange(&code).await;
    assert_eq!(token["scope"], "snsapi_userinfo");
    let person = sandbox.sns(&userinfo(&token)).await;
    assert_eq!(person["openid"], token["openid"]);
    assert_eq!(person["unionid"], token["unionid"]);
    assert_eq!(person["nickname"], "李小龙");
    assert_eq!(person["sex"], 0);
    assert_eq!(person["privilege"], json!([]));
    for empty in ["city", "province", "country"] {
        assert_eq!(person[empty], "");
    }
    let picture = field(&person, "headimgurl");
    assert_eq!(
        picture,
        sandbox.url("/sandbox/avatars/lixiaolong.jpg"),
        "an http URL"
    );
    let drawn = sandbox.client.get(picture).send().await.unwrap();
    assert_eq!(header_of(&drawn, "content-type"), "image/jpeg");

    let code = sandbox.code("wangfang", "snsapi_userinfo").await;
    let token = sandbox.exchange(&code).await;
    assert_eq!(token.get("unionid"), None, "she has none");
    assert_eq!(sandbox.sns(&userinfo(&token)).await.get("unionid"), None);
    sandbox.stop().await;
}

#[tokio::test]
async fn userinfo_and_auth_are_refused_with_the_reason() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("zoe", "snsapi_base").await;
    let base = sandbox.exchange(&code).await;
    assert_errcode(&sandbox.sns(&userinfo(&base)).await, 48001);

    let code = sandbox.code("zoe", "snsapi_userinfo").await;
    let token = sandbox.exchange(&code).await;
    let (access, openid) = (field(&token, "access_token"), field(&token, "openid"));
    for endpoint in ["/userinfo", "/auth"] {
        let call = |access: &str, openid: &str| {
            format!("{endpoint}?access_token={access}&openid={openid}")
        };
        assert_errcode(&sandbox.sns(&call("", openid)).await, 41001);
        assert_errcode(&sandbox.sns(&call(access, "")).await, 41009);
        assert_errcode(&sandbox.sns(&call("98_x", openid)).await, 40001);
        assert_errcode(&sandbox.sns(&call(access, "oOther")).await, 40003);
    }
    let auth = format!("/auth?access_token={access}&openid={openid}");
    let ok = json!({ "errcode": 0, "errmsg": "ok" });
    assert_eq!(sandbox.sns(&auth).await, ok);
    sandbox
        .api("POST", "/clock", json!({ "advance_s": 7200 }))
        .await;
    assert_errcode(&sandbox.sns(&auth).await, 42001);
    assert_errcode(&sandbox.sns(&userinfo(&token)).await, 42001);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_refresh_keeps_a_good_token_and_replaces_an_expired_one() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("zoe", "snsapi_userinfo").await;
    let token = sandbox.exchange(&code).await;
    let same = sandbox.sns(&refresh(&token)).await;
    for name in ["access_token", "refresh_token", "openid", "scope"] {
        assert_eq!(same[name], token[name]);
    }
    assert_eq!(same["expires_in"], 7200);
    assert_eq!(same.get("unionid"), None);
    sandbox
        .api("POST", "/clock", json!({ "advance_s": 7200 }))
        .await;
    let new = sandbox.sns(&refresh(&token)).await;
    assert_ne!(new["access_token"], token["access_token"]);
    assert_eq!(
        sandbox.sns(&userinfo(&new)).await["nickname"],
        "Zoë Example"
    );

    let good = refresh(&token);
    for (query, errcode) in [
        (good.replace(SANDBOX_APP_ID, ""), 41002),
        (good.replace(SANDBOX_APP_ID, "wx1"), 40013),
        (good.replace("=refresh_token", "="), 40002),
        (good.replace(field(&token, "refresh_token"), ""), 41003),
        (good.replace(field(&token, "refresh_token"), "x"), 40030),
    ] {
        assert_errcode(&sandbox.sns(&query).await, errcode);
    }
    sandbox
        .api("POST", "/clock", json!({ "advance_s": 30 * 86_400 }))
        .await;
    assert_errcode(&sandbox.sns(&good).await, 40030);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_snapshot_account_says_so() {
    let sandbox = Playground::start().await;
    for scope in ["snsapi_base", "snsapi_userinfo"] {
        let code = sandbox.code("snapshot", scope).await;
        let token = sandbox.exchange(&code).await;
        assert_eq!(token["is_snapshotuser"], 1);
        assert_eq!(token.get("unionid").is_some(), scope == "snsapi_userinfo");
        if scope == "snsapi_userinfo" {
            let person = sandbox.sns(&userinfo(&token)).await;
            assert_eq!(person["nickname"], "微信用户");
        }
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn a_dirty_nickname_goes_out_as_it_is() {
    let sandbox = Playground::start().await;
    let code = sandbox.code("dirty", "snsapi_userinfo").await;
    let token = sandbox.exchange(&code).await;
    let body = sandbox.sns_bytes(&userinfo(&token)).await;
    assert!(std::str::from_utf8(&body).is_err(), "broken UTF-8");
    assert!(serde_json::from_slice::<Value>(&body).is_err());
    assert!(body.contains(&0x07), "a control character");
    let text = String::from_utf8_lossy(&body);
    let cleaned: String = text.chars().filter(|c| !c.is_control()).collect();
    let person: Value = serde_json::from_str(&cleaned).unwrap();
    assert!(field(&person, "nickname").starts_with("乱🦄"));
    assert_eq!(person["unionid"], token["unionid"]);
    sandbox.stop().await;
}
