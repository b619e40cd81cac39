//! `/connect/oauth2`: the silent way, the sheet, and the error pages.

use super::*;

#[tokio::test]
async fn the_silent_scope_goes_straight_back_with_a_code() {
    let sandbox = Playground::start().await;
    let response = sandbox
        .get(&authorize("snsapi_base", "aZ9"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 302);
    let back = location(&response);
    assert_eq!((back.port(), back.path()), (Some(9), "/callback"), "{back}");
    assert_eq!(query_of(&back, "code").unwrap().len(), 32);
    assert_eq!(query_of(&back, "state").unwrap(), "aZ9");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_phone_is_that_of_the_cookie_or_of_the_first_user() {
    let sandbox = Playground::start().await;
    let mut openids = Vec::new();
    for user in ["lixiaolong", "wangfang", "nobody"] {
        let code = sandbox.code(user, "snsapi_base").await;
        openids.push(sandbox.exchange(&code).await["openid"].clone());
    }
    assert_ne!(openids[0], openids[1]);
    assert_eq!(openids[0], openids[2], "a stranger's cookie");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_sheet_is_answered_by_two_named_forms() {
    let sandbox = Playground::start().await;
    let link = authorize("snsapi_userinfo", "s2");
    let response = sandbox.visit(&link, "zoe").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let policy = header_of(&response, "content-security-policy");
    assert!(
        policy.ends_with("form-action 'self' http://127.0.0.1:9"),
        "{policy}"
    );
    let page = response.text().await.unwrap();
    for part in [
        r#"<form name="confirm" method="post""#,
        r#"<form name="reject" method="post""#,
        "Zoë Example",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    let ticket = ticket_in(&page);

    let rejected = sandbox.tap("reject", &ticket).send().await.unwrap();
    assert_eq!(rejected.status(), 303);
    assert_eq!(
        location(&rejected).as_str(),
        "http://127.0.0.1:9/callback?state=s2"
    );
    let confirmed = sandbox.tap("confirm", &ticket).send().await.unwrap();
    assert_eq!(confirmed.status(), 303);
    let back = location(&confirmed);
    assert_eq!(query_of(&back, "state").unwrap(), "s2");
    assert_eq!(query_of(&back, "code").unwrap().len(), 32);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_sheet_cannot_be_answered_late_or_by_another_site() {
    let sandbox = Playground::start().await;
    let link = authorize("snsapi_userinfo", "s3");
    let page = sandbox.get(&link).send().await.unwrap();
    let ticket = ticket_in(&page.text().await.unwrap());
    let forged = sandbox
        .tap("confirm", &ticket)
        .header("Origin", "http://evil.example")
        .send()
        .await
        .unwrap();
    assert_eq!(forged.status(), 403);
    let own = sandbox
        .tap("confirm", &ticket)
        .header("Origin", sandbox.url(""))
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), 303);

    sandbox
        .api("POST", "/clock", json!({ "advance_s": 300 }))
        .await;
    let late = sandbox.tap("confirm", &ticket).send().await.unwrap();
    assert_eq!(late.status(), 200);
    assert!(late.text().await.unwrap().contains("页面已过期"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_bad_link_gets_a_page_and_no_redirect() {
    let sandbox = Playground::start().await;
    let good = authorize("snsapi_base", "s");
    for (link, text) in [
        (good.replace("127.0.0.1%3A9", "evil.example"), "10003"),
        (good.replace("127.0.0.1%3A9", "192.168.1.5"), "10003"),
        (good.replace("snsapi_base", "snsapi_login"), "10005"),
        (good.replace("snsapi_base", ""), "10010"),
        (good.replace(REDIRECT, ""), "10011"),
        (good.replace(SANDBOX_APP_ID, ""), "10012"),
        (good.replace("state=s", "state="), "10013"),
        (good.replace(SANDBOX_APP_ID, "wx0000000000000000"), "10016"),
        (
            good.replace("?", "?a=b&"),
            "Scope 参数错误或没有 Scope 权限",
        ),
        (good.replace("state=s", "state=a_b"), "state 参数错误"),
        (good.replace(SANDBOX_APP_ID, "x"), "AppID 参数错误"),
    ] {
        let response = sandbox.get(&link).send().await.unwrap();
        assert_eq!(response.status(), 200, "{link}");
        assert!(
            header_of(&response, "content-type").starts_with("text/html"),
            "{link}"
        );
        let page = response.text().await.unwrap();
        assert!(page.contains(text), "{text} in {page}");
    }
    sandbox.stop().await;
}
