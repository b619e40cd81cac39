//! `/sandbox/api`: what it does, and whom it refuses.

use super::*;

#[tokio::test]
async fn a_scan_of_a_link_gives_the_page_and_makes_the_phone_the_users() {
    let sandbox = Playground::start().await;
    let link = "http://127.0.0.1:8080/s/7Qm";
    let (status, answer) = sandbox.api("POST", "/scan", json!({ "text": link })).await;
    assert_eq!(
        (status, answer),
        (200, json!({ "kind": "page", "url": link }))
    );
    let response = sandbox
        .client
        .post(sandbox.url("/sandbox/api/scan"))
        .json(&json!({ "user": "zoe", "text": format!(" {link}\n") }))
        .send()
        .await
        .unwrap();
    let cookie = header_of(&response, "set-cookie");
    assert!(cookie.starts_with("sandbox_user=zoe;"), "{cookie}");
    let nobody = json!({ "user": null, "text": link });
    assert_eq!(sandbox.api("POST", "/scan", nobody).await.0, 200);

    for body in [
        json!({ "text": "hello" }),
        json!({ "text": "javascript:alert(1)" }),
        json!({ "text": "weixin://dl/scan" }),
        json!({ "text": format!("http://a/{}", "b".repeat(3000)) }),
        json!({ "text": 1 }),
        json!({}),
        json!({ "text": link, "user": "nobody" }),
        json!({ "text": link, "more": 1 }),
    ] {
        let (status, answer) = sandbox.api("POST", "/scan", body.clone()).await;
        assert_eq!(status, 400, "{body}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn users_are_listed_added_and_reset() {
    let sandbox = Playground::start().await;
    let users: Value = sandbox
        .get("/sandbox/api/users")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let users = users["users"].as_array().unwrap().clone();
    assert_eq!(users.len(), 5);
    assert_eq!(users[0]["name"], "李小龙");
    assert_eq!(users[0]["follower"], true);
    assert_eq!(users[4]["snapshot"], true);
    assert_eq!(
        users[0]["avatar"],
        sandbox.url("/sandbox/avatars/lixiaolong.jpg")
    );

    let amy = json!({ "id": "amy", "name": "Amy \"<b>\"", "avatar": "https://a.example/a.png",
        "unionid": "oAmy", "follower": false, "snapshot": false });
    let (status, added) = sandbox.api("POST", "/users", amy.clone()).await;
    assert_eq!((status, &added), (201, &amy));
    assert_eq!(sandbox.api("POST", "/users", amy).await.0, 409);
    let bad = json!({ "id": "B", "name": "B" });
    assert_eq!(sandbox.api("POST", "/users", bad).await.0, 400);
    let code = sandbox.code("amy", "snsapi_userinfo").await;
    let token = sandbox.exchange(&code).await;
    let call = format!(
        "/userinfo?access_token={}&openid={}",
        token["access_token"].as_str().unwrap(),
        token["openid"].as_str().unwrap()
    );
    let person = sandbox.sns(&call).await;
    assert_eq!(person["nickname"], "Amy \"<b>\"");
    assert_eq!(person["headimgurl"], "https://a.example/a.png");
    assert_eq!(person["unionid"], "oAmy");

    assert_eq!(sandbox.api("POST", "/reset", json!({})).await.0, 200);
    let gone = sandbox
        .get("/sandbox/avatars/amy.jpg")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
    assert_eq!(sandbox.sns(&call).await["errcode"], 40001);
    assert_eq!(sandbox.exchange(&code).await["errcode"], 40029);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_clock_only_goes_forward() {
    let sandbox = Playground::start().await;
    let before = sandbox.clock.now();
    let (status, answer) = sandbox
        .api("POST", "/clock", json!({ "advance_s": 90.5 }))
        .await;
    assert_eq!(status, 200);
    assert!(answer["now"].as_u64().unwrap() >= before + 90_500);
    for bad in [json!(-1), json!(1e12), json!("1"), json!(null)] {
        let (status, _) = sandbox
            .api("POST", "/clock", json!({ "advance_s": bad }))
            .await;
        assert_eq!(status, 400);
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn strangers_are_kept_out() {
    let sandbox = Playground::start().await;
    let url = sandbox.url("/sandbox/api/reset");
    let post = || {
        sandbox
            .client
            .post(&url)
            .header("Content-Type", "application/json")
    };
    let status = async |request: RequestBuilder| {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap();
        assert_eq!(answer.get("error").is_some(), status != 200, "{answer}");
        status
    };
    assert_eq!(status(post()).await, 200, "no body is an empty object");
    let port = sandbox.addr.port();
    let rebound = post().header("Host", format!("evil.example:{port}"));
    assert_eq!(status(rebound).await, 421);
    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        assert_eq!(status(post().header("Origin", origin)).await, 403);
    }
    assert_eq!(status(post().header("Origin", sandbox.url(""))).await, 200);
    let plain = sandbox
        .client
        .post(&url)
        .header("Content-Type", "text/plain");
    assert_eq!(status(plain).await, 415);
    assert_eq!(status(sandbox.client.post(&url)).await, 415);
    assert_eq!(status(post().body("{")).await, 400);
    assert_eq!(status(post().body(r#"{"a":1}"#)).await, 400);
    assert_eq!(status(post().body(vec![b' '; 70_000])).await, 413);
    assert_eq!(status(sandbox.get("/sandbox/api/reset")).await, 405);
    assert_eq!(status(sandbox.get("/sandbox/api/other")).await, 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn faults_are_set_shown_and_cleared() {
    let sandbox = Playground::start().await;
    let list = json!([
        { "endpoint": "/sns/oauth2/access_token", "errcode": -1, "times": 1 },
        { "endpoint": "/sns/auth", "status": 502, "body": "<html>bad gateway</html>" },
        { "endpoint": "/sns/userinfo", "body": "" },
        { "endpoint": "/connect/oauth2/authorize", "errcode": 10009 },
    ]);
    sandbox.set_faults(list.clone()).await;
    let page = sandbox
        .get(&authorize("snsapi_base", "s"))
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("10009"));
    assert_eq!(sandbox.exchange("x").await["errcode"], -1);
    assert_eq!(sandbox.exchange("x").await["errcode"], 40029, "once");
    let broken = sandbox.get("/sns/auth").send().await.unwrap();
    assert_eq!(broken.status(), 502);
    assert_eq!(header_of(&broken, "content-type"), "text/html");
    assert_eq!(broken.text().await.unwrap(), "<html>bad gateway</html>");
    assert_eq!(sandbox.sns_bytes("/userinfo").await, b"");

    let shown = sandbox.faults().await;
    assert_eq!(shown["faults"].as_array().unwrap().len(), 3);
    assert_eq!(
        sandbox.api("PUT", "/faults", shown.clone()).await,
        (200, shown)
    );
    for bad in [
        json!([{ "endpoint": "/sns/auth" }]),
        json!([{ "endpoint": "/nowhere", "errcode": 1 }]),
        json!([{ "endpoint": "/sns/auth", "errcode": 1, "typo": 1 }]),
        json!([{ "endpoint": "/sns/auth", "reset": "never" }]),
        json!({}),
    ] {
        let (status, answer) = sandbox.api("PUT", "/faults", bad).await;
        assert_eq!(status, 400);
        assert!(answer["error"].is_string());
    }
    sandbox.set_faults(json!([])).await;
    assert_eq!(sandbox.sns("/auth").await["errcode"], 41001);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_reset_cuts_the_connection_before_or_after_the_code_is_spent() {
    let sandbox = Playground::start().await;
    for (when, errcode) in [("before", Value::Null), ("after", json!(40163))] {
        let code = sandbox.code("zoe", "snsapi_base").await;
        sandbox
            .set_faults(
                json!([{ "endpoint": "/sns/oauth2/access_token", "reset": when, "times": 1 }]),
            )
            .await;
        let cut = sandbox
            .get(&format!("/sns{}", exchange(&code)))
            .send()
            .await;
        let error = cut.unwrap_err();
        assert!(!error.is_timeout() && !error.is_connect(), "{error:?}");
        assert!(
            format!("{error:?}").contains("ConnectionReset"),
            "{error:?}"
        );
        assert_eq!(sandbox.exchange(&code).await["errcode"], errcode, "{when}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn latency_passes_on_the_sandboxs_clock() {
    let sandbox = Playground::start().await;
    sandbox
        .set_faults(json!([{ "endpoint": "/sns/auth", "latency_ms": 60_000, "times": 1 }]))
        .await;
    let slow = sandbox.sns("/auth");
    let hurry = async {
        // The fault is used up as soon as the call has begun to wait.
        while sandbox.faults().await != json!({ "faults": [] }) {}
        let minute = json!({ "advance_s": 60 });
        sandbox.api("POST", "/clock", minute).await
    };
    let (answer, _) = tokio::join!(slow, hurry);
    assert_eq!(answer["errcode"], 41001, "late, but as ever");
    sandbox.stop().await;
}
