//! More than one server: a master that fails over, and a cluster.

use std::collections::HashMap;

use super::*;

/// Three sentinels of this master, as a URL names them.
fn sentinels(master: u16) -> ([server::Redis; 3], String) {
    let sentinels = [(); 3].map(|()| server::Redis::sentinel_of(master, 2));
    let hosts = sentinels
        .each_ref()
        .map(|one| format!("127.0.0.1:{}", one.port));
    let url = format!("redis+sentinel://{}/main", hosts.join(","));
    (sentinels, url)
}

#[tokio::test]
async fn scenes_go_on_where_the_master_went() {
    let master = server::Redis::start();
    let replica = server::Redis::replica_of(master.port);
    let (_sentinels, url) = sentinels(master.port);
    let redis = open_at(url.clone(), 10).await;
    let (link, tasks) = (redis.link.clone(), Tasks::new());
    tasks.spawn_loop("redis", async move { link.keep().await });
    let before = scene(&redis);
    redis.scenes.create(before.clone()).await.unwrap();
    let mut wait = redis::cmd("WAIT");
    wait.arg(1).arg(500);
    let copied = async {
        loop {
            if let Ok(1) = redis.link.ask::<u32>(&wait).await {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, copied).await.unwrap();
    // Two of them must know of the replica and of each other before they can promote it.
    let knows = sentinels_know(&url);
    tokio::time::timeout(PATIENCE, knows).await.unwrap();

    drop(master);
    let on = async {
        loop {
            if let Advanced::Done { scene, .. } = redis.try_advance(&before, &scan()).await {
                break scene;
            }
        }
    };
    let scanned = tokio::time::timeout(PATIENCE, on).await.unwrap();
    assert_eq!(scanned.seq, 2);
    let role: Vec<redis::Value> = redis.link.ask(&redis::cmd("ROLE")).await.unwrap();
    assert_eq!(role[0], redis::Value::BulkString(b"master".to_vec()));
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("port");
    let found: HashMap<String, u16> = redis.link.ask(&ask).await.unwrap();
    assert_eq!(found["port"], replica.port);
    assert!(
        matches!(redis.news().await, News::Gap),
        "messages may be lost on the way"
    );
    tasks.shut_down(PATIENCE).await;
}

/// Until a sentinel counts two others and a replica.
async fn sentinels_know(url: &str) {
    let first = url.split("://").nth(1).unwrap().split(',').next().unwrap();
    let client = redis::Client::open(format!("redis://{first}")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    loop {
        let mut ask = redis::cmd("SENTINEL");
        ask.arg("master").arg("main");
        let master: HashMap<String, String> = ask.query_async(&mut connection).await.unwrap();
        let count = |name: &str| master.get(name).and_then(|count| count.parse::<u32>().ok());
        if count("num-other-sentinels") == Some(2) && count("num-slaves") == Some(1) {
            return;
        }
    }
}

fn cluster_url(nodes: &[server::Redis; 3]) -> String {
    let hosts = nodes
        .each_ref()
        .map(|node| format!("127.0.0.1:{}", node.port));
    format!("redis+cluster://{}", hosts.join(","))
}

#[tokio::test]
async fn a_cluster_keeps_the_contract() {
    let nodes = server::Redis::cluster();
    let url = cluster_url(&nodes);
    let ready = async {
        // The nodes hear of each other's slots a little later.
        while Redis::open(&url.clone().into(), "a", 10, LIVES, &Clock::new())
            .await
            .is_err()
        {}
    };
    tokio::time::timeout(PATIENCE, ready).await.unwrap();
    conformance::scene_life(async |_, _| open_at(url.clone(), 10_000).await.scenes).await;
    let redis = open_at(url.clone(), 10).await;
    let later = async |span| outlive(&redis, span).await;
    cluster::conformance::once(&redis.once, later).await;

    let (one, other) = (
        open_at(url.clone(), 10_000).await,
        open_at(url.clone(), 10_000).await,
    );
    for _ in 0..8 {
        let scene = scene(&one);
        one.scenes.create(scene.clone()).await.unwrap();
        other.advance(&scene, &scan()).await;
        loop {
            match one.news().await {
                News::Moved(moved, Effect::Announce) if moved.id == scene.id => break,
                // Of the suites above; and a log of one server may be read before the message comes from another.
                News::Overdue(_) | News::Gap | News::Changed(..) | News::Moved(..) => {}
                news => panic!("{news:?}"),
            }
        }
    }
    one.bus.tell("a note").await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, other.bus.hear()).await;
    assert_eq!(heard.unwrap(), "a note");
}
