//! `/connect/qrconnect`: the page, the code, the poll, the phone, and the code's exchange.

use super::*;
use crate::config::{SANDBOX_WEBSITE_APP_ID, SANDBOX_WEBSITE_APP_SECRET};

fn link(state: &str) -> String {
    format!(
        "/connect/qrconnect?appid={SANDBOX_WEBSITE_APP_ID}&redirect_uri={REDIRECT}&response_type=code\
         &scope=snsapi_login&state={state}"
    )
}

/// What follows `before` in a page, up to the quote.
fn after(page: &str, before: &str) -> String {
    let (_, rest) = page.split_once(before).expect(page);
    rest.split('"').next().unwrap().to_owned()
}

/// A phone's page after a scan.
struct Sheet {
    uuid: String,
    ticket: String,
}

impl Playground {
    async fn text(&self, path: &str) -> String {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    /// The uuid of a fresh page.
    async fn qr_page(&self) -> String {
        let page = self.text(&link("s1")).await;
        after(
            &page,
            r#"<img class="qrcode lightBorder" src="/connect/qrcode/"#,
        )
    }

    /// The script that a poll is answered with.
    async fn poll(&self, uuid: &str, last: &str) -> String {
        let path = format!("/connect/l/qrconnect?uuid={uuid}{last}&_=1795312000123");
        let response = self.get(&path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            header_of(&response, "content-type"),
            "text/javascript; charset=utf-8"
        );
        response.text().await.unwrap()
    }

    async fn scan(&self, uuid: &str, user: &str) -> String {
        let path = format!("/connect/confirm?uuid={uuid}");
        let response = self.visit(&path, user).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.text().await.unwrap()
    }

    async fn scan_sheet(&self, uuid: &str, user: &str) -> Sheet {
        let page = self.scan(uuid, user).await;
        Sheet {
            uuid: after(&page, r#"name="uuid" value=""#),
            ticket: ticket_in(&page),
        }
    }

    fn tap_sheet(&self, button: &str, sheet: &Sheet) -> RequestBuilder {
        self.client
            .post(self.url(&format!("/connect/qrconnect/{button}")))
            .form(&[("uuid", &sheet.uuid), ("ticket", &sheet.ticket)])
    }

    /// The code after a whole login.
    async fn website_code(&self, user: &str) -> String {
        let uuid = self.qr_page().await;
        let sheet = self.scan_sheet(&uuid, user).await;
        let done = self.tap_sheet("confirm", &sheet).send().await.unwrap();
        assert_eq!(done.status(), 200);
        let answer = self.poll(&uuid, "&last=404").await;
        let code = answer
            .strip_prefix("window.wx_errcode=405;window.wx_code='")
            .and_then(|rest| rest.strip_suffix("';"))
            .expect(&answer);
        assert_eq!(code.len(), 32);
        code.to_owned()
    }

    async fn exchange_website(&self, code: &str) -> Value {
        let path = exchange(code)
            .replace(SANDBOX_APP_ID, SANDBOX_WEBSITE_APP_ID)
            .replace(SANDBOX_APP_SECRET, SANDBOX_WEBSITE_APP_SECRET);
        self.sns(&path).await
    }
}

#[tokio::test]
async fn every_load_of_the_page_has_a_code_of_its_own() {
    let sandbox = Playground::start().await;
    let response = sandbox.get(&link("s1")).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        header_of(&response, "set-cookie"),
        "",
        "it works without cookies"
    );
    let policy = header_of(&response, "content-security-policy");
    assert!(policy.ends_with("frame-ancestors http: https:"), "{policy}");
    assert!(policy.contains("script-src 'self'; style-src 'self'"));
    let page = response.text().await.unwrap();
    assert!(!page.contains("style=") && !page.contains("<script>"));
    assert!(page.contains("微信登录") && page.contains(r#"<html lang="zh-CN">"#));
    let english = sandbox.text(&(link("s1") + "&lang=en")).await;
    assert!(english.contains("WeChat Login"));

    let (first, second) = (sandbox.qr_page().await, sandbox.qr_page().await);
    assert_eq!((first.len(), second.len()), (16, 16));
    assert_ne!(first, second);
    let image = sandbox.get(&format!("/connect/qrcode/{first}"));
    let image = image.send().await.unwrap();
    assert_eq!(header_of(&image, "content-type"), "image/jpeg");
    let unknown = sandbox.get("/connect/qrcode/0123456789abcdef");
    assert_eq!(unknown.send().await.unwrap().status(), 404);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_bad_link_gets_a_page_that_can_be_framed_too() {
    let sandbox = Playground::start().await;
    for (link, text) in [
        (
            link("s").replace(SANDBOX_WEBSITE_APP_ID, SANDBOX_APP_ID),
            "Scope 参数错误或没有 Scope 权限",
        ),
        (
            link("s").replace("127.0.0.1%3A9", "evil.example"),
            "redirect_uri 参数错误",
        ),
        ("/connect/qrconnect".to_owned(), "AppID 参数错误"),
    ] {
        let response = sandbox.get(&link).send().await.unwrap();
        assert_eq!(response.status(), 200, "{link}");
        let policy = header_of(&response, "content-security-policy");
        assert!(policy.ends_with("frame-ancestors http: https:"));
        let page = response.text().await.unwrap();
        assert!(page.contains(text) && !page.contains("<script"), "{page}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn a_code_is_scanned_confirmed_and_exchanged() {
    let sandbox = Playground::start().await;
    let uuid = sandbox.qr_page().await;
    let text = sandbox.url(&format!("/connect/confirm?uuid={uuid}"));
    let scanned = sandbox
        .api("POST", "/scan", json!({ "user": "zoe", "text": text }))
        .await;
    assert_eq!(scanned, (200, json!({ "kind": "page", "url": text })));

    let page = sandbox.scan(&uuid, "zoe").await;
    for part in [
        r#"<form name="confirm" method="post""#,
        r#"<form name="reject" method="post""#,
        "Zoë Example",
        "scangate 沙箱网站",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert_eq!(
        sandbox.poll(&uuid, "").await,
        "window.wx_errcode=404;window.wx_code='';"
    );
    let code = sandbox.website_code("zoe").await;
    let tokens = sandbox.exchange_website(&code).await;
    assert_eq!(tokens["scope"], "snsapi_login");
    assert!(tokens["unionid"].is_string(), "{tokens}");
    let (token, openid) = (&tokens["access_token"], &tokens["openid"]);
    let query = format!(
        "/userinfo?access_token={}&openid={}",
        token.as_str().unwrap(),
        openid.as_str().unwrap()
    );
    let user = sandbox.sns(&query).await;
    assert_eq!(user["nickname"], "Zoë Example");
    assert_eq!(user["unionid"], tokens["unionid"]);
    let again = sandbox.exchange_website(&code).await;
    assert_eq!(again["errcode"], 40163);

    let other = sandbox.website_code("zoe").await;
    assert_eq!(
        sandbox.exchange(&other).await["errcode"],
        40029,
        "another app"
    );
    assert!(sandbox.exchange_website(&other).await["openid"].is_string());
    let in_app = sandbox.code("zoe", "snsapi_userinfo").await;
    let in_app = sandbox.exchange(&in_app).await;
    assert_ne!(in_app["openid"], tokens["openid"]);
    assert_eq!(in_app["unionid"], tokens["unionid"]);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_held_poll_hears_of_the_tap_at_once() {
    let sandbox = Playground::start().await;
    let uuid = sandbox.qr_page().await;
    // A poll that does not wake outlasts the client's patience.
    let (said, sheet) = tokio::join!(sandbox.poll(&uuid, ""), sandbox.scan_sheet(&uuid, "zoe"));
    assert_eq!(said, "window.wx_errcode=404;window.wx_code='';");
    let reject = sandbox.tap_sheet("reject", &sheet);
    let (said, _) = tokio::join!(sandbox.poll(&uuid, "&last=404"), reject.send());
    assert_eq!(said, "window.wx_errcode=403;window.wx_code='';");
    let sheet = sandbox.scan_sheet(&uuid, "wangfang").await;
    let done = sandbox.tap_sheet("confirm", &sheet).send().await.unwrap();
    assert!(done.text().await.unwrap().contains("Logged in"));
    let said = sandbox.poll(&uuid, "&last=403").await;
    assert!(said.contains("wx_errcode=405"), "{said}");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_code_belongs_to_who_scanned_it_first_until_it_is_old() {
    let sandbox = Playground::start().await;
    let uuid = sandbox.qr_page().await;
    let sheet = sandbox.scan_sheet(&uuid, "zoe").await;
    assert!(
        sandbox
            .scan(&uuid, "wangfang")
            .await
            .contains("已被他人扫描")
    );
    let forged = sandbox
        .tap_sheet("confirm", &sheet)
        .header("Origin", "http://evil.example");
    assert_eq!(forged.send().await.unwrap().status(), 403);
    let reset = json!({ "advance_s": 300 });
    sandbox.api("POST", "/clock", reset).await;
    let late = sandbox.tap_sheet("confirm", &sheet).send().await.unwrap();
    assert!(late.text().await.unwrap().contains("二维码已过期"));
    assert_eq!(
        sandbox.poll(&uuid, "&last=404").await,
        "window.wx_errcode=402;window.wx_code='';"
    );
    assert!(sandbox.scan(&uuid, "zoe").await.contains("二维码已过期"));
    assert!(sandbox.poll("unknown", "").await.contains("=402;"));
    sandbox.stop().await;
}

#[tokio::test]
async fn a_snapshot_user_is_a_real_one_on_a_computer() {
    let sandbox = Playground::start().await;
    let code = sandbox.website_code("snapshot").await;
    let tokens = sandbox.exchange_website(&code).await;
    assert!(tokens["openid"].is_string());
    assert!(tokens.get("is_snapshotuser").is_none(), "{tokens}");
    sandbox.stop().await;
}

#[tokio::test]
async fn the_settings_decide_where_sources_differ() {
    let sandbox = Playground::start().await;
    let shown: Value = sandbox
        .get("/sandbox/api/settings")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let default =
        json!({ "deny_redirect": "none", "qr_page_life_s": 300, "expired_code_errcode": 40029 });
    assert_eq!(shown, default);
    let old = sandbox.website_code("zoe").await;
    let advance = async |advance_s: u64| {
        let body = json!({ "advance_s": advance_s });
        sandbox.api("POST", "/clock", body).await;
    };
    advance(599).await;
    let good = sandbox.exchange_website(&old).await;
    assert!(good["openid"].is_string(), "ten minutes: {good}");
    let old = sandbox.website_code("zoe").await;
    advance(600).await;
    assert_eq!(sandbox.exchange_website(&old).await["errcode"], 40029);

    let change = json!({ "deny_redirect": "state_only", "expired_code_errcode": 42003 });
    let (status, changed) = sandbox.api("PUT", "/settings", change).await;
    assert_eq!((status, &changed["qr_page_life_s"]), (200, &json!(300)));
    assert_eq!(sandbox.exchange_website(&old).await["errcode"], 42003);
    let page = sandbox.text(&link("s1")).await;
    assert!(page.contains(r#"data-deny-redirect="state_only""#));

    let brief = json!({ "qr_page_life_s": 1 });
    sandbox.api("PUT", "/settings", brief).await;
    let uuid = sandbox.qr_page().await;
    advance(1).await;
    assert!(sandbox.poll(&uuid, "").await.contains("=402;"));
    for bad in [
        json!({ "deny_redirect": "yes" }),
        json!({ "qr_page_life_s": 0 }),
        json!({ "qr_page_life_s": 3601 }),
        json!({ "expired_code_errcode": 40001 }),
        json!({ "unknown": 1 }),
    ] {
        let (status, answer) = sandbox.api("PUT", "/settings", bad).await;
        assert_eq!(status, 400, "{answer}");
    }
    sandbox.api("POST", "/reset", json!({})).await;
    let shown = sandbox.get("/sandbox/api/settings").send().await.unwrap();
    assert_eq!(shown.json::<Value>().await.unwrap(), default);
    sandbox.stop().await;
}

#[tokio::test]
async fn it_fails_on_request_as_it_would_by_itself() {
    let sandbox = Playground::start().await;
    let uuid = sandbox.qr_page().await;
    let fault = |endpoint: &str, errcode: i32| json!({ "endpoint": endpoint, "errcode": errcode });
    let faults = json!([
        fault("/connect/qrconnect", -1),
        fault("/connect/l/qrconnect", 500),
        fault("/connect/confirm", 10009),
        { "endpoint": "/connect/qrcode", "status": 502 },
    ]);
    sandbox.set_faults(faults).await;
    let page = sandbox.get(&link("s")).send().await.unwrap();
    let policy = header_of(&page, "content-security-policy");
    assert!(policy.ends_with("frame-ancestors http: https:"), "{policy}");
    assert!(page.text().await.unwrap().contains("错误码：-1"));
    let said = sandbox.poll(&uuid, "").await;
    assert_eq!(said, "window.wx_errcode=500;window.wx_code='';");
    assert!(sandbox.scan(&uuid, "zoe").await.contains("错误码：10009"));
    let image = sandbox.get(&format!("/connect/qrcode/{uuid}"));
    assert_eq!(image.send().await.unwrap().status(), 502);
    sandbox.stop().await;
}

#[tokio::test]
async fn the_script_and_the_style_are_served() {
    let sandbox = Playground::start().await;
    for (part, kind) in [
        ("js/wxLogin.js", "text/javascript; charset=utf-8"),
        ("js/qrconnect.js", "text/javascript; charset=utf-8"),
        ("style/qrconnect.css", "text/css; charset=utf-8"),
    ] {
        let path = format!("/connect/zh_CN/htmledition/{part}");
        let response = sandbox.get(&path).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(header_of(&response, "content-type"), kind);
    }
    let unknown = sandbox.get("/connect/zh_CN/htmledition/js/x.js");
    assert_eq!(unknown.send().await.unwrap().status(), 404);
    sandbox.stop().await;
}
