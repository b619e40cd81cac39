//! What every call of the API has in common: who may call, and how it is answered.

use serde_json::{Value, json};

use crate::support::{Caller, path, read, spawn_gateway, spawn_gateway_with};

const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[tokio::test(flavor = "multi_thread")]
async fn a_call_says_who_it_is_from_and_that_it_is_json() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let pending = caller.open(CHALLENGE).await;
    let body = json!({ "challenge": CHALLENGE }).to_string();
    let calls = [
        ("/scenes".to_owned(), body),
        (path(&pending, "cancel"), String::new()),
        (path(&pending, "refresh"), "{}".to_owned()),
    ];
    for (path, body) in calls {
        let bare = || {
            let call = caller.http.post(gateway.api(&path)).body(body.clone());
            call.header(
                "authorization",
                format!("Scene {}", pending["secret"].as_str().unwrap()),
            )
        };
        let json_call = || bare().header("content-type", "application/json");
        let own = gateway.origin();
        assert_eq!(
            read(json_call()).await.1["code"],
            40300,
            "{path}: no origin"
        );
        for origin in [
            "https://evil.example",
            "null",
            &format!("{own}.evil.example"),
        ] {
            assert_eq!(
                read(json_call().header("origin", origin)).await.1["code"],
                40300,
                "{path}: {origin}"
            );
        }
        let twice = json_call().header("origin", &own).header("origin", &own);
        assert_eq!(read(twice).await.1["code"], 40300, "{path}: two origins");
        for kind in ["text/plain", "application/x-www-form-urlencoded"] {
            let call = bare().header("origin", &own).header("content-type", kind);
            let (status, answer) = read(call).await;
            assert_eq!(
                (status, &answer["code"]),
                (400, &json!(40000)),
                "{path}: {kind}"
            );
        }
    }
    assert_eq!(
        caller.poll(&pending, "").await.1["data"]["type"],
        "pending",
        "nothing happened"
    );
    for misfit in [json!({}), json!({ "challenge": 1 }), json!([])] {
        let (status, answer) = read(caller.post("/scenes", None, &misfit)).await;
        assert_eq!((status, &answer["code"]), (400, &json!(40001)), "{misfit}");
    }
    let empty = caller
        .http
        .post(gateway.api(&path(&pending, "cancel")))
        .header("origin", gateway.origin());
    let empty = empty.header(
        "authorization",
        format!("Scene {}", pending["secret"].as_str().unwrap()),
    );
    assert_eq!(
        read(empty.header("content-type", "application/json"))
            .await
            .0,
        200,
        "an empty body is {{}}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_one_shape() {
    let gateway = spawn_gateway().await;
    let caller = Caller::new(&gateway);
    let answer = caller.get("/config", None).send().await.unwrap();
    let id = answer.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body: Value = answer.json().await.unwrap();
    let keys: Vec<_> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys, ["code", "data", "message", "request_id"]);
    assert_eq!(
        (&body["code"], &body["message"], &body["request_id"]),
        (&json!(0), &json!("ok"), &json!(id))
    );
    assert_eq!(
        (&body["data"]["app"]["id"], &body["data"]["default_flow"]),
        (&json!("default"), &json!("h5"))
    );

    for (language, message) in [
        ("en", "Not found."),
        ("zh-CN", "未找到。"),
        ("fr, en;q=0.5", "Not found."),
    ] {
        let call = caller
            .get("/config?app=nobody", None)
            .header("accept-language", language);
        let answer = call.send().await.unwrap();
        let id = answer.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(answer.status(), 404);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(
            body,
            json!({ "code": 40400, "name": "not_found", "message": message, "request_id": id })
        );
    }
    let (status, body) = read(caller.get("/nowhere", None)).await;
    assert_eq!((status, &body["code"]), (404, &json!(40400)));
    let (status, body) = read(caller.get("/scenes", None)).await;
    assert_eq!((status, &body["code"]), (405, &json!(40500)));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_of_the_app_may_read_and_strangers_may_not() {
    let gateway = spawn_gateway_with(&[("apps.default.origins", "https://shop.example")]).await;
    let http = Caller::new(&gateway).http;
    let ask = |origin: &'static str| {
        let call = http
            .request(reqwest::Method::OPTIONS, gateway.api("/scenes"))
            .header("origin", origin);
        let call = call.header("access-control-request-method", "POST");
        call.header(
            "access-control-request-headers",
            "authorization,content-type,last-event-id",
        )
        .send()
    };
    let allowed = ask("https://shop.example").await.unwrap();
    assert!(allowed.status().is_success());
    let header = |name: &str| {
        allowed
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
            .to_ascii_lowercase()
    };
    assert_eq!(
        header("access-control-allow-origin"),
        "https://shop.example"
    );
    assert_eq!(header("access-control-allow-credentials"), "true");
    for name in ["authorization", "content-type", "last-event-id"] {
        assert!(
            header("access-control-allow-headers").contains(name),
            "{name}"
        );
    }
    assert!(header("access-control-allow-methods").contains("post"));
    assert!(header("vary").contains("origin"));
    let refused = ask("https://evil.example").await.unwrap();
    assert_eq!(refused.headers().get("access-control-allow-origin"), None);

    let body = json!({ "challenge": CHALLENGE });
    let call = http
        .post(gateway.api("/scenes"))
        .header("origin", "https://shop.example")
        .json(&body);
    let answer = call.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let exposed = answer.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap()
        .to_ascii_lowercase();
    assert!(
        exposed.contains("x-request-id") && exposed.contains("retry-after"),
        "{exposed}"
    );
    assert!(
        answer.headers()["vary"]
            .to_str()
            .unwrap()
            .to_ascii_lowercase()
            .contains("origin")
    );
    gateway.browser().await.leave().await;
}
