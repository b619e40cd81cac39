//! Signing in with a user name and a password.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    secrets::Process,
    support::{Answer, PASSWORD, call, spawn_gateway, spawn_with_accounts},
};

#[tokio::test(flavor = "multi_thread")]
async fn without_accounts_their_calls_do_not_exist() {
    let gateway = spawn_gateway().await;
    for path in ["register", "login", "join", "password"] {
        let path = format!("/auth/{path}");
        call(gateway.post(&path, &json!({}))).await.refused(40400);
    }
    let config = call(gateway.get("/api/v1/config")).await;
    assert_eq!(config.json["data"].get("accounts"), None);
    gateway.stop().await;

    let gateway = spawn_with_accounts(&[]).await;
    let config = call(gateway.get("/api/v1/config")).await;
    assert_eq!(config.json["data"]["accounts"], true);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_registers_and_comes_back() {
    let gateway = spawn_with_accounts(&[]).await;
    let registered = gateway.register("Li.Xiaolong@example.com", PASSWORD).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    assert_eq!(registered.header("cache-control"), "no-store");
    assert!(registered.set_cookie("scangate").contains("HttpOnly"));
    assert!(!registered.set_cookie("scangate-b").is_empty());
    let me = gateway.me(registered.token()).await;
    assert_eq!(me.user(), registered.user());
    assert_eq!(me.json["data"]["user"].get("name"), None);
    let refreshed = gateway.refresh(registered.cookie()).await;
    assert_eq!(refreshed.user(), registered.user());

    let logout = gateway.post("/auth/logout", &json!({}));
    let out = call(logout.header("cookie", refreshed.cookie())).await;
    assert_eq!(out.status, 200);
    gateway.me(registered.token()).await.refused(40102);

    let back = gateway.sign_in("li.xiaolong@EXAMPLE.com", PASSWORD).await;
    assert_eq!((back.status, back.user()), (200, registered.user()));
    assert_ne!(
        back.json["data"]["session_id"],
        registered.json["data"]["session_id"]
    );
    assert_eq!(gateway.me(back.token()).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_once() {
    let gateway = spawn_with_accounts(&[]).await;
    let all = (0..8).map(|_| gateway.register("lixiaolong", PASSWORD));
    let all = join_all(all).await;
    assert_eq!(all.iter().filter(|one| one.status == 201).count(), 1);
    for refused in all.iter().filter(|one| one.status != 201) {
        refused.refused(40902);
    }
    gateway
        .register("LiXiaoLong", PASSWORD)
        .await
        .refused(40902);
    gateway.stop().await;
}

/// What a caller can compare, without what differs from call to call.
fn outside(answer: &Answer) -> (u16, Value, BTreeMap<String, String>) {
    let mut body = answer.json.clone();
    body.as_object_mut().unwrap().remove("request_id").unwrap();
    let headers = answer.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()));
    let told = headers.filter(|(name, _)| name != "x-request-id" && name != "date");
    (answer.status, body, told.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_which_names_exist() {
    let gateway = spawn_with_accounts(&[]).await;
    gateway.register("lixiaolong", PASSWORD).await;
    let long = "x".repeat(2_000);
    let wrong = gateway.sign_in("lixiaolong", "correct horse batterz").await;
    wrong.refused(40104);
    assert_eq!(wrong.header("www-authenticate"), "Bearer");
    for (name, password) in [
        ("lixiaolong", ""),
        ("lixiaolong", "correct horse\0battery"),
        ("lixiaolong", long.as_str()),
        ("nobody", PASSWORD),
        ("nobody", "🐉"),
        ("no\0body", PASSWORD),
        ("李小龙", PASSWORD),
        ("", ""),
        (long.as_str(), PASSWORD),
    ] {
        let before = gateway.hashes().await;
        let answer = gateway.sign_in(name, password).await;
        assert_eq!(outside(&answer), outside(&wrong), "{name:?} {password:?}");
        let hashes = gateway.hashes().await - before;
        assert!(
            (hashes - 1.0).abs() < f64::EPSILON,
            "the same work: {hashes}"
        );
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_counted_for_each_name_alike() {
    let gateway = spawn_with_accounts(&[("limits.login_tries_per_account_per_15min", "3")]).await;
    let owner = gateway.register("lixiaolong", PASSWORD).await;
    let browser = owner.cookie_named("scangate-b");
    let mut limited = Vec::new();
    for name in ["lixiaolong", "nobody"] {
        for _ in 0..3 {
            gateway.sign_in(name, "wrong").await.refused(40104);
        }
        let before = gateway.hashes().await;
        let refused = gateway.sign_in(name, PASSWORD).await;
        refused.refused(42900);
        let wait = refused.json["retry_after_ms"].as_u64().unwrap();
        assert!((200_000..=300_000).contains(&wait), "{wait}");
        assert!(gateway.hashes().await <= before, "no work for nothing");
        limited.push(refused.json["name"].clone());
    }
    assert_eq!(limited[0], limited[1]);

    for _ in 0..2 {
        let wrong = gateway.sign_in_by(browser, "lixiaolong", "wrong").await;
        wrong.refused(40104);
        let right = gateway.sign_in_by(browser, "lixiaolong", PASSWORD).await;
        assert_eq!(right.status, 200, "the owner is not locked out");
    }
    for _ in 0..3 {
        let wrong = gateway.sign_in_by(browser, "lixiaolong", "wrong").await;
        wrong.refused(40104);
    }
    let used_up = gateway.sign_in_by(browser, "lixiaolong", PASSWORD).await;
    used_up.refused(42900);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tries_at_once_are_no_more_than_tries_in_a_row() {
    let gateway = spawn_with_accounts(&[("limits.login_tries_per_account_per_15min", "3")]).await;
    gateway.register("lixiaolong", PASSWORD).await;
    let all = join_all((0..20).map(|_| gateway.sign_in("lixiaolong", "wrong"))).await;
    let tried = all.iter().filter(|one| one.code() == 40104).count();
    let limited = all.iter().filter(|one| one.code() == 42900).count();
    assert_eq!((tried, limited), (3, 17));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_gives_the_tries_back() {
    let gateway = spawn_with_accounts(&[("limits.login_tries_per_account_per_15min", "2")]).await;
    gateway.register("lixiaolong", PASSWORD).await;
    for _ in 0..3 {
        gateway.sign_in("lixiaolong", "wrong").await.refused(40104);
        let right = gateway.sign_in("lixiaolong", PASSWORD).await;
        assert_eq!(right.status, 200, "{right:?}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_of_one_address_are_counted() {
    let limit = [("limits.registrations_per_address_per_hour", "2")];
    let gateway = spawn_with_accounts(&limit).await;
    for _ in 0..3 {
        gateway.register("anna", "1234567890").await.refused(40006);
    }
    for name in ["anna", "berta"] {
        assert_eq!(gateway.register(name, PASSWORD).await.status, 201);
    }
    let refused = gateway.register("clara", PASSWORD).await;
    refused.refused(42900);
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(gateway.sign_in("anna", PASSWORD).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_passwords_is_turned_away_at_once() {
    let gateway = spawn_with_accounts(&[]).await;
    let names: Vec<_> = (0..250).map(|at| format!("name{at}")).collect();
    let flood = names.iter().map(|name| gateway.sign_in(name, PASSWORD));
    let answers = join_all(flood).await;
    let (busy, done): (Vec<_>, Vec<_>) = answers.iter().partition(|one| one.status == 503);
    assert!(!busy.is_empty(), "the queue is bounded");
    for answer in busy {
        answer.refused(50300);
        assert!(answer.json["retry_after_ms"].is_u64(), "{answer:?}");
    }
    assert!(done.len() >= 64, "{}", done.len());
    done.iter().for_each(|answer| answer.refused(40104));
    assert_eq!(gateway.register("lixiaolong", PASSWORD).await.status, 201);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_an_account_is_refused_in_a_sentence() {
    let gateway = spawn_with_accounts(&[]).await;
    let long = "a".repeat(65);
    for name in [
        "",
        "ab",
        &long,
        "a b c",
        "a\0bc",
        "李小龙",
        "o6_bmjrPTlm6_2sgVt7hMZOPfL2M",
    ] {
        gateway.register(name, PASSWORD).await.refused(40004);
    }
    let long = "🐉".repeat(129);
    for password in ["", "short", &long, "correct horse\0battery"] {
        let refused = gateway.register("lixiaolong", password).await;
        refused.refused(40005);
    }
    for password in ["1234567890", "password123", "LIXIAOLONG-vN3$kfw0"] {
        let refused = gateway.register("lixiaolong", password).await;
        refused.refused(40006);
        assert!(refused.json["message"].as_str().unwrap().contains("密码"));
    }
    let huge = json!({ "username": "lixiaolong", "password": "x".repeat(1_000_000) });
    call(gateway.post("/auth/register", &huge))
        .await
        .refused(41300);
    for body in [
        json!({}),
        json!([]),
        json!({ "username": 1, "password": 2 }),
    ] {
        call(gateway.post("/auth/login", &body))
            .await
            .refused(40000);
    }
    let body = json!({ "username": "lixiaolong", "password": PASSWORD });
    for path in ["/auth/register", "/auth/login"] {
        let foreign = gateway.post_from("https://evil.example", path, &body);
        call(foreign).await.refused(40300);
        let mut elsewhere = body.clone();
        elsewhere["app"] = json!("nowhere");
        call(gateway.post(path, &elsewhere)).await.refused(40300);
    }
    let dragons = "🐉龙争虎斗🐉精武门🐉唐山大兄";
    assert_eq!(gateway.register("lixiaolong", dragons).await.status, 201);
    assert_eq!(gateway.sign_in("lixiaolong", dragons).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_ends_the_other_sessions() {
    const OTHER: &str = "staple of purple batteries";
    let gateway = spawn_with_accounts(&[]).await;
    let here = gateway.register("lixiaolong", PASSWORD).await;
    let elsewhere = gateway.sign_in("lixiaolong", PASSWORD).await;
    let change = async |current, new| gateway.change_password(here.token(), current, new).await;
    change("wrong", OTHER).await.refused(40104);
    change(PASSWORD, "short").await.refused(40005);
    change(PASSWORD, "lixiaolong lixiaolong")
        .await
        .refused(40006);
    assert_eq!(gateway.me(elsewhere.token()).await.status, 200);

    let changed = change(PASSWORD, OTHER).await;
    assert_eq!((changed.status, changed.user()), (200, here.user()));
    assert_eq!(gateway.me(here.token()).await.status, 200);
    gateway.me(elsewhere.token()).await.refused(40102);
    gateway.refresh(elsewhere.cookie()).await.refused(40102);
    gateway.sign_in("lixiaolong", PASSWORD).await.refused(40104);
    assert_eq!(gateway.sign_in("lixiaolong", OTHER).await.status, 200);

    let scanned = gateway.login("zoe").await;
    let none = gateway.change_password(scanned.token(), PASSWORD, OTHER);
    none.await.refused(40900);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_name_and_no_password_is_ever_logged() {
    let settings = ["telemetry.log=trace", "accounts.enabled=true"];
    let process = Process::start(&settings).await;
    let gateway = &process.gateway;
    let registered = gateway.register("name-of-this-test", PASSWORD).await;
    assert_eq!(registered.status, 201, "{registered:?}");
    let wrong = "wrong-password-of-this-test";
    gateway
        .register("name-of-this-test", PASSWORD)
        .await
        .refused(40902);
    gateway
        .sign_in("name-of-this-test", wrong)
        .await
        .refused(40104);
    gateway
        .sign_in("Other-Name-Of-This-Test", wrong)
        .await
        .refused(40104);
    let new = "new password of this test";
    let changed = gateway.change_password(registered.token(), PASSWORD, new);
    assert_eq!(changed.await.status, 200);
    let log = process.log().await;
    assert!(log.len() > 50, "every line there is: {}", log.len());
    for line in log {
        let said = line.to_lowercase();
        for secret in ["name-of-this-test", PASSWORD, wrong, new, "$argon2id"] {
            assert!(!said.contains(secret), "{secret}: {line}");
        }
    }
}
