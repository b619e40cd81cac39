//! The same stories with PostgreSQL, and what only it can do: several gateways on one database.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{Answer, Database, Doctor, Gateway, call, spawn_gateway_with};

/// Two gateways of one company: one database, one set of keys.
async fn two_gateways() -> (Gateway, Gateway, TempDir) {
    let (url, keys) = (Database::create().url(), tempfile::tempdir().unwrap());
    let settings = [
        ("store.url", url.as_str()),
        ("token.key_dir", keys.path().to_str().unwrap()),
        ("token.issuer", "https://login.example.com"),
    ];
    let one = spawn_gateway_with(&settings).await;
    let other = spawn_gateway_with(&settings).await;
    (one, other, keys)
}

fn user(answer: &Answer) -> &str {
    answer.json["data"]["user"]["id"].as_str().unwrap()
}

async fn log_out(gateway: &Gateway, session: &Answer) {
    let call_out = gateway.post("/auth/logout", &json!({}));
    let answer = call(call_out.header("cookie", session.cookie())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_refreshes_and_logs_out() {
    let database = Database::create();
    let url = database.url();
    let settings = [("store.url", url.as_str())];
    let gateway = spawn_gateway_with(&settings).await;
    let first = gateway.login("lixiaolong").await;
    assert_eq!(gateway.me(first.token()).await.status, 200);
    let next = gateway.refresh(first.cookie()).await;
    assert_eq!(next.status, 200, "{next:?}");
    log_out(&gateway, &next).await;
    assert_eq!(gateway.me(next.token()).await.code(), 40102);
    gateway.stop().await;

    let gateway = spawn_gateway_with(&settings).await;
    let again = gateway.login("lixiaolong").await;
    assert_eq!(user(&again), user(&first), "the database remembers them");
    assert_eq!(database.sql("SELECT count(*) FROM users"), "1");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_share_users_and_sessions() {
    let (one, other, _keys) = two_gateways().await;
    let first = one.login("lixiaolong").await;
    assert_eq!(other.me(first.token()).await.status, 200);
    let next = other.refresh(first.cookie()).await;
    assert_eq!(next.status, 200, "{next:?}");
    assert_eq!(one.refresh(next.cookie()).await.status, 200);
    let elsewhere = other.login("lixiaolong").await;
    assert_eq!(user(&elsewhere), user(&first));

    log_out(&other, &elsewhere).await;
    let refused = one.refresh(elsewhere.cookie()).await;
    assert_eq!(refused.status, 401, "{refused:?}");
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_at_once_on_two_gateways_give_one_successor() {
    let (one, other, _keys) = two_gateways().await;
    let first = one.login("lixiaolong").await;
    let refreshes = (0..16).map(|turn| [&one, &other][turn % 2].refresh(first.cookie()));
    let answers = join_all(refreshes).await;
    let cookies: HashSet<_> = answers.iter().map(Answer::cookie).collect();
    assert_eq!(cookies.len(), 1);
    let latest = cookies.into_iter().next().unwrap();
    assert_eq!(other.refresh(latest).await.status, 200);
    one.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_two_gateways_at_once_is_one_person() {
    let (one, other, _keys) = two_gateways().await;
    let (here, there) = tokio::join!(one.login("zoe"), other.login("zoe"));
    assert_eq!(user(&here), user(&there));
    one.stop().await;
    other.stop().await;
}

/// WeChat cleans no names; a text of PostgreSQL cannot hold a NUL.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_their_names_are_people_can_log_in() {
    let url = Database::create().url();
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let users = format!("http://{}/sandbox/api/users", gateway.sandbox);
    let odd = json!({ "id": "nul", "name": "a\u{0}b\u{1}'\\;--" });
    let added = call(gateway.method("POST", &users).json(&odd)).await;
    assert_eq!(added.status, 201, "{added:?}");
    let named = gateway.login("nul").await;
    assert_eq!(named.json["data"]["user"]["name"], "ab'\\;--");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_says_what_it_found() {
    let (database, data) = (Database::create(), tempfile::tempdir().unwrap());
    let clerk = format!("clerk_{}", database.sql("SELECT current_database()"));
    database.sql(&format!("CREATE ROLE {clerk} LOGIN"));
    let doctor = |role: &str| Doctor::new(&data).set("store.url", database.url_of(role));
    let found = doctor("postgres").findings().await;
    found.say("database", "right", "tables of version 0");
    found.omit("database_tls");
    let found = doctor(&clerk).findings().await;
    found.say("database", "wrong", "grant it CREATE");
    let found = doctor("nobody:s3cr3t").findings().await;
    found.say("database", "wrong", "role \"nobody\" does not exist");
    assert!(!found.json.to_string().contains("s3cr3t"));

    let url = database.url();
    spawn_gateway_with(&[("store.url", &url)])
        .await
        .stop()
        .await;
    let found = doctor(&clerk).findings().await;
    found.say("database", "wrong", "permission denied");
    database.sql(&format!("GRANT SELECT ON schema_version TO {clerk}"));
    doctor(&clerk)
        .findings()
        .await
        .say("database", "right", "tables of version");
    database.sql("INSERT INTO schema_version VALUES (99)");
    let found = doctor("postgres").findings().await;
    found.say("database", "wrong", "version 99");
}
