//! PostgreSQL goes away and comes back: before the gateway is there, and under it.

use serde_json::{Value, json};

use crate::{
    lifecycle::{admin, text},
    support::{
        Answer, Database, Gateway, Process, Server, call, refused_process, spawn_gateway_with,
        within,
    },
};

/// Told to come back, not that anything is wrong with them.
fn is_put_off(answer: &Answer) {
    assert_eq!((answer.status, answer.code()), (503, 50300), "{answer:?}");
    assert!(answer.json["retry_after_ms"].is_u64(), "{answer:?}");
}

async fn gateway_on(server: &mut Server) -> Gateway {
    let database = server.create();
    let url = server.url("postgres", &database);
    spawn_gateway_with(&[("store.url", &url), ("store.acquire_timeout_s", "1")]).await
}

/// Everything that asks the database is put off while it is away, and works once it is back.
async fn survives(gateway: &Gateway, server: &mut Server, away: &str, back: &str) {
    let session = gateway.login("lixiaolong").await;
    let mut browser = gateway.browser().await;
    let pending = browser.start().await;

    server.tell(away);
    is_put_off(&within("an answer", gateway.refresh(session.cookie())).await);
    is_put_off(&within("an answer", gateway.me(session.token())).await);
    let page = within("a page", gateway.phone("lixiaolong").scan(text(&pending))).await;
    page.says(502, "暂时无法登录");
    let (status, body) = admin(gateway, "/readyz").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["stores"]["users"]), (200, &json!(false)));
    assert_eq!(browser.told_meanwhile().await, [] as [Value; 0]);

    server.tell(back);
    let recovered = async { while gateway.refresh(session.cookie()).await.status != 200 {} };
    within("the gateway to recover", recovered).await;
    gateway.phone("lixiaolong").confirm(text(&pending)).await;
    browser.event("scanned").await;
    let grant = browser.event("authorized").await["grant"].clone();
    assert_eq!(browser.redeem(&grant).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_costs_nobody_their_login() {
    let mut server = Server::start();
    let gateway = gateway_on(&mut server).await;
    survives(&gateway, &mut server, "stop", "start").await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stands_still_holds_nobody() {
    let mut server = Server::start();
    let gateway = gateway_on(&mut server).await;
    survives(&gateway, &mut server, "pause", "resume").await;
    server.tell("pause");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_its_database() {
    let mut server = Server::start();
    let database = server.create();
    let setting = format!("store.url={}", server.url("postgres:s3cr3t", &database));
    let settings = [setting.as_str(), "telemetry.log=warn"];
    server.tell("stop");

    let (process, mut log) = Process::begin(&settings);
    for _ in 0..2 {
        let line = within("the log", log.next_line()).await.unwrap().unwrap();
        assert!(line.contains("waits") && line.contains(&database), "{line}");
        assert!(!line.contains("s3cr3t"), "{line}");
    }
    assert_eq!(
        process.terminate().await.code(),
        Some(0),
        "it waits for no end"
    );

    let (mut process, mut log) = Process::begin(&settings);
    within("the log", log.next_line()).await.unwrap().unwrap();
    server.tell("start");
    process.served().await;
    let jwks = process.url("login page").join("/.well-known/jwks.json");
    let answer = call(reqwest::Client::new().get(jwks.unwrap())).await;
    assert_eq!(answer.status, 200);
    assert_eq!(process.terminate().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_for_ever_nor_for_what_stays_wrong() {
    let nowhere = "store.url=postgres://clerk:s3cr3t@localhost/x?host=/nonexistent";
    let unknown = Database::create().url_of("stranger");
    let unknown = format!("store.url={unknown}");
    for (setting, says) in [(nowhere, "was away for 1s"), (&unknown, "stranger")] {
        let output = refused_process(&[setting, "store.wait_s=1", "telemetry.log=error"]).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("store.url") && said.contains(says), "{said}");
        assert!(!said.contains("s3cr3t"), "{said}");
    }
}
