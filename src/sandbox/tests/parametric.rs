//! Parametric codes, of official accounts and of mini programs.

use super::{super::qr_image::tests::camera, *};

const MINI: &str = "wx00000000000000aa";

impl Playground {
    pub(super) async fn create(&self, body: Value) -> Value {
        let token = self.token().await;
        let path = format!("/cgi-bin/qrcode/create?access_token={token}");
        self.post(&path, body).await
    }
}

fn action(name: &str, scene: Value) -> Value {
    json!({ "expire_seconds": 300, "action_name": name, "action_info": { "scene": scene } })
}

#[tokio::test]
async fn a_code_is_made_shown_and_over() {
    let sandbox = Playground::start().await;
    let token = sandbox.token().await;
    let path = format!("/cgi-bin/qrcode/create?access_token={token}");
    let request = sandbox.client.post(sandbox.url(&path));
    let body = action("QR_STR_SCENE", json!({ "scene_str": "abc" })).to_string();
    let text = request
        .body(body)
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(
        text.contains(r#""url":"http:\/\/weixin.qq.com\/q\/02"#),
        "{text}"
    );
    let code: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(code["expire_seconds"], 300);
    let ticket = code["ticket"].as_str().unwrap();
    assert_eq!(ticket.len(), 96);

    let show = |ticket: &str| {
        sandbox
            .get("/cgi-bin/showqrcode")
            .query(&[("ticket", ticket)])
            .send()
    };
    let shown = show(ticket).await.unwrap();
    assert_eq!(shown.status(), 200);
    assert_eq!(header_of(&shown, "content-type"), "image/jpg");
    let (text, _) = camera(&shown.bytes().await.unwrap());
    assert_eq!(text, code["url"]);
    let bad = show(&ticket[1..]).await.unwrap();
    assert_eq!(bad.status(), 404);
    sandbox
        .api("POST", "/clock", json!({ "advance_s": 300 }))
        .await;
    assert_eq!(show(ticket).await.unwrap().status(), 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn each_kind_of_code_has_its_scenes() {
    let sandbox = Playground::start().await;
    let long = "长".repeat(64);
    for (name, scene, expires) in [
        ("QR_SCENE", json!({ "scene_id": u32::MAX }), json!(300)),
        ("QR_STR_SCENE", json!({ "scene_str": long }), json!(300)),
        (
            "QR_LIMIT_SCENE",
            json!({ "scene_id": 100_000 }),
            Value::Null,
        ),
        (
            "QR_LIMIT_STR_SCENE",
            json!({ "scene_str": "a" }),
            Value::Null,
        ),
    ] {
        let code = sandbox.create(action(name, scene)).await;
        assert_eq!(code["expire_seconds"], expires, "{code}");
        assert!(code["ticket"].is_string());
    }
    for (name, scene, errcode) in [
        ("QR_OTHER", json!({ "scene_id": 1 }), 40052),
        ("", json!({ "scene_id": 1 }), 40052),
        ("QR_SCENE", json!({ "scene_id": 0 }), 40053),
        ("QR_SCENE", json!({ "scene_id": 1u64 << 32 }), 40053),
        ("QR_SCENE", json!({ "scene_str": "1" }), 40053),
        ("QR_STR_SCENE", json!({ "scene_str": "" }), 40053),
        (
            "QR_STR_SCENE",
            json!({ "scene_str": "a".repeat(65) }),
            40053,
        ),
        ("QR_STR_SCENE", json!({ "scene_id": 1 }), 40053),
        ("QR_LIMIT_SCENE", json!({ "scene_id": 100_001 }), 40053),
    ] {
        assert_errcode(&sandbox.create(action(name, scene)).await, errcode);
    }
    let no_info = json!({ "action_name": "QR_SCENE" });
    assert_errcode(&sandbox.create(no_info).await, 40053);
    for (expire_seconds, answer) in [(0, 40097), (2_592_001, 40097)] {
        let mut body = action("QR_SCENE", json!({ "scene_id": 1 }));
        body["expire_seconds"] = json!(expire_seconds);
        assert_errcode(&sandbox.create(body).await, answer);
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn who_forgets_the_scene_object_is_not_told() {
    let sandbox = Playground::start().await;
    let flat = json!({ "action_name": "QR_STR_SCENE", "action_info": { "scene_str": "abc" } });
    let code = sandbox.create(flat).await;
    assert_eq!(code["expire_seconds"], 60, "the default");
    assert!(code["ticket"].is_string());
    sandbox.stop().await;
}

#[tokio::test]
async fn codes_need_a_verified_account_a_token_and_a_body() {
    let sandbox = Playground::start().await;
    let token = sandbox.token().await;
    let path = format!("/cgi-bin/qrcode/create?access_token={token}");
    let good = action("QR_SCENE", json!({ "scene_id": 1 }));
    for (path, body, errcode) in [
        (path.as_str(), "", 44002),
        (&path, "<xml/>", 47001),
        ("/cgi-bin/qrcode/create", "{}", 41001),
        ("/cgi-bin/qrcode/create?access_token=x", "{}", 40014),
    ] {
        let request = sandbox.client.post(sandbox.url(path)).body(body);
        assert_errcode(&sandbox.call(request).await, errcode);
    }
    assert_errcode(&sandbox.call(sandbox.get(&path)).await, 43002);
    let (_, quotas) = sandbox
        .api("PUT", "/quotas", json!({ "/cgi-bin/qrcode/create": 0 }))
        .await;
    assert_eq!(quotas["quotas"]["/cgi-bin/token"], 2000);
    assert_errcode(&sandbox.post(&path, good.clone()).await, 45009);
    sandbox.api("POST", "/reset", json!({})).await;
    let unverified = json!({ "app_id": SANDBOX_APP_ID, "is_verified": false });
    sandbox.api("PUT", "/accounts", unverified).await;
    assert_errcode(&sandbox.create(good).await, 48001);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_mini_program_signs_in_once_per_code() {
    let sandbox = Playground::with_mini_program().await;
    let js_code = async |user: &str, app_id: &str| {
        let body = json!({ "user": user, "app_id": app_id });
        sandbox.api("POST", "/js_code", body).await
    };
    assert_eq!(js_code("nobody", MINI).await.0, 400);
    assert_eq!(js_code("zoe", SANDBOX_APP_ID).await.0, 400);
    let (status, code) = js_code("zoe", MINI).await;
    assert_eq!(status, 200);
    let code = code["code"].as_str().unwrap();
    let good = format!(
        "/jscode2session?appid={MINI}&secret={}&js_code={code}&grant_type=authorization_code",
        "a".repeat(32)
    );
    for (query, errcode) in [
        (good.replace(MINI, SANDBOX_APP_ID), 40125),
        (good.replace(code, ""), 41008),
        (good.replace(code, "x"), 40029),
        (good.replace("authorization_code", ""), 40002),
    ] {
        assert_errcode(&sandbox.sns(&query).await, errcode);
    }
    let session = sandbox.sns(&good).await;
    assert_eq!(session["openid"].as_str().unwrap().len(), 28);
    assert!(session["unionid"].is_string());
    assert_eq!(session["session_key"].as_str().unwrap().len(), 24);
    assert_errcode(&sandbox.sns(&good).await, 40163);
    let (_, late) = js_code("zoe", MINI).await;
    sandbox
        .api("POST", "/clock", json!({ "advance_s": 300 }))
        .await;
    let late = good.replace(code, late["code"].as_str().unwrap());
    assert_errcode(&sandbox.sns(&late).await, 40029);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_mini_programs_code_is_a_picture_or_an_error() {
    let sandbox = Playground::with_mini_program().await;
    let token = sandbox.token_of(MINI, &"a".repeat(32)).await;
    let path = format!("/wxa/getwxacodeunlimit?access_token={token}");
    let good = json!({ "scene": "a=1&b=~", "page": "pages/login/index", "width": 300 });
    let request = sandbox.client.post(sandbox.url(&path));
    let response = request.body(good.to_string()).send().await.unwrap();
    assert_eq!(header_of(&response, "content-type"), "image/jpeg");
    let (text, _) = camera(&response.bytes().await.unwrap());
    assert!(
        text.ends_with("/pages/login/index?scene=a%3D1%26b%3D%7E"),
        "{text}"
    );
    let mut unchecked = good.clone();
    unchecked["check_path"] = json!(false);
    for (key, value, errcode) in [
        ("scene", json!(""), 40169),
        ("scene", json!("a".repeat(33)), 40169),
        ("scene", json!("a%20"), 40129),
        ("scene", json!("中"), 40129),
        ("page", json!("/pages/login/index"), 41030),
        ("page", json!("pages/login/index?a=1"), 41030),
        ("page", json!("pages/other"), 41030),
        ("width", json!("wide"), 40097),
    ] {
        let mut body = good.clone();
        body[key] = value;
        assert_errcode(&sandbox.post(&path, body).await, errcode);
    }
    unchecked["page"] = json!("pages/other");
    let request = sandbox.client.post(sandbox.url(&path));
    let response = request.body(unchecked.to_string()).send().await.unwrap();
    assert_eq!(header_of(&response, "content-type"), "image/jpeg");
    let request = sandbox.client.post(sandbox.url(&path)).body("x");
    assert_errcode(&sandbox.call(request).await, 40169);
    assert_errcode(&sandbox.call(sandbox.get(&path)).await, 43002);
    let others = format!(
        "/wxa/getwxacodeunlimit?access_token={}",
        sandbox.token().await
    );
    assert_errcode(&sandbox.post(&others, good).await, 48001);
    assert_errcode(&sandbox.call(sandbox.get("/wxa/other")).await, 40066);
    sandbox.stop().await;
}

impl Playground {
    async fn with_mini_program() -> Self {
        let sandbox = Self::start().await;
        let mini = json!({
            "app_id": MINI,
            "app_secret": "a".repeat(32),
            "kind": "mini_program",
            "pages": ["pages/login/index"],
        });
        assert_eq!(sandbox.api("PUT", "/accounts", mini).await.0, 201);
        sandbox
    }
}
