//! What a stranger gets for each address: pages, files, and the headers around them.

use std::fs;

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::support::{Answer, Gateway, call, source::root, spawn_gateway, spawn_gateway_with};

const PAGES: [&str; 2] = ["/", "/app"];

/// A header, or nothing.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

/// The sources of one directive of the policy.
fn policy<'a>(headers: &'a HeaderMap, directive: &str) -> Vec<&'a str> {
    let policy = header(headers, "content-security-policy");
    let mut all = policy.split(';').map(|part| part.split_whitespace());
    all.find_map(|mut words| (words.next()? == directive).then(|| words.collect()))
        .unwrap_or_default()
}

/// What every page and every answer has in common.
fn hardened(headers: &HeaderMap) {
    let whole = header(headers, "content-security-policy");
    assert!(!whole.contains("unsafe") && !whole.contains('*'), "{whole}");
    assert_eq!(policy(headers, "default-src"), ["'none'"]);
    assert_eq!(policy(headers, "frame-ancestors"), ["'none'"]);
    assert_eq!(header(headers, "x-content-type-options"), "nosniff");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_run_no_script_but_their_own() {
    let gateway = spawn_gateway().await;
    for path in PAGES {
        let page = call(gateway.get(path)).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        hardened(&page.headers);
        assert_eq!(policy(&page.headers, "script-src"), ["'self'"]);
        assert_eq!(policy(&page.headers, "style-src"), ["'self'"]);
        assert_eq!(policy(&page.headers, "base-uri"), ["'none'"]);
        let socket = gateway.origin().replace("http", "ws");
        assert_eq!(policy(&page.headers, "connect-src"), ["'self'", &socket]);
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        let cookie = page.set_cookie("scangate-b");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
            "{cookie}"
        );
        is_without_inline_code(&page.text);

        let known = gateway
            .get(path)
            .header("cookie", cookie.split(';').next().unwrap());
        assert!(
            call(known).await.set_cookie("scangate-b").is_empty(),
            "known again"
        );
    }
    gateway.stop().await;
}

/// That the policy has nothing to forbid.
fn is_without_inline_code(html: &str) {
    let tags = html
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split('>').next());
    for tag in tags {
        let name = tag.split_whitespace().next().unwrap_or_default();
        assert_ne!(name, "style", "{tag}");
        assert!(name != "script" || tag.contains(" src=\"/assets/"), "{tag}");
        let handler = tag
            .split_whitespace()
            .any(|word| word.starts_with("on") && word.contains('='));
        assert!(
            !tag.contains(" style=") && !handler && !tag.contains("javascript:"),
            "{tag}"
        );
    }
    assert!(
        html.matches("<script").count() == html.matches("></script>").count(),
        "empty ones"
    );
}

/// Every file that a page names.
fn assets(html: &str) -> Vec<String> {
    let named = html
        .split(['"', '\''])
        .filter(|text| text.starts_with("/assets/"));
    named.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_the_pages_is_there_and_costs_nothing_again() {
    let gateway = spawn_gateway().await;
    for path in PAGES.into_iter().chain(["/docs"]) {
        let page = call(gateway.get(path)).await;
        is_revalidated(&gateway, path, &page).await;
        let all = assets(&page.text);
        assert!(all.len() > 5, "{all:?}");
        for name in all {
            let file = call(gateway.get(&name)).await;
            assert_eq!(file.status, 200, "{name}");
            let kind = match name.rsplit('.').next().unwrap() {
                "js" => "text/javascript; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                "svg" => "image/svg+xml; charset=utf-8",
                other => panic!("{name}: what is {other}?"),
            };
            assert_eq!(file.header("content-type"), kind, "{name}");
            assert_eq!(file.header("x-content-type-options"), "nosniff");
            assert_eq!(file.header("access-control-allow-origin"), "*");
            assert!(
                file.set_cookie("scangate-b").is_empty(),
                "public files set none"
            );
            is_revalidated(&gateway, &name, &file).await;
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_page_asks_for_first_is_on_its_way_before_its_scripts() {
    let gateway = spawn_gateway().await;
    let link = async |path: &str| {
        let page = call(gateway.get(path)).await;
        assert_eq!(page.status, 200, "{path}");
        page.headers.get("link").cloned()
    };
    for (query, asked) in [("", ""), ("?lang=en&app=shop", "?app=shop"), ("?app=", "")] {
        for path in PAGES {
            let sent = link(&format!("{path}{query}")).await.unwrap();
            let wanted = format!(
                "</api/v1/config{asked}>; rel=preload; as=fetch; crossorigin=use-credentials"
            );
            assert_eq!(sent, wanted.as_str(), "{path}{query}");
        }
    }
    // No name of an app, and nothing that a header could carry on.
    for query in ["?app=%0d%0aset-cookie:a=b", "?app=a%3Cb%3E", "?app=UPPER"] {
        assert_eq!(link(&format!("/{query}")).await, None, "{query}");
    }
    gateway.stop().await;
}

async fn is_revalidated(gateway: &Gateway, path: &str, first: &Answer) {
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{path}: {tag}");
    assert!(first.header("cache-control").contains("no-cache"), "{path}");
    for tag in [
        &*tag,
        tag.trim_start_matches("W/"),
        &format!("\"x\", {tag}"),
        "*",
    ] {
        let again = call(gateway.get(path).header("if-none-match", tag)).await;
        assert_eq!((again.status, again.text.len()), (304, 0), "{path} {tag}");
        assert_eq!(again.header("etag"), first.header("etag"));
    }
    let other = call(gateway.get(path).header("if-none-match", "\"other\"")).await;
    assert_eq!(other.status, 200);
    let packed = call(gateway.get(path).header("accept-encoding", "gzip")).await;
    assert_eq!(packed.header("content-encoding"), "gzip", "{path}");
    assert!(
        packed
            .header("vary")
            .to_lowercase()
            .contains("accept-encoding"),
        "{path}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documents_are_for_tools_and_pages_of_any_site() {
    let gateway = spawn_gateway().await;
    let json = "application/json; charset=utf-8";
    for (path, kind) in [
        ("/openapi.json", json),
        ("/asyncapi.json", json),
        ("/asyncapi.yaml", "application/yaml"),
    ] {
        let document = call(gateway.get(path)).await;
        assert_eq!(document.status, 200, "{path}");
        assert_eq!(document.header("content-type"), kind);
        assert_eq!(document.header("access-control-allow-origin"), "*");
        assert_eq!(document.header("x-content-type-options"), "nosniff");
        is_revalidated(&gateway, path, &document).await;
        let head = call(gateway.method("HEAD", path)).await;
        assert_eq!(head.header("etag"), document.header("etag"));
        let written = fs::read_to_string(root().join("web").join(&path[1..])).unwrap();
        if kind == json {
            let written: Value = serde_json::from_str(&written).unwrap();
            assert_eq!(document.json, written, "{path}");
        } else {
            assert_eq!(document.text, written, "{path}");
        }
    }
    let page = call(gateway.get("/docs")).await;
    hardened(&page.headers);
    assert_eq!(policy(&page.headers, "script-src"), ["'self'"]);
    assert!(page.set_cookie("scangate-b").is_empty(), "for nobody");
    is_without_inline_code(&page.text);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_for_browsers_is_served() {
    let gateway = spawn_gateway().await;
    for path in [
        "/assets/",
        "/assets/none.js",
        "/assets/../index.html",
        "/assets/..%2f..%2fCargo.toml",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/assets/src/../../package.json",
        "/assets/%00",
        "/assets//etc/passwd",
        "/index.html",
        "/package.json",
        "/src/main.rs",
        "/PROTOCOL.md",
        "/metrics",
        "/readyz",
        "/sandbox/api/users",
        "/phone",
    ] {
        let answer = call(gateway.get(path)).await;
        assert_eq!(
            (answer.status, answer.code()),
            (404, 40400),
            "{path}: {answer:?}"
        );
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phones_pages_are_kept_by_nobody() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let url = pending["qr"]["text"].as_str().unwrap();
    let phone = gateway.steps("zoe");
    let to_wechat = phone.open(url).await;
    let callback = phone
        .open(to_wechat.location.clone().unwrap())
        .await
        .location
        .unwrap();
    let back = phone.open(&callback).await;
    let asks = phone.open(url).await;
    assert!(asks.page.has_form("confirm"));
    is_without_inline_code(&asks.page.html);
    let gone = phone.open(format!("{}s/nothing", gateway.url)).await;
    let sandbox = format!("http://{}", gateway.sandbox);
    for step in [&to_wechat, &asks, &gone] {
        hardened(&step.headers);
        assert_eq!(step.header("cache-control"), "no-store");
        assert_eq!(
            step.header("referrer-policy"),
            "same-origin",
            "else its forms say Origin: null"
        );
        assert_eq!(policy(&step.headers, "form-action"), ["'self'", &sandbox]);
        assert_eq!(step.header("x-frame-options"), "DENY");
    }
    let cookie = to_wechat.header("set-cookie");
    for due in [
        "scangate-p=",
        "; HttpOnly",
        "; SameSite=Lax",
        "; Path=/",
        "; Max-Age=300",
    ] {
        assert!(cookie.contains(due), "{due}: {cookie}");
    }
    let bad = phone
        .open(format!("{}callback/wechat?state=x", gateway.url))
        .await;
    for step in [&back, &bad] {
        hardened(&step.headers);
        assert_eq!(step.header("cache-control"), "no-store");
        assert_eq!(
            step.header("referrer-policy"),
            "no-referrer",
            "its address holds a code"
        );
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_is_kept_by_nobody() {
    let gateway = spawn_gateway().await;
    for path in [
        "/api/v1/config",
        "/api/v1/me",
        "/api/v1/scenes/x",
        "/api/v1/nothing",
    ] {
        let answer = call(gateway.get(path).header("origin", gateway.origin())).await;
        hardened(&answer.headers);
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(
            answer.header("access-control-allow-origin"),
            gateway.origin()
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "true");
        assert!(
            answer.header("vary").to_lowercase().contains("origin"),
            "{answer:?}"
        );
        assert_eq!(answer.json["request_id"], answer.header("x-request-id"));

        for origin in [
            "https://evil.example",
            "null",
            "http://127.0.0.1.evil.example",
        ] {
            let foreign = call(gateway.get(path).header("origin", origin)).await;
            assert_eq!(
                foreign.header("access-control-allow-origin"),
                "",
                "{path} {origin}"
            );
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_a_body() {
    let gateway = spawn_gateway().await;
    let pending = gateway.browser().await.start().await;
    let scene = pending["qr"]["text"].as_str().unwrap();
    let paths = [
        "/",
        "/app",
        "/assets/page/login.js",
        "/.well-known/jwks.json",
        "/nothing",
        scene,
        "/callback/wechat",
    ];
    for path in paths {
        let head = call(gateway.method("HEAD", path)).await;
        let due = if path == "/nothing" { 404 } else { 200 };
        assert_eq!((head.status, &*head.text), (due, ""), "{path}");
        if path != scene && path != "/callback/wechat" {
            let get = call(gateway.get(path)).await;
            for name in [
                "content-type",
                "etag",
                "cache-control",
                "content-security-policy",
            ] {
                assert_eq!(head.header(name), get.header(name), "{path} {name}");
            }
        }
    }
    gateway.stands_at(&pending, "pending", 1).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wechat_is_shown_whose_the_domain_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let gateway = spawn_gateway_with(&[("wechat.verify_dir", path)]).await;
    let name = "MP_verify_0123456789abcDEF.txt";
    assert_eq!(call(gateway.get(name)).await.status, 404);
    fs::write(directory.path().join(name), "0123456789abcDEF").unwrap();
    fs::write(directory.path().join("MP_verify_x.txt"), "x").unwrap();
    let found = call(gateway.get(name)).await;
    assert_eq!((found.status, &*found.text), (200, "0123456789abcDEF"));
    assert_eq!(found.header("content-type"), "text/plain; charset=utf-8");
    hardened(&found.headers);
    for other in [
        "MP_verify_x.txt",
        "MP_verify_0123456789abcDEF",
        "mp_verify_0123456789abcDEF.txt",
        "XMP_verify_0123456789abcDEF.txt",
        "MP_verify_0123456789abcDEF.txt.txt",
        "s/MP_verify_0123456789abcDEF.txt",
        "..%2fMP_verify_0123456789abcDEF.txt",
        "MP_verify_0123456789abcDEE.txt",
    ] {
        assert_eq!(call(gateway.get(other)).await.status, 404, "{other}");
    }
    gateway.stop().await;
}
