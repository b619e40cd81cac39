use std::{fs, path::Path};

use super::*;
use crate::token::key_conformance::{NOW, config};

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

fn source(path: &Path) -> KeySource {
    KeySource::of(&config(&[("token.key_dir", path.to_str().unwrap())]), None)
}

fn published(keys: &Keys, now: Millis) -> usize {
    keys.jwks(now)["keys"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_broken_list_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let source = source(home.path());
    let keys = source.open(NOW).await.unwrap();
    let set = keys.jwks(NOW);
    let list = home.path().join("keys.json");
    let good = fs::read(&list).unwrap();
    for broken in [&good[..good.len() / 2], b"", b"\xff"] {
        fs::write(&list, broken).unwrap();
        source.look(&keys, NOW + 200 * DAY).await.unwrap_err();
        assert_eq!(keys.jwks(NOW), set);
    }
    fs::remove_file(&list).unwrap();
    source.look(&keys, NOW).await.unwrap_err();
    fs::write(&list, good).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&list, mode).unwrap();
    fs::remove_file(
        home.path()
            .join(format!("signing-{}.pem", keys.current(NOW))),
    )
    .unwrap();
    source.look(&keys, NOW).await.unwrap();
    assert_eq!(keys.jwks(NOW), set, "what is in memory is not read again");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_told_once_an_hour() {
    let home = tempfile::tempdir().unwrap();
    let source = source(home.path());
    let keys = source.open(NOW).await.unwrap();
    // Root may write whatever the mode is; not even root can write a directory as a file.
    fs::remove_file(home.path().join("lock")).unwrap();
    fs::create_dir(home.path().join("lock")).unwrap();
    let late = NOW + 100 * DAY;
    source.look(&keys, NOW).await.unwrap();
    let error = source.look(&keys, late).await.unwrap_err().to_string();
    assert!(error.contains("lock"), "{error}");
    assert_eq!(published(&keys, late), 1);
    assert!(source.open(late).await.is_ok(), "and a start needs no more");

    let mut trouble = Trouble::default();
    assert!(trouble.is_news(&error, late));
    assert!(!trouble.is_news(&error, late + HOUR - 1));
    assert!(trouble.is_news(&error, late + HOUR));
    assert!(trouble.is_news("something else", late + HOUR));
}
