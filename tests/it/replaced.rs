//! Signing in over a session of the same browser: it ends, and no other does.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::{
    attach::{attached, hears},
    refresh::{refused, shop_login, with_shop},
    support::{
        Answer, Gateway, PASSWORD, call, spawn_gateway, spawn_gateway_with, spawn_with_accounts,
    },
};

/// A redemption by the browser that has this cookie.
async fn redeem(gateway: &Gateway, cookie: &str, grant: &Value, verifier: &str) -> Answer {
    let body = json!({ "grant": grant, "verifier": verifier });
    let answer = call(gateway.post("/auth/token", &body).header("cookie", cookie)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// A whole login in the browser that has this cookie.
async fn login_over(gateway: &Gateway, cookie: &str, user: &str) -> Answer {
    let (browser, authorized) = gateway.authorized(user).await;
    redeem(gateway, cookie, &authorized["grant"], &browser.verifier).await
}

async fn is_replaced(gateway: &Gateway, login: &Answer) {
    for answer in [
        gateway.me(login.token()).await,
        gateway.refresh(login.cookie()).await,
    ] {
        refused(&answer, 40102);
        assert_eq!(answer.json["reason"], "replaced");
    }
}

async fn lives(gateway: &Gateway, login: &Answer) {
    let answer = gateway.me(login.token()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_takes_the_place_of_the_session_in_its_browser() {
    let gateway = spawn_gateway().await;
    let elsewhere = gateway.login("zoe").await;
    for user in ["zoe", "wangfang"] {
        let before = gateway.login("zoe").await;
        let mut tab = attached(&gateway, &before).await;
        let after = login_over(&gateway, before.cookie(), user).await;
        hears(&mut tab, &before, "replaced").await;
        is_replaced(&gateway, &before).await;
        lives(&gateway, &after).await;
        assert_eq!(gateway.refresh(after.cookie()).await.status, 200);
    }
    lives(&gateway, &elsewhere).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_answered_again_replaces_nothing_more() {
    let gateway = spawn_gateway().await;
    let before = gateway.login("zoe").await;
    let (browser, authorized) = gateway.authorized("zoe").await;
    let (grant, verifier) = (&authorized["grant"], &browser.verifier);
    let first = redeem(&gateway, before.cookie(), grant, verifier).await;
    for cookie in [before.cookie(), first.cookie(), ""] {
        let again = redeem(&gateway, cookie, grant, verifier).await;
        assert_eq!(again.json["data"], first.json["data"], "{cookie}");
        assert_eq!(again.cookie(), first.cookie());
    }
    lives(&gateway, &first).await;
    let ended = gateway.metric(r#"scangate_sessions_ended_total{reason="replaced"}"#);
    assert!((ended.await - 1.0).abs() < f64::EPSILON);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_apps_session_stays() {
    let gateway = with_shop().await;
    let shop = shop_login(&gateway).await;
    let cookie = shop.cookie_named("scangate-shop");
    let renamed = cookie.replace("scangate-shop=", "scangate=");
    for cookies in [cookie, &renamed] {
        let ours = login_over(&gateway, cookies, "zoe").await;
        lives(&gateway, &ours).await;
        lives(&gateway, &shop).await;
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cookie_of_old_ends_nothing_and_is_no_theft() {
    let gateway = spawn_gateway().await;
    let before = gateway.login("zoe").await;
    let held = gateway.refresh(before.cookie()).await;
    gateway.later(Duration::from_secs(11));
    for cookie in [before.cookie(), "scangate=nonsense"] {
        login_over(&gateway, cookie, "wangfang").await;
        lives(&gateway, &held).await;
    }
    assert_eq!(gateway.refresh(held.cookie()).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_replaces_a_session_as_a_scan_does() {
    let gateway = spawn_with_accounts(&[]).await;
    let scanned = gateway.login("zoe").await;
    let names = json!({ "username": "zoe", "password": PASSWORD });
    let add = gateway.post("/auth/register", &names);
    let add = add.header("cookie", scanned.cookie());
    assert_eq!(call(add.bearer_auth(scanned.token())).await.status, 201);
    let wrong = gateway.sign_in_by(scanned.cookie(), "zoe", "wrong").await;
    wrong.refused(40104);
    lives(&gateway, &scanned).await;

    let typed = gateway.sign_in_by(scanned.cookie(), "zoe", PASSWORD).await;
    is_replaced(&gateway, &scanned).await;
    let names = json!({ "username": "wangfang", "password": PASSWORD });
    let register = gateway.post("/auth/register", &names);
    let registered = call(register.header("cookie", typed.cookie())).await;
    is_replaced(&gateway, &typed).await;
    lives(&gateway, &registered).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_ended_does_not_stop_the_login() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/sessions.db", data.path().display());
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let before = gateway.login("zoe").await;
    let (browser, authorized) = gateway.authorized("zoe").await;
    let (grant, verifier) = (&authorized["grant"], &browser.verifier);
    let mut somebody = SqliteConnection::connect(&url).await.unwrap();
    let stuck = "CREATE TRIGGER stuck BEFORE UPDATE OF ended_at ON sessions \
                 BEGIN SELECT RAISE(ABORT, 'stuck'); END";
    sqlx::query(stuck).execute(&mut somebody).await.unwrap();
    let after = redeem(&gateway, before.cookie(), grant, verifier).await;
    for login in [&before, &after] {
        lives(&gateway, login).await;
    }

    let mended = sqlx::query("DROP TRIGGER stuck");
    mended.execute(&mut somebody).await.unwrap();
    redeem(&gateway, before.cookie(), grant, verifier).await;
    is_replaced(&gateway, &before).await;
    lives(&gateway, &after).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signing_out_ends_the_session_of_the_token_and_that_of_the_cookie() {
    let gateway = spawn_gateway().await;
    let (token, cookie) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let out = gateway.post("/auth/logout", &json!({}));
    let out = out.header("authorization", format!("Bearer {}", token.token()));
    assert_eq!(
        call(out.header("cookie", cookie.cookie())).await.status,
        200
    );
    for ended in [&token, &cookie] {
        assert_eq!(gateway.me(ended.token()).await.code(), 40102);
    }
    gateway.stop().await;
}
