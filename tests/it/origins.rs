//! Who may change something: every call of the API that does, from wherever a page may stand.

use std::{fs, path::PathBuf};

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::{
    refresh::{SHOP, with_shop},
    support::{Answer, Gateway, call, spawn_gateway_with},
};

/// Calls that change something, by method and path: as the source has them, so that none is forgotten.
fn changes() -> Vec<(&'static str, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/api");
    let files = fs::read_dir(folder).unwrap();
    let sources = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    let source: String = sources.collect();
    let mut found = Vec::new();
    for route in source.split("web::resource(\"").skip(1) {
        let (path, route) = route.split_once('"').unwrap();
        for (method, call) in [("POST", ".post("), ("DELETE", ".delete("), ("PUT", ".put(")] {
            if route.contains(call) {
                found.push((method, path.to_owned()));
            }
        }
    }
    found
}

/// What a thief of one page's secrets has: everything.
struct Loot {
    scene: Value,
    session: Answer,
    /// Fields of all calls; each takes its own.
    body: Value,
}

impl Loot {
    async fn take(gateway: &Gateway) -> Self {
        let (tab, authorized) = gateway.authorized("zoe").await;
        let challenge = json!({ "challenge": tab.challenge() });
        let scene = call(gateway.post("/scenes", &challenge)).await;
        let mut body = challenge;
        body["grant"] = authorized["grant"].clone();
        body["verifier"] = json!(tab.verifier);
        body["code"] = json!("00");
        body["everywhere"] = json!(true);
        body["username"] = json!("somebody");
        for field in ["password", "current", "new"] {
            body[field] = json!("correct horse battery staple");
        }
        Self {
            scene: scene.json["data"].clone(),
            session: gateway.login("zoe").await,
            body,
        }
    }

    /// The call with all of it, of nobody knows whom.
    fn call(&self, gateway: &Gateway, method: &str, path: &str) -> RequestBuilder {
        let scene = self.scene["scene"].as_str().unwrap();
        let session = self.session.json["data"]["session_id"].as_str().unwrap();
        let path = path.replace("{scene}", scene).replace("{id}", session);
        let proof = if path.starts_with("/scenes") {
            format!("Scene {}", self.scene["secret"].as_str().unwrap())
        } else {
            format!("Bearer {}", self.session.token())
        };
        let request = gateway.method(method, &gateway.api(&path));
        let request = request.header("authorization", proof);
        request.header("cookie", self.session.cookie().to_owned())
    }
}

fn refused(answer: &Answer, code: u64, what: &str) {
    assert_eq!(answer.code(), code, "{what}: {answer:?}");
    assert_eq!(answer.header("set-cookie"), "", "{what}");
}

#[test]
fn the_calls_are_found() {
    let calls = changes();
    for known in [
        "/auth/token",
        "/auth/refresh",
        "/auth/logout",
        "/scenes",
        "/scenes/{scene}/cancel",
    ] {
        assert!(
            calls.contains(&("POST", known.to_owned())),
            "{known}: {calls:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_for_a_page_of_somebody_else() {
    let gateway = with_shop().await;
    let loot = Loot::take(&gateway).await;
    let own = gateway.origin();
    let lookalike = format!("{own}.evil.example");
    for (method, path) in changes() {
        let what = |origin: &str| format!("{method} {path} from {origin:?}");
        let json = || loot.call(&gateway, method, &path).json(&loot.body);
        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1",
            "",
            &lookalike,
        ] {
            let answer = call(json().header("origin", origin)).await;
            refused(&answer, 40300, &what(origin));
            assert_eq!(answer.header("access-control-allow-origin"), "");
        }
        refused(&call(json()).await, 40300, &what("nowhere"));
        let twice = json().header("origin", &own).header("origin", &own);
        refused(&call(twice).await, 40300, &what("two places"));
        // The page of another app, whose answer it may read.
        let other = call(json().header("origin", SHOP)).await;
        assert_eq!(other.code(), 40300, "{}: {other:?}", what(SHOP));
        assert_eq!(other.header("set-cookie"), "");
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "application/jsonp",
        ] {
            let form = loot.call(&gateway, method, &path);
            let form = form
                .header("content-type", kind)
                .body(loot.body.to_string());
            let foreign = form
                .try_clone()
                .unwrap()
                .header("origin", "https://evil.example");
            assert!(
                matches!(call(foreign).await.code(), 40000 | 40300),
                "{method} {path} {kind}"
            );
            let answer = call(form.header("origin", &own)).await;
            assert_eq!(answer.code(), 40000, "{method} {path} {kind}: {answer:?}");
        }
    }
    is_as_it_was(&gateway, &loot).await;
    gateway.stop().await;
}

/// That scene, session and grant are all good.
async fn is_as_it_was(gateway: &Gateway, loot: &Loot) {
    gateway.stands_at(&loot.scene, "pending", 1).await;
    assert_eq!(gateway.me(loot.session.token()).await.status, 200);
    let again = gateway.refresh(loot.session.cookie()).await;
    assert_eq!(again.status, 200, "{again:?}");
    let verifier = loot.body["verifier"].as_str().unwrap();
    let redeemed = gateway.redeem(&loot.body["grant"], verifier).await;
    assert_eq!(redeemed.status, 200, "{redeemed:?}");
}

/// What only shows itself in answers: who may read them is the browser's to hold.
#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_alone_opens_no_call_of_a_token() {
    let gateway = with_shop().await;
    let ours = gateway.login("zoe").await;
    for origin in [&gateway.origin(), SHOP, "https://evil.example"] {
        let asked = gateway.get("/api/v1/me").header("cookie", ours.cookie());
        let answer = call(asked.header("origin", origin)).await;
        assert_eq!(answer.code(), 40100, "{origin}: {answer:?}");
    }
    gateway.stop().await;
}

/// A cookie that opens nothing any more stays until the next login replaces it: see `api/sessions.rs`.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_takes_no_cookie_of_a_newer_login() {
    let gateway = with_shop().await;
    let ended = gateway.login("zoe").await;
    let out = gateway
        .post("/auth/logout", &json!({}))
        .header("cookie", ended.cookie());
    let out = call(out).await;
    assert_eq!(out.header("clear-site-data"), "", "not by plain http");
    let newer = gateway.login("zoe").await;
    for (cookie, code) in [(ended.cookie(), 40102), ("scangate=x", 40100)] {
        refused(&gateway.refresh(cookie).await, code, cookie);
    }
    assert_eq!(gateway.refresh(newer.cookie()).await.status, 200);
    gateway.stop().await;
}

/// Over https a sign-out takes what the gateway's pages have stored, for those pages alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_out_takes_what_was_stored() {
    let public = "https://login.example";
    let gateway = spawn_gateway_with(&[
        ("server.public_url", public),
        ("apps.shop.name", "Shop"),
        ("apps.shop.origins", SHOP),
    ])
    .await;
    let url = format!("http://{}/api/v1/auth/logout", gateway.addr);
    for (origin, body, told) in [
        (public, json!({}), r#""cache", "storage""#),
        (SHOP, json!({ "app": "shop" }), ""),
    ] {
        let out = gateway.method("POST", &url).header("host", "login.example");
        let out = call(out.header("origin", origin).json(&body)).await;
        assert_eq!(out.status, 200, "{out:?}");
        assert_eq!(out.header("clear-site-data"), told, "{origin}");
    }
    gateway.stop().await;
}
