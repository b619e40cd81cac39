//! Where somebody is signed in: the list, and signing out there.

use std::time::Duration;

use futures_util::future::join;
use serde_json::{Value, json};

use crate::{
    refresh::{SHOP, refused, shop_login, with_shop},
    support::{Answer, Gateway, call, spawn_gateway, spawn_gateway_with},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn list(gateway: &Gateway, token: &str) -> Vec<Value> {
    let answer = call(gateway.get("/api/v1/sessions").bearer_auth(token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["data"].as_array().unwrap().clone()
}

fn id(login: &Answer) -> &str {
    login.json["data"]["session_id"].as_str().unwrap()
}

async fn delete(gateway: &Gateway, token: &str, id: &str) -> Answer {
    let url = gateway.api(&format!("/sessions/{id}"));
    let delete = gateway.method("DELETE", &url).json(&json!({}));
    call(delete.header("origin", gateway.origin()).bearer_auth(token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_their_own_sessions_in_all_apps() {
    let gateway = with_shop().await;
    gateway.login("wangfang").await;
    let ours = gateway.login("zoe").await;
    let opened = gateway.clock.wall();
    gateway.later(Duration::from_secs(60));
    let shop = shop_login(&gateway).await;
    let seen = list(&gateway, ours.token()).await;
    let ids: Vec<_> = seen.iter().map(|session| &session["id"]).collect();
    assert_eq!(ids, [id(&shop), id(&ours)], "those seen last first");
    let apps: Vec<_> = seen.iter().map(|session| &session["app"]).collect();
    assert_eq!(apps, ["shop", "default"]);
    let current: Vec<_> = seen.iter().map(|session| &session["current"]).collect();
    assert_eq!(current, [false, true]);
    let first = &seen[1];
    assert_eq!(first["ip"], "127.0.0.1");
    assert_eq!(first.get("place"), None, "this machine is on no map");
    assert_eq!(first["created_at"], first["last_seen_at"]);
    assert!(first["created_at"].as_u64().unwrap().abs_diff(opened) < 20_000);

    gateway.refresh(ours.cookie()).await;
    let seen = list(&gateway, ours.token()).await;
    assert_eq!(seen[0]["id"], id(&ours), "a refresh is a sign of life");
    let (opened, seen_at) = (&seen[0]["created_at"], &seen[0]["last_seen_at"]);
    assert!(seen_at.as_u64() >= opened.as_u64().map(|at| at + 60_000));
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_names_the_place_of_the_last_refresh() {
    let map = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/geo/places.mmdb");
    let settings = [
        ("server.trusted_proxies", "127.0.0.1/32"),
        ("geo.database", map),
    ];
    let gateway = spawn_gateway_with(&settings).await;
    let ours = gateway.login("zoe").await;
    let refresh = gateway.post("/auth/refresh", &json!({}));
    let refresh = refresh.header("x-forwarded-for", "198.51.100.7");
    let next = call(refresh.header("cookie", ours.cookie())).await;
    let ask = gateway.get("/api/v1/sessions").bearer_auth(next.token());
    let answer = call(ask.header("accept-language", "en")).await;
    let seen = &answer.json["data"][0];
    assert_eq!(
        (&seen["ip"], &seen["place"]),
        (&json!("198.51.100.7"), &json!("Beijing · China"))
    );
    let seen = list(&gateway, next.token()).await;
    assert_eq!(seen[0]["place"], "北京 · 中国");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_run_out_is_not_listed() {
    let gateway = spawn_gateway().await;
    let lost = gateway.login("zoe").await;
    gateway.later(4 * DAY);
    let ours = gateway.login("zoe").await;
    assert_eq!(list(&gateway, ours.token()).await.len(), 2);
    gateway.later(3 * DAY);
    let next = gateway.refresh(ours.cookie()).await;
    let seen = list(&gateway, next.token()).await;
    assert_eq!((seen.len(), &seen[0]["id"]), (1, &json!(id(&ours))));
    refused(&delete(&gateway, next.token(), id(&lost)).await, 40400);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_signed_out_elsewhere_is_over_at_once() {
    let gateway = spawn_gateway().await;
    let (ours, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let answer = delete(&gateway, ours.token(), id(&other)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.set_cookie("scangate").is_empty(), "ours lives on");
    refused(&gateway.me(other.token()).await, 40102);
    refused(&gateway.refresh(other.cookie()).await, 40102);
    let seen = list(&gateway, ours.token()).await;
    assert_eq!((seen.len(), &seen[0]["id"]), (1, &json!(id(&ours))));

    let answer = delete(&gateway, ours.token(), id(&ours)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.set_cookie("scangate").contains("Max-Age=0"));
    refused(&gateway.me(ours.token()).await, 40102);
    refused(&delete(&gateway, ours.token(), id(&ours)).await, 40102);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_persons_session_is_as_unknown_as_none() {
    let gateway = spawn_gateway().await;
    let (ours, ended) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let theirs = gateway.login("wangfang").await;
    delete(&gateway, ours.token(), id(&ended)).await;
    let nobody = "019b1e9a-3c00-7a2b-8c4d-5e6f70819203";
    let mut answers = Vec::new();
    for id in [id(&theirs), id(&ended), nobody, "x", "%00", "'"] {
        let mut answer = delete(&gateway, ours.token(), id).await;
        refused(&answer, 40400);
        answer.json["request_id"] = Value::Null;
        answers.push(answer.json);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(gateway.me(theirs.token()).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_is_for_bearers_and_for_the_apps_own_pages() {
    let gateway = with_shop().await;
    let (ours, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
    let asks = gateway.get("/api/v1/sessions");
    refused(&call(asks.header("cookie", ours.cookie())).await, 40100);
    let url = gateway.api(&format!("/sessions/{}", id(&other)));
    let delete = || gateway.method("DELETE", &url);
    let own = gateway.origin();
    let by_cookie = delete().header("origin", &own).json(&json!({}));
    refused(
        &call(by_cookie.header("cookie", ours.cookie())).await,
        40100,
    );
    for origin in [SHOP, "https://evil.example", "null"] {
        let foreign = delete().header("origin", origin).json(&json!({}));
        refused(&call(foreign.bearer_auth(ours.token())).await, 40300);
    }
    let untyped = delete().header("origin", &own).bearer_auth(ours.token());
    refused(&call(untyped).await, 40000);
    assert_eq!(gateway.me(other.token()).await.status, 200);
    gateway.stop().await;
}

/// A refresh that is under way while its user signs out everywhere gives nothing that lives.
#[tokio::test(flavor = "multi_thread")]
async fn no_token_outlives_a_race_of_refresh_and_logout_everywhere() {
    let gateway = spawn_gateway().await;
    for _ in 0..16 {
        let (ours, other) = (gateway.login("zoe").await, gateway.login("zoe").await);
        let everywhere = gateway.post("/auth/logout", &json!({ "everywhere": true }));
        let everywhere = call(everywhere.header("cookie", other.cookie()));
        let (next, answer) = join(gateway.refresh(ours.cookie()), everywhere).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        if next.status == 200 {
            refused(&gateway.me(next.token()).await, 40102);
            refused(&gateway.refresh(next.cookie()).await, 40102);
        } else {
            refused(&next, 40102);
        }
        refused(&gateway.me(ours.token()).await, 40102);
    }
    gateway.stop().await;
}
