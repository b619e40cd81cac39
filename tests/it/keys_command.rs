//! `scangate keys`, as an operator types it.

use std::process::Output;

use serde_json::Value;

use crate::support::{keys_command, make_keys};

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lists_and_rotates() {
    let dir = tempfile::tempdir().unwrap();
    make_keys(dir.path()).await;
    let list = async || {
        let output = keys_command(&dir, &["list", "--json"]).await;
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        json["keys"].as_array().unwrap().clone()
    };
    let states = |keys: &[Value]| {
        let states = keys.iter().map(|key| key["state"].as_str().unwrap());
        states.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = list().await;
    assert_eq!(states(&first), ["signing"]);
    let members: Vec<_> = first[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["algorithm", "kid", "since", "state", "until"]);

    let ahead = keys_command(&dir, &["rotate"]).await;
    let two = list().await;
    assert_eq!(states(&two), ["signing", "next"]);
    let next = two[1]["kid"].as_str().unwrap();
    let published = format!("{next} is published, and signs from ");
    assert!(said(&ahead).starts_with(&published), "{ahead:?}");
    let again = keys_command(&dir, &["rotate"]).await;
    assert_eq!(said(&again), said(&ahead), "one waits already");
    let span = |key: &Value| key["until"].as_u64().unwrap() - key["since"].as_u64().unwrap();
    assert_eq!(span(&two[1]), 3_600_000);

    let now = keys_command(&dir, &["rotate", "--now"]).await;
    assert!(said(&now).starts_with(&format!("{next} signs now.")));
    let three = list().await;
    assert_eq!(states(&three), ["retired", "signing"]);
    assert_eq!(span(&three[0]), 615_000, "as long as its tokens live");

    let table = said(&keys_command(&dir, &["list"]).await);
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].starts_with("KID "), "{table}");
    assert!(lines[2].contains(next) && lines[2].contains("EdDSA      signing"));
    assert!(lines[2].contains(" GMT"), "{table}");

    let revoked = keys_command(&dir, &["rotate", "--revoke"]).await;
    assert!(said(&revoked).contains("2 others are gone"), "{revoked:?}");
    let last = list().await;
    assert_eq!(states(&last), ["signing"]);
    assert!(three.iter().all(|key| key["kid"] != last[0]["kid"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_makes_no_keys_where_none_are() {
    let dir = tempfile::tempdir().unwrap();
    let list = keys_command(&dir, &["list"]).await;
    assert_eq!(list.status.code(), Some(0));
    assert!(said(&list).contains("at its first start"), "{list:?}");
    let json = keys_command(&dir, &["list", "--json"]).await;
    assert_eq!(said(&json), "{\"keys\":[]}\n");
    let rotate = keys_command(&dir, &["rotate", "--now"]).await;
    assert_eq!(rotate.status.code(), Some(1));
    let problem = String::from_utf8(rotate.stderr).unwrap();
    assert!(problem.contains("at its first start"), "{problem}");
    assert_eq!(dir.path().read_dir().unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_cannot_do_it_says() {
    let dir = tempfile::tempdir().unwrap();
    make_keys(dir.path()).await;
    std::fs::write(dir.path().join("keys.json"), "{}").unwrap();
    for words in [&["list"], &["rotate"]] {
        let output = keys_command(&dir, words).await;
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let problem = String::from_utf8(output.stderr).unwrap();
        assert!(problem.contains("not a list of keys"), "{problem}");
    }
    for words in [&["rotate", "--now", "--revoke"][..], &["turn"], &[]] {
        let output = keys_command(&dir, words).await;
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}
