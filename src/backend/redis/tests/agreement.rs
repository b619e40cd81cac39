//! What all nodes must have alike.

use super::*;
use crate::cluster::{Agreement, Fingerprint};

fn fingerprint(derivation: &str, kids: &[&str]) -> Fingerprint {
    Fingerprint {
        derivation: derivation.to_owned(),
        algorithm: "EdDSA".to_owned(),
        issuer: "https://login.example.com".to_owned(),
        kids: kids.iter().map(|kid| (*kid).to_owned()).collect(),
    }
}

async fn node(server: &server::Redis) -> RedisAgreement {
    open(server, 100).await.agreement
}

#[tokio::test]
async fn the_first_living_node_settles_it_and_keys_may_follow_one_another() {
    let server = server::Redis::start();
    let (one, other) = (node(&server).await, node(&server).await);
    let ours = fingerprint("d", &["a"]);
    assert_eq!(one.agree(&ours, true).await.unwrap().unwrap(), ours);
    let theirs = fingerprint("e", &["a"]);
    assert_eq!(
        other.agree(&theirs, true).await.unwrap().unwrap(),
        ours,
        "it is told"
    );
    assert_eq!(
        one.agree(&ours, true).await.unwrap().unwrap(),
        ours,
        "and changed nothing"
    );

    // A rotation reaches one before the other.
    let rotated = fingerprint("d", &["a", "b"]);
    assert_eq!(other.agree(&rotated, true).await.unwrap().unwrap(), rotated);
    assert_eq!(one.agree(&ours, true).await.unwrap().unwrap(), ours);
    assert_eq!(one.agree(&rotated, true).await.unwrap().unwrap(), rotated);
    let retired = fingerprint("d", &["b", "c"]);
    assert_eq!(other.agree(&retired, true).await.unwrap().unwrap(), retired);
    assert_eq!(
        one.agree(&ours, true).await.unwrap().unwrap(),
        retired,
        "none in common"
    );
}

#[tokio::test]
async fn those_who_come_at_once_settle_one() {
    let server = server::Redis::start();
    let node = node(&server).await;
    let all: Vec<_> = ["d", "e", "f", "g"]
        .map(|name| fingerprint(name, &["a"]))
        .into();
    let told = futures_util::future::join_all(all.iter().map(|mine| node.agree(mine, true))).await;
    let told: Vec<_> = told.into_iter().map(Result::unwrap).collect();
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[tokio::test]
async fn after_the_last_node_others_may_begin() {
    let server = server::Redis::start();
    let Redis {
        agreement: mut one,
        link,
        ..
    } = open(&server, 100).await;
    one.life = Duration::from_millis(300);
    one.agree(&fingerprint("d", &["a"]), true)
        .await
        .unwrap()
        .unwrap();
    let mut ttl = redis::cmd("PTTL");
    ttl.arg(keys::single("agreement", "keys"));
    let left: i64 = link.ask(&ttl).await.unwrap();
    assert!((1..=300).contains(&left), "{left}");
    let other = node(&server).await;
    let theirs = fingerprint("e", &["b"]);
    let begun = async { while other.agree(&theirs, true).await.unwrap().unwrap() != theirs {} };
    let begun = tokio::time::timeout(PATIENCE, begun).await;
    assert!(begun.is_ok(), "it is still settled");
}
