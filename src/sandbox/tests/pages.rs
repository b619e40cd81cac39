//! `/phone`, as a browser without script sees it.

use super::*;

async fn page(request: RequestBuilder) -> String {
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    let policy = header_of(&response, "content-security-policy");
    assert!(policy.contains("script-src 'self'; style-src 'self'"));
    assert!(policy.contains("frame-ancestors 'none'"));
    let page = response.text().await.unwrap();
    assert!(!page.contains("style="), "no inline style: {page}");
    assert!(!page.contains("<script>"), "no inline script: {page}");
    page
}

#[tokio::test]
async fn the_phone_speaks_two_languages() {
    let sandbox = Playground::start().await;
    let phone = || sandbox.get("/phone");
    assert!(page(phone()).await.contains("<html lang=\"en\">"));
    let chinese = page(phone().header("Accept-Language", "zh-CN,zh;q=0.9")).await;
    assert!(chinese.contains("<html lang=\"zh-CN\">") && chinese.contains("扫一扫"));
    let switched = sandbox.get("/phone?lang=zh-CN").send().await.unwrap();
    let cookie = header_of(&switched, "set-cookie");
    assert!(cookie.starts_with("sandbox_lang=zh-CN;"), "{cookie}");
    let chosen = phone().header("Cookie", "sandbox_lang=zh-CN");
    assert!(page(chosen).await.contains("扫一扫"));
    let home = sandbox.get("/").send().await.unwrap();
    assert_eq!(header_of(&home, "location"), "/phone");
    sandbox.stop().await;
}

#[tokio::test]
async fn a_scanned_link_is_one_tap_away() {
    let sandbox = Playground::start().await;
    let card = page(sandbox.visit(
        "/phone?scan=http%3A%2F%2F127.0.0.1%3A8080%2Fs%2F7Qm%3Fa%26b",
        "zoe",
    ))
    .await;
    assert!(
        card.contains(r#"href="http://127.0.0.1:8080/s/7Qm?a&amp;b""#),
        "{card}"
    );
    assert!(card.contains("<strong>Zoë Example</strong>"));
    for text in ["javascript:alert(1)", "hello", "%22%3E%3Cb%3E"] {
        let card = page(sandbox.get(&format!("/phone?scan={text}"))).await;
        assert!(card.contains("This is not a link"), "{card}");
        assert!(!card.contains("href=\"javascript") && !card.contains("<b>"));
    }
    assert!(
        page(sandbox.get("/phone?view=scan"))
            .await
            .contains("textarea")
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn the_user_is_switched_by_a_form_that_keeps_the_scan() {
    let sandbox = Playground::start().await;
    let post = || {
        let form = [("user", "wangfang"), ("scan", "http://a/"), ("view", "")];
        sandbox.client.post(sandbox.url("/phone/user")).form(&form)
    };
    let switched = post().send().await.unwrap();
    assert_eq!(switched.status(), 303);
    assert_eq!(
        header_of(&switched, "location"),
        "/phone?scan=http%3A%2F%2Fa%2F"
    );
    assert!(header_of(&switched, "set-cookie").starts_with("sandbox_user=wangfang;"));
    let forged = post().header("Origin", "http://evil.example").send().await;
    assert_eq!(forged.unwrap().status(), 403);
    sandbox.stop().await;
}

#[tokio::test]
async fn another_loopback_name_leads_to_the_one_that_keeps_the_cookies() {
    let sandbox = Playground::start().await;
    let port = sandbox.addr.port();
    let by_name = sandbox
        .get("/phone?scan=http%3A%2F%2Fa%2F")
        .header("Host", format!("localhost:{port}"))
        .send()
        .await
        .unwrap();
    assert_eq!(by_name.status(), 302);
    assert_eq!(
        header_of(&by_name, "location"),
        sandbox.url("/phone?scan=http%3A%2F%2Fa%2F")
    );
    sandbox.stop().await;
}

#[tokio::test]
async fn the_assets_are_served_with_their_types() {
    let sandbox = Playground::start().await;
    for (name, kind) in [
        ("phone.css", "text/css; charset=utf-8"),
        ("phone.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ] {
        let asset = sandbox.get(&format!("/sandbox/assets/{name}"));
        let asset = asset.send().await.unwrap();
        assert_eq!(asset.status(), 200);
        assert_eq!(header_of(&asset, "content-type"), kind);
    }
    let missing = sandbox.get("/sandbox/assets/other").send().await.unwrap();
    assert_eq!(missing.status(), 404);
    sandbox.stop().await;
}
