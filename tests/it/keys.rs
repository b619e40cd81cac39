//! Signing keys follow one another while people are signed in.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use jsonwebtoken::decode_header;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    Answer, Gateway, call, keys_command, respawn_gateway_with, spawn_gateway_with, within,
};

const JWKS: &str = "/.well-known/jwks.json";
const HOUR: Duration = Duration::from_secs(3_600);
/// More than the gateway waits before it looks at its keys again.
const A_LOOK: Duration = Duration::from_secs(6);
/// A little more than an access token needs to die.
const A_TOKEN: Duration = Duration::from_secs(616);

fn kid(answer: &Answer) -> String {
    decode_header(answer.token()).unwrap().kid.unwrap()
}

async fn published(gateway: &Gateway) -> BTreeSet<String> {
    let set = call(gateway.get(JWKS)).await.json;
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

/// Waits until that many keys are published, and gives them.
async fn until_published(gateway: &Gateway, count: usize) -> BTreeSet<String> {
    let reached = async {
        loop {
            let kids = published(gateway).await;
            if kids.len() == count {
                return kids;
            }
        }
    };
    within(&format!("{count} keys"), reached).await
}

/// A gateway whose keys lie where the test can reach them.
async fn gateway_on(keys: &TempDir, settings: &[(&str, &str)]) -> Gateway {
    let key_dir = ("token.key_dir", keys.path().to_str().unwrap());
    spawn_gateway_with(&[&[key_dir], settings].concat()).await
}

async fn rotate(keys: &TempDir, words: &[&str]) {
    let output = keys_command(keys, &[&["rotate"], words].concat()).await;
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_change_on_schedule_and_nobody_notices() {
    let keys = tempfile::tempdir().unwrap();
    let gateway = gateway_on(&keys, &[("token.rotate_every_s", "7200")]).await;
    let first = gateway.login("lixiaolong").await;
    assert_eq!(published(&gateway).await, [kid(&first)].into());

    gateway.later(HOUR + A_LOOK);
    let both = until_published(&gateway, 2).await;
    let second = gateway.refresh(first.cookie()).await;
    assert_eq!(kid(&second), kid(&first), "published, and not signing yet");

    gateway.later(HOUR);
    assert_eq!(gateway.me(second.token()).await.code(), 40101, "of its age");
    let third = gateway.refresh(second.cookie()).await;
    assert_eq!(both, [kid(&first), kid(&third)].into());
    assert_eq!(gateway.me(third.token()).await.status, 200);
    assert_eq!(published(&gateway).await, both, "the retired one stays");

    gateway.later(A_TOKEN);
    assert_eq!(until_published(&gateway, 1).await, [kid(&third)].into());
    let files = || fs::read_dir(keys.path()).unwrap();
    let pems = || files().filter(|file| is_pem(&file.as_ref().unwrap().path()));
    within("the file to go", async { while pems().count() > 1 {} }).await;
    assert_eq!(gateway.refresh(third.cookie()).await.status, 200);
    gateway.stop().await;
}

fn is_pem(path: &std::path::Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pem")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_shown_again_is_answered_with_the_key_before() {
    let keys = tempfile::tempdir().unwrap();
    let gateway = gateway_on(&keys, &[]).await;
    let (browser, authorized) = gateway.authorized("lixiaolong").await;
    let (grant, verifier) = (&authorized["grant"], &browser.verifier);
    let first = gateway.redeem(grant, verifier).await;
    rotate(&keys, &["--now"]).await;
    gateway.later(A_LOOK);
    let both = until_published(&gateway, 2).await;
    let again = gateway.redeem(grant, verifier).await;
    assert_eq!(first.token(), again.token(), "to the byte");
    assert_eq!(gateway.me(again.token()).await.status, 200);
    let next = gateway.refresh(again.cookie()).await;
    assert_eq!(both, [kid(&first), kid(&next)].into());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_takes_its_tokens_along_and_sessions_go_on() {
    let keys = tempfile::tempdir().unwrap();
    let gateway = gateway_on(&keys, &[]).await;
    // Another gateway on the same keys, with a store of its own.
    let other = gateway_on(&keys, &[]).await;
    let first = gateway.login("lixiaolong").await;
    rotate(&keys, &["--revoke"]).await;
    for gateway in [&gateway, &other] {
        gateway.later(A_LOOK);
        let gone = async { while published(gateway).await.contains(&kid(&first)) {} };
        within("the key to go", gone).await;
    }
    assert_eq!(gateway.me(first.token()).await.code(), 40100);
    let next = gateway.refresh(first.cookie()).await;
    assert_eq!(gateway.me(next.token()).await.status, 200);
    assert_eq!(published(&gateway).await, [kid(&next)].into());
    assert_eq!(published(&other).await, [kid(&next)].into());
    gateway.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_do_not_stop_a_running_gateway() {
    let keys = tempfile::tempdir().unwrap();
    let gateway = gateway_on(&keys, &[("telemetry.log", "off")]).await;
    let answer = gateway.login("lixiaolong").await;
    let list = keys.path().join("keys.json");
    let good = fs::read_to_string(&list).unwrap();
    let broken = good[..good.len() / 2].to_owned();
    for text in [broken.as_str(), ""] {
        fs::write(&list, text).unwrap();
        gateway.later(A_LOOK);
        assert_eq!(gateway.me(answer.token()).await.status, 200);
        assert_eq!(published(&gateway).await, [kid(&answer)].into());
    }
    fs::write(&list, good).unwrap();
    rotate(&keys, &[]).await;
    gateway.later(A_LOOK);
    until_published(&gateway, 2).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_algorithm_counts_from_the_next_start() {
    // Another port would be another issuer.
    let issuer = ("token.issuer", "https://login.example.com");
    let gateway = spawn_gateway_with(&[issuer, ("token.algorithm", "ES256")]).await;
    let first = gateway.login("lixiaolong").await;
    let key = call(gateway.get(JWKS)).await.json["keys"][0].clone();
    let kind = ["alg", "kty", "crv"].map(|name| key[name].as_str().unwrap().to_owned());
    assert_eq!(kind, ["ES256", "EC", "P-256"]);
    assert_eq!(gateway.me(first.token()).await.status, 200);
    let data = gateway.stop().await;

    let gateway = respawn_gateway_with(data, &[issuer]).await;
    assert_eq!(gateway.me(first.token()).await.code(), 40100);
    let set = call(gateway.get(JWKS)).await.json;
    assert_eq!(
        algorithms(&set),
        ["ES256", "EdDSA"],
        "known, and not accepted"
    );
    let next = gateway.refresh(first.cookie()).await;
    assert_eq!(gateway.me(next.token()).await.status, 200);
    gateway.stop().await;
}

fn algorithms(set: &Value) -> Vec<&str> {
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["alg"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_set_is_kept_and_asked_for_again() {
    let keys = tempfile::tempdir().unwrap();
    let gateway = gateway_on(&keys, &[]).await;
    let first = call(gateway.get(JWKS)).await;
    assert_eq!(first.header("cache-control"), "public, max-age=300");
    assert_eq!(first.header("access-control-allow-origin"), "*");
    assert_eq!(first.header("content-type"), "application/jwk-set+json");
    let tag = first.header("etag").to_owned();
    let asked = || call(gateway.get(JWKS).header("if-none-match", &tag));
    let again = asked().await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    assert_eq!(again.header("etag"), tag);
    assert_eq!(again.header("cache-control"), "public, max-age=300");
    rotate(&keys, &[]).await;
    gateway.later(A_LOOK);
    until_published(&gateway, 2).await;
    let changed = asked().await;
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), tag);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_touches_the_disk() {
    let keys = tempfile::tempdir().unwrap();
    let gateway = gateway_on(&keys, &[("telemetry.log", "off")]).await;
    let hidden = PathBuf::from(format!("{}.hidden", keys.path().display()));
    fs::rename(keys.path(), &hidden).unwrap();
    let answer = gateway.login("lixiaolong").await;
    assert_eq!(gateway.me(answer.token()).await.status, 200);
    assert_eq!(published(&gateway).await, [kid(&answer)].into());
    fs::rename(&hidden, keys.path()).unwrap();
    gateway.stop().await;
}
