//! The guard: what a proxy is told of a request.

use std::time::Duration;

use reqwest::RequestBuilder;
use sqlx::{Connection, SqliteConnection};

use crate::{
    refresh::{SHOP, shop_login, with_shop},
    support::{Answer, Gateway, call, spawn_gateway, spawn_gateway_with},
};

const VERIFY: &str = "/api/v1/auth/verify";

/// What a proxy asks for a visitor with that cookie.
fn ask(gateway: &Gateway, cookie: &str) -> RequestBuilder {
    gateway.get(VERIFY).header("cookie", cookie.to_owned())
}

/// That it passed as the person of that login, in that app.
fn passed(answer: &Answer, login: &Answer, app: &str) {
    assert_eq!((answer.status, &*answer.text), (200, ""), "{answer:?}");
    let data = &login.json["data"];
    let told = ["x-auth-user", "x-auth-session", "x-auth-app"].map(|name| answer.header(name));
    let due = [&data["user"]["id"], &data["session_id"]].map(|value| value.as_str().unwrap());
    assert_eq!(told, [due[0], due[1], app]);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("set-cookie"), "", "nothing is rotated");
}

/// That it did not pass, and says nothing of anybody.
fn refused(answer: &Answer, challenge: &str) {
    assert_eq!((answer.status, &*answer.text), (401, ""), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), challenge, "{answer:?}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        !format!("{:?}", answer.headers).contains("x-auth-"),
        "{answer:?}"
    );
}

const INVALID: &str = "Bearer error=\"invalid_token\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_or_a_token_says_who_is_there() {
    let gateway = spawn_gateway().await;
    let ours = gateway.login("zoe").await;
    passed(&call(ask(&gateway, ours.cookie())).await, &ours, "default");
    let bearer = gateway.get(VERIFY).bearer_auth(ours.token());
    passed(&call(bearer).await, &ours, "default");
    let head = gateway.method("HEAD", VERIFY).bearer_auth(ours.token());
    passed(&call(head).await, &ours, "default");
    // The back end has a scheme of its own.
    let basic = ask(&gateway, ours.cookie()).basic_auth("somebody", Some("else"));
    passed(&call(basic).await, &ours, "default");

    refused(&call(gateway.get(VERIFY)).await, "Bearer");
    for nonsense in ["scangate=x", &format!("{}x", ours.cookie())] {
        refused(&call(ask(&gateway, nonsense)).await, INVALID);
    }
    let wrong = ask(&gateway, ours.cookie()).bearer_auth("nonsense");
    refused(&call(wrong).await, INVALID);
    let posted = gateway.method("POST", VERIFY).bearer_auth(ours.token());
    assert_eq!(call(posted).await.status, 405);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_rotated_out_is_good_for_ten_seconds_and_never_a_theft() {
    let gateway = spawn_gateway().await;
    let first = gateway.login("zoe").await;
    let next = gateway.refresh(first.cookie()).await;
    passed(
        &call(ask(&gateway, first.cookie())).await,
        &first,
        "default",
    );
    passed(&call(ask(&gateway, next.cookie())).await, &first, "default");
    gateway.later(Duration::from_secs(9));
    passed(
        &call(ask(&gateway, first.cookie())).await,
        &first,
        "default",
    );
    gateway.later(Duration::from_secs(2));
    for _ in 0..3 {
        refused(&call(ask(&gateway, first.cookie())).await, INVALID);
    }
    let last = gateway.refresh(next.cookie()).await;
    refused(&call(ask(&gateway, first.cookie())).await, INVALID);
    passed(&call(ask(&gateway, last.cookie())).await, &first, "default");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_ended_is_refused_at_once() {
    let gateway = spawn_gateway().await;
    let (ours, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let logout = gateway.post("/auth/logout", &serde_json::json!({}));
    call(logout.header("cookie", ours.cookie())).await;
    refused(&call(ask(&gateway, ours.cookie())).await, INVALID);
    let bearer = gateway.get(VERIFY).bearer_auth(ours.token());
    refused(&call(bearer).await, INVALID);

    gateway.later(Duration::from_secs(606));
    let bearer = gateway.get(VERIFY).bearer_auth(other.token());
    refused(&call(bearer).await, INVALID);
    passed(
        &call(ask(&gateway, other.cookie())).await,
        &other,
        "default",
    );
    gateway.later(Duration::from_secs(7 * 24 * 3600));
    refused(&call(ask(&gateway, other.cookie())).await, INVALID);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_sessions_of_the_app_count() {
    let gateway = with_shop().await;
    let (shop, ours) = (shop_login(&gateway).await, gateway.login("zoe").await);
    let both = format!("{}; {}", ours.cookie(), shop.cookie_named("scangate-shop"));
    for (path, login, app) in [
        ("", &ours, "default"),
        ("?app=shop", &shop, "shop"),
        ("/default", &ours, "default"),
        ("/shop/cart/?app=default", &shop, "shop"),
    ] {
        let path = format!("{VERIFY}{path}");
        let other = if app == "shop" { &ours } else { &shop };
        let asked = || gateway.get(&path);
        passed(&call(asked().header("cookie", &both)).await, login, app);
        passed(&call(asked().bearer_auth(login.token())).await, login, app);
        refused(&call(asked().bearer_auth(other.token())).await, INVALID);
    }
    let own = ours.cookie().replace("scangate=", "scangate-shop=");
    let renamed = gateway.get(&format!("{VERIFY}?app=shop"));
    refused(&call(renamed.header("cookie", own)).await, INVALID);
    for unknown in [
        "?app=nobody",
        "?app=",
        "?app=../x",
        "?app=shop&app=default",
        "/nobody/x",
    ] {
        let asked = gateway.get(&format!("{VERIFY}{unknown}"));
        refused(&call(asked.header("cookie", &both)).await, "Bearer");
    }
    gateway.stop().await;
}

/// Envoy puts its prefix before the path, and keeps the method.
#[tokio::test(flavor = "multi_thread")]
async fn below_its_prefix_it_answers_whatever_is_asked() {
    let gateway = with_shop().await;
    let ours = gateway.login("zoe").await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        for tail in ["/", "/a/b%2Fc?app=shop&x=%00", "//", "/api/v1/me"] {
            let path = format!("{}{VERIFY}/default{tail}", gateway.origin());
            let asked = || gateway.method(method, &path).header("origin", SHOP);
            let preflight = asked().header("access-control-request-method", "POST");
            refused(&call(preflight).await, "Bearer");
            let known = asked().header("cookie", ours.cookie());
            passed(&call(known).await, &ours, "default");
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_page_learns_who_is_there() {
    let gateway = with_shop().await;
    let ours = gateway.login("zoe").await;
    for origin in [SHOP, "https://evil.example", "null"] {
        let answer = call(ask(&gateway, ours.cookie()).header("origin", origin)).await;
        passed(&answer, &ours, "default");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
    }
    gateway.stop().await;
}

/// A store that is away is no reason to send people to the login page, and none to let them in.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_store_it_knows_nothing() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/users.db", data.path().display());
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let ours = gateway.login("zoe").await;
    let mut somebody = SqliteConnection::connect(&url).await.unwrap();
    let mut rename = async |from: &str, to: &str| {
        let statement = format!("ALTER TABLE {from} RENAME TO {to}");
        let statement = sqlx::AssertSqlSafe(statement);
        sqlx::query(statement).execute(&mut somebody).await.unwrap();
    };
    rename("sessions", "away").await;
    let bearer = gateway.get(VERIFY).bearer_auth(ours.token());
    for asked in [ask(&gateway, ours.cookie()), bearer] {
        let answer = call(asked).await;
        assert_eq!((answer.status, &*answer.text), (503, ""), "{answer:?}");
        assert!(answer.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(answer.header("x-auth-user"), "");
    }
    refused(&call(ask(&gateway, "scangate=x")).await, INVALID);
    rename("away", "sessions").await;
    passed(&call(ask(&gateway, ours.cookie())).await, &ours, "default");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_asked_as_often_as_there_are_requests() {
    let settings = [
        ("limits.token_per_address_per_min", "2"),
        ("limits.failed_resumes_per_address_per_min", "2"),
    ];
    let gateway = spawn_gateway_with(&settings).await;
    let ours = gateway.login("zoe").await;
    for _ in 0..20 {
        refused(&call(ask(&gateway, "scangate=x")).await, INVALID);
        passed(&call(ask(&gateway, ours.cookie())).await, &ours, "default");
    }
    assert_eq!(
        gateway.refresh(ours.cookie()).await.status,
        200,
        "none spent"
    );
    gateway.stop().await;
}

/// Traefik asks by the address it has for the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_may_ask_by_an_inner_name() {
    let trusted = [("server.trusted_proxies", "127.0.0.1/32")];
    let (behind, alone) = (spawn_gateway_with(&trusted).await, spawn_gateway().await);
    for (gateway, status) in [(&behind, 200), (&alone, 421)] {
        let ours = gateway.login("zoe").await;
        let asked = ask(gateway, ours.cookie()).header("host", "scangate:8080");
        assert_eq!(call(asked).await.status, status);
        let me = gateway.get("/api/v1/me").header("host", "scangate:8080");
        assert_eq!(call(me).await.status, 421, "nothing else");
    }
    behind.stop().await;
    alone.stop().await;
}
