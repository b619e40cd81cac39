//! A grant becomes a session: once, for its own tab, within a minute.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::support::{Answer, call, close_code, spawn_gateway, spawn_gateway_with};

const VERIFIER_OF_SOMEBODY: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// That a call was refused so.
fn refused(answer: &Answer, code: u64) {
    assert_eq!(answer.code(), code, "{answer:?}");
    assert_eq!(u64::from(answer.status), code / 100, "{answer:?}");
    assert_eq!(answer.json.get("data"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_given_again_for_a_minute() {
    let gateway = spawn_gateway().await;
    let (mut browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], browser.verifier.clone());
    let first = gateway.redeem(grant, &verifier).await;
    assert_eq!(close_code(&browser.ended().await), 1000);
    gateway.later(Duration::from_secs(50));
    let again = gateway.redeem(grant, &verifier).await;
    assert_eq!(first.token(), again.token(), "to the byte");
    assert_eq!(first.cookie(), again.cookie());
    assert_eq!(first.json["data"], again.json["data"]);
    assert_eq!(gateway.me(first.token()).await.status, 200);

    gateway.later(Duration::from_secs(10));
    refused(&gateway.redeem(grant, &verifier).await, 40002);
    refused(&gateway.redeem(grant, VERIFIER_OF_SOMEBODY).await, 40002);
    assert_eq!(
        gateway.me(first.token()).await.status,
        200,
        "too late to burn it"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_first_refresh_the_grant_is_over() {
    let gateway = spawn_gateway().await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let first = gateway
        .redeem(&authorized["grant"], &browser.verifier)
        .await;
    let next = gateway.refresh(first.cookie()).await;
    refused(
        &gateway
            .redeem(&authorized["grant"], &browser.verifier)
            .await,
        40002,
    );
    assert_eq!(
        gateway.me(next.token()).await.status,
        200,
        "and harms nobody"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_verifier_burns_the_grant() {
    let gateway = spawn_gateway().await;
    for wrong in [VERIFIER_OF_SOMEBODY, "short", ""] {
        let (mut browser, authorized) = gateway.authorized("lixiaolong").await;
        let grant = &authorized["grant"];
        refused(&gateway.redeem(grant, wrong).await, 40002);
        let failed = browser.event("failed").await;
        assert_eq!(
            (&failed["seq"], &failed["error"]["code"]),
            (&json!(4), &json!(40002))
        );
        refused(&gateway.redeem(grant, &browser.verifier).await, 40002);
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_verifier_ends_the_session_it_opened() {
    let gateway = spawn_gateway().await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let opened = gateway
        .redeem(&authorized["grant"], &browser.verifier)
        .await;
    let elsewhere = gateway.login("lixiaolong").await;
    gateway.later(Duration::from_secs(30));
    refused(
        &gateway
            .redeem(&authorized["grant"], VERIFIER_OF_SOMEBODY)
            .await,
        40002,
    );
    let me = gateway.me(opened.token()).await;
    refused(&me, 40102);
    assert_eq!(
        me.header("www-authenticate"),
        "Bearer error=\"invalid_token\""
    );
    refused(&gateway.refresh(opened.cookie()).await, 40102);
    refused(
        &gateway
            .redeem(&authorized["grant"], &browser.verifier)
            .await,
        40002,
    );
    assert_eq!(
        gateway.me(elsewhere.token()).await.status,
        200,
        "other sessions live on"
    );
    gateway.stop().await;
}

/// The store is away just when the session has to end: shown once more, the wrong verifier ends it after all.
#[tokio::test(flavor = "multi_thread")]
async fn a_burn_that_the_store_missed_is_made_up_for() {
    let data = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/users.db", data.path().display());
    let gateway = spawn_gateway_with(&[("store.url", &url)]).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let grant = &authorized["grant"];
    let opened = gateway.redeem(grant, &browser.verifier).await;

    let mut somebody = SqliteConnection::connect(&url).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut somebody)
        .await
        .unwrap();
    refused(&gateway.redeem(grant, VERIFIER_OF_SOMEBODY).await, 50300);
    assert_eq!(
        gateway.me(opened.token()).await.status,
        200,
        "not ended yet"
    );
    sqlx::query("ROLLBACK")
        .execute(&mut somebody)
        .await
        .unwrap();

    refused(&gateway.redeem(grant, VERIFIER_OF_SOMEBODY).await, 40002);
    refused(&gateway.me(opened.token()).await, 40102);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_grant_opens_nothing() {
    let gateway = spawn_gateway().await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let grant = authorized["grant"].as_str().unwrap();
    let mut wrong = vec!["", "x", "undefined"]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
    wrong.extend((0..grant.len()).step_by(7).map(|at| {
        let other = if &grant[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &grant[..at], &grant[at + 1..])
    }));
    wrong.push(format!("{grant}="));
    wrong.push(format!("{grant}A"));
    wrong.push("A".repeat(60_000));
    for grant in wrong {
        refused(
            &gateway.redeem(&json!(grant), &browser.verifier).await,
            40002,
        );
    }
    for body in [
        json!({}),
        json!({ "grant": grant }),
        json!({ "grant": 1, "verifier": 2 }),
        json!([]),
    ] {
        refused(&call(gateway.post("/auth/token", &body)).await, 40000);
    }
    let endless = json!({ "grant": grant, "verifier": "v".repeat(70_000) });
    refused(&call(gateway.post("/auth/token", &endless)).await, 41300);
    let answer = gateway
        .redeem(&authorized["grant"], &browser.verifier)
        .await;
    assert_eq!(answer.status, 200, "none of them burnt it: {answer:?}");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_for_one_grant_has_one_session() {
    let gateway = spawn_gateway().await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let all = (0..16).map(|_| gateway.redeem(&authorized["grant"], &browser.verifier));
    let answers = join_all(all).await;
    let tokens: HashSet<_> = answers.iter().map(Answer::token).collect();
    let cookies: HashSet<_> = answers.iter().map(Answer::cookie).collect();
    assert_eq!((tokens.len(), cookies.len()), (1, 1));
    assert_eq!(gateway.me(answers[0].token()).await.status, 200);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_race_with_a_thief_leaves_no_session() {
    let gateway = spawn_gateway().await;
    for round in 0..8 {
        let (browser, authorized) = gateway.authorized("lixiaolong").await;
        let all = (0..16).map(|at| {
            let verifier = if at == round || at == 15 - round {
                VERIFIER_OF_SOMEBODY
            } else {
                &browser.verifier
            };
            gateway.redeem(&authorized["grant"], verifier)
        });
        for answer in join_all(all).await {
            if answer.status == 200 {
                refused(&gateway.me(answer.token()).await, 40102);
                refused(&gateway.refresh(answer.cookie()).await, 40102);
            } else {
                refused(&answer, 40002);
            }
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_runs_out_after_a_minute() {
    let gateway = spawn_gateway().await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;
    gateway
        .phone("zoe")
        .confirm(pending["qr"]["text"].as_str().unwrap())
        .await;
    browser.event("scanned").await;
    let authorized = browser.event("authorized").await;
    let life = authorized["expires_at"].as_u64().unwrap() - authorized["at"].as_u64().unwrap();
    assert_eq!(life, 60_000);
    gateway.later(Duration::from_secs(60));
    refused(
        &gateway
            .redeem(&authorized["grant"], &browser.verifier)
            .await,
        40002,
    );
    let expired = gateway.after(&pending, 3).await;
    assert_eq!(
        (&expired["type"], &expired["seq"]),
        (&json!("expired"), &json!(4))
    );
    gateway.stop().await;
}
