use std::{fs, path::Path};

use super::*;
use crate::config::{Overrides, load};

const NOW: Millis = 1_795_312_000_000;
const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;

fn dir(path: &Path, algorithm: &str) -> KeyDir {
    let set = [
        ("token.key_dir", path.to_str().unwrap()),
        ("token.algorithm", algorithm),
    ];
    let set = set.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let overrides = Overrides {
        set: set.to_vec(),
        ..Overrides::default()
    };
    KeyDir::of(&load(&overrides).unwrap())
}

fn published(keys: &Keys, now: Millis) -> usize {
    keys.jwks(now)["keys"].as_array().unwrap().len()
}

#[test]
fn keys_follow_one_another_by_themselves() {
    let home = tempfile::tempdir().unwrap();
    let dir = dir(home.path(), "EdDSA");
    let keys = dir.open(NOW).unwrap();
    let first = keys.current(NOW);
    let turn = NOW + 90 * DAY;
    look(&dir, &keys, turn - HOUR - 1).unwrap();
    assert_eq!(published(&keys, turn - HOUR - 1), 1);
    look(&dir, &keys, turn - HOUR).unwrap();
    assert_eq!(published(&keys, turn - HOUR), 2);
    assert_eq!(keys.current(turn - 1), first);
    assert_ne!(keys.current(turn), first, "without looking");
    let dead = turn + 615_000;
    assert_eq!(published(&keys, dead - 1), 2);
    assert_eq!(published(&keys, dead), 1, "without looking");
    assert!(keys.find(&first).is_some());
    look(&dir, &keys, dead).unwrap();
    assert!(keys.find(&first).is_none());
}

#[test]
fn what_another_process_wrote_is_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let dir = dir(home.path(), "EdDSA");
    let (ours, theirs) = (dir.open(NOW).unwrap(), dir.open(NOW).unwrap());
    dir.rotate(KeyRotation::Revoke, NOW + 1).unwrap();
    for keys in [&ours, &theirs] {
        look(&dir, keys, NOW + 1).unwrap();
    }
    assert_eq!(ours.jwks(NOW + 1), theirs.jwks(NOW + 1));
    assert_eq!(published(&ours, NOW + 1), 1);
}

#[test]
fn a_broken_list_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let dir = dir(home.path(), "EdDSA");
    let keys = dir.open(NOW).unwrap();
    let set = keys.jwks(NOW);
    let list = home.path().join("keys.json");
    let good = fs::read(&list).unwrap();
    for broken in [&good[..good.len() / 2], b"", b"\xff"] {
        fs::write(&list, broken).unwrap();
        look(&dir, &keys, NOW + 200 * DAY).unwrap_err();
        assert_eq!(keys.jwks(NOW), set);
    }
    fs::remove_file(&list).unwrap();
    look(&dir, &keys, NOW).unwrap_err();
    fs::write(&list, good).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&list, mode).unwrap();
    fs::remove_file(
        home.path()
            .join(format!("signing-{}.pem", keys.current(NOW))),
    )
    .unwrap();
    look(&dir, &keys, NOW).unwrap();
    assert_eq!(keys.jwks(NOW), set, "what is in memory is not read again");
}

#[test]
fn a_directory_that_cannot_be_written_is_told_once_an_hour() {
    let home = tempfile::tempdir().unwrap();
    let dir = dir(home.path(), "EdDSA");
    let keys = dir.open(NOW).unwrap();
    // Root may write whatever the mode is; not even root can write a directory as a file.
    fs::remove_file(home.path().join("lock")).unwrap();
    fs::create_dir(home.path().join("lock")).unwrap();
    let late = NOW + 100 * DAY;
    look(&dir, &keys, NOW).unwrap();
    let error = look(&dir, &keys, late).unwrap_err().to_string();
    assert!(error.contains("lock"), "{error}");
    assert_eq!(published(&keys, late), 1);
    assert!(dir.open(late).is_ok(), "and a start needs no more");

    let mut trouble = Trouble::default();
    assert!(trouble.is_news(&error, late));
    assert!(!trouble.is_news(&error, late + HOUR - 1));
    assert!(trouble.is_news(&error, late + HOUR));
    assert!(trouble.is_news("something else", late + HOUR));
}

#[test]
fn keys_of_another_algorithm_are_not_taken_over() {
    let home = tempfile::tempdir().unwrap();
    let eddsa = dir(home.path(), "EdDSA");
    let keys = eddsa.open(NOW).unwrap();
    let set = keys.jwks(NOW);
    dir(home.path(), "ES256")
        .turn(KeyRotation::Revoke, NOW)
        .unwrap();
    let error = look(&eddsa, &keys, NOW).unwrap_err().to_string();
    assert!(error.contains("token.algorithm"), "{error}");
    assert_eq!(keys.jwks(NOW), set);
}
