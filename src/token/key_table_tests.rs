use std::{fs, path::Path, sync::Mutex};

use tempfile::TempDir;

use super::*;
use crate::token::{
    KeySource,
    key_conformance::{self, NOW, config},
    keys::Keys,
};

const MASTER: &str = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s=";
const OTHER_MASTER: &str = "zc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc0=";

/// A table of one row.
#[derive(Default)]
pub(super) struct Table(Mutex<Option<SealedKeys>>);

#[async_trait]
impl KeyRecords for Table {
    async fn sealed_keys(&self) -> Result<Option<SealedKeys>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn replace_keys(&self, next: &SealedKeys) -> Result<bool, StoreError> {
        let mut row = self.0.lock().unwrap();
        let is_first = row.as_ref().map_or(0, |row| row.revision) == next.revision - 1;
        if is_first {
            *row = Some(next.clone());
        }
        Ok(is_first)
    }
}

fn source(table: &Arc<Table>, dir: &Path, set: &[(&str, &str)]) -> KeySource {
    let dir = dir.to_str().unwrap();
    let ours = [
        ("token.master_key", MASTER),
        ("token.key_dir", dir),
        ("store.url", "postgres://gateway@localhost/logins"),
    ];
    KeySource::of(&config(&[&ours[..], set].concat()), Some(table.clone()))
}

fn nowhere() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn it_is_a_place_for_keys() {
    key_conformance::key_source(async || {
        let (table, home) = (Arc::default(), nowhere());
        move |algorithm: &str| source(&table, home.path(), &[("token.algorithm", algorithm)])
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_to_the_directory() {
    let (table, home) = (Arc::default(), nowhere());
    let dir = home.path().join("keys");
    let source = source(&table, &dir, &[]);
    source.open(NOW).await.unwrap();
    source.rotate(KeyRotation::Ahead, NOW).await.unwrap();
    assert!(!dir.exists());
}

#[tokio::test]
async fn another_master_key_opens_nothing_and_changes_nothing() {
    let (table, home) = (Arc::<Table>::default(), nowhere());
    source(&table, home.path(), &[]).open(NOW).await.unwrap();
    let before = table.0.lock().unwrap().clone();
    let other = source(&table, home.path(), &[("token.master_key", OTHER_MASTER)]);
    let error = other.open(NOW).await.err().unwrap().to_string();
    assert!(error.contains("another master key"), "{error}");
    assert_eq!(other.setting(), "token.master_key");
    let rotated = other.rotate(KeyRotation::Revoke, NOW).await;
    assert!(matches!(rotated, Err(KeyError::OtherMaster)), "{rotated:?}");
    assert_eq!(*table.0.lock().unwrap(), before);
    // An older row is no row.
    let mut older = before.unwrap();
    older.revision += 1;
    *table.0.lock().unwrap() = Some(older);
    let read = source(&table, home.path(), &[]).read().await;
    assert!(matches!(read, Err(KeyError::OtherMaster)));
}

/// Keys of a gateway that was alone until now.
async fn alone(dir: &Path) -> Keys {
    let config = config(&[("token.key_dir", dir.to_str().unwrap())]);
    let source = KeySource::of(&config, None);
    source.open(NOW).await.unwrap();
    source.rotate(KeyRotation::Ahead, NOW).await.unwrap();
    source.read().await.unwrap().unwrap()
}

#[tokio::test]
async fn keys_of_the_directory_are_taken_over_once() {
    let (table, home, elsewhere) = (Arc::default(), nowhere(), nowhere());
    let before = alone(home.path()).await;
    alone(elsewhere.path()).await;
    let after = source(&table, home.path(), &[]).open(NOW).await.unwrap();
    assert_eq!(after.jwks(NOW), before.jwks(NOW));
    assert_eq!(after.purpose("refresh"), before.purpose("refresh"));
    let second = source(&table, elsewhere.path(), &[]);
    let second = second.open(NOW).await.unwrap();
    assert_eq!(second.jwks(NOW), before.jwks(NOW), "what is there stays");
    assert_eq!(second.purpose("refresh"), before.purpose("refresh"));
}

#[tokio::test]
async fn a_secret_without_signing_keys_is_taken_over_too() {
    let (table, home) = (Arc::default(), nowhere());
    let before = alone(home.path()).await;
    // As whoever wants all access tokens to die.
    fs::remove_file(home.path().join("keys.json")).unwrap();
    let after = source(&table, home.path(), &[]).open(NOW).await.unwrap();
    assert_eq!(after.purpose("refresh"), before.purpose("refresh"));
    assert_ne!(after.jwks(NOW), before.jwks(NOW));
}

#[tokio::test]
async fn what_is_broken_in_the_directory_is_not_replaced_by_fresh_keys() {
    let (table, home) = (Arc::<Table>::default(), nowhere());
    alone(home.path()).await;
    let list = home.path().join("keys.json");
    let good = fs::read(&list).unwrap();
    fs::write(&list, "{").unwrap();
    let source = source(&table, home.path(), &[]);
    let error = source.open(NOW).await.err().unwrap().to_string();
    assert!(error.contains("not a list of keys"), "{error}");
    assert!(table.0.lock().unwrap().is_none());
    fs::write(&list, good).unwrap();
    source.open(NOW).await.unwrap();
}

#[tokio::test]
async fn keys_that_were_made_anew_are_told_and_not_taken_over() {
    let (table, home) = (Arc::<Table>::default(), nowhere());
    let source = source(&table, home.path(), &[]);
    let keys = source.open(NOW).await.unwrap();
    let set = keys.jwks(NOW);
    *table.0.lock().unwrap() = None;
    let error = source.look(&keys, NOW).await.unwrap_err().to_string();
    assert!(error.contains("they are gone"), "{error}");
    source.open(NOW).await.unwrap();
    let error = source.look(&keys, NOW).await.unwrap_err().to_string();
    assert!(error.contains("made anew"), "{error}");
    assert_eq!(keys.jwks(NOW), set);
}
