//! Login events in a stream of the Redis that gateways share, and on standard output.

use std::time::Duration;

use redis::Client;
use serde_json::{Value, json};

use crate::support::{Gateway, Process, Redis, call, spawn_gateway_with, within};

/// What the stream holds: the fields of each entry.
async fn entries(server: &Redis) -> Vec<Vec<String>> {
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut all = redis::cmd("XRANGE");
    all.arg("logins").arg("-").arg("+");
    let found: Vec<(String, Vec<String>)> = all.query_async(&mut connection).await.unwrap();
    found.into_iter().map(|(_, fields)| fields).collect()
}

async fn until_there_are(count: usize, server: &Redis) -> Vec<Vec<String>> {
    let there = async {
        loop {
            let found = entries(server).await;
            if found.len() >= count {
                return found;
            }
        }
    };
    within("the entries", there).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_gets_what_happened_while_its_redis_was_away() {
    let server = Redis::start();
    let url = server.url();
    let settings = [
        ("cluster.url", url.as_str()),
        ("events.redis_stream", "logins"),
    ];
    let gateway = spawn_gateway_with(&settings).await;
    let login = gateway.login("lixiaolong").await;
    let told = until_there_are(2, &server).await;
    let event: Value = serde_json::from_str(&told[1][5]).unwrap();
    let (id, kind) = (event["id"].as_str().unwrap(), "scangate.session.opened");
    assert_eq!(told[1], ["id", id, "type", kind, "event", &told[1][5]]);
    assert_eq!(event["subject"], login.json["data"]["session_id"]);

    server.pause();
    let out = gateway.post("/auth/logout", &json!({}));
    let answer = call(out.header("cookie", login.cookie())).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    failed(&gateway).await;
    server.resume();
    // A second passes by itself as long as the test waits; the back-off is longer.
    gateway.later(Duration::from_secs(40));
    let told = until_there_are(3, &server).await;
    assert!(
        told.iter()
            .any(|fields| fields[3] == "scangate.session.ended")
    );
    gateway.stop().await;
}

async fn failed(gateway: &Gateway) {
    let line = r#"scangate_events_total{sink="redis_stream",outcome="failed"}"#;
    let tried = async { while gateway.metric(line).await < 1.0 {} };
    within("a try that fails", tried).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_has_them_behind_the_welcome() {
    let mut process = Process::start(&["events.jsonl=-"]).await;
    process.gateway().login("lixiaolong").await;
    for kind in ["user.created", "session.opened"] {
        let event: Value = serde_json::from_str(&process.line().await).unwrap();
        assert_eq!(event["type"], format!("scangate.{kind}"));
    }
    assert!(process.terminate().await.success());
}
