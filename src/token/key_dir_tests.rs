use std::{os::unix::fs::PermissionsExt, path::Path};

use super::*;
use crate::token::{
    KeySource,
    key_conformance::{self, NOW, config},
};

fn source(dir: &Path, algorithm: &str) -> KeySource {
    let dir = dir.to_str().unwrap();
    let config = config(&[("token.key_dir", dir), ("token.algorithm", algorithm)]);
    KeySource::of(&config, None)
}

fn ed(dir: &Path) -> KeySource {
    source(dir, "EdDSA")
}

#[tokio::test]
async fn it_is_a_place_for_keys() {
    key_conformance::key_source(async || {
        let home = tempfile::tempdir().unwrap();
        move |algorithm: &str| source(&home.path().join("a/keys"), algorithm)
    })
    .await;
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn refusal(dir: &Path) -> String {
    ed(dir).open(NOW).await.err().unwrap().to_string()
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

fn pem_of(dir: &Path, kid: &str) -> PathBuf {
    dir.join(format!("signing-{kid}.pem"))
}

#[tokio::test]
async fn keys_stay_and_belong_to_their_owner_only() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/keys");
    assert!(ed(&dir).read().await.unwrap().is_none());
    assert!(!dir.exists(), "reading makes nothing");
    let first = ed(&dir).open(NOW).await.unwrap();
    let second = ed(&dir).open(NOW + 1).await.unwrap();
    assert_eq!(first.jwks(NOW), second.jwks(NOW));
    assert_eq!(first.purpose("grant"), second.purpose("grant"));
    let read = ed(&dir).read().await.unwrap().unwrap();
    assert_eq!(read.jwks(NOW), first.jwks(NOW));
    assert_eq!(mode_of(&dir), 0o700);
    let pem = format!("signing-{}.pem", first.current(NOW));
    let names = names(&dir);
    assert_eq!(names, [DERIVATION, LIST, LOCK, &pem], "no drafts are left");
    for name in names {
        assert_eq!(mode_of(&dir.join(name)), 0o600);
    }
}

#[tokio::test]
async fn a_dead_key_leaves_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let dir = ed(home.path());
    let first = dir.open(NOW).await.unwrap().current(NOW);
    let rotated = dir.rotate(KeyRotation::AtOnce, NOW + 1).await.unwrap();
    assert_eq!(rotated.len(), 2);
    assert!(pem_of(home.path(), &first).exists(), "its tokens live");
    let later = NOW + 1 + 615_000;
    assert_eq!(
        dir.rotate(KeyRotation::Scheduled, later)
            .await
            .unwrap()
            .len(),
        1
    );
    assert!(!pem_of(home.path(), &first).exists());

    let second = dir.open(later).await.unwrap().current(later);
    let after = dir.rotate(KeyRotation::Revoke, later).await.unwrap();
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].kid, second);
    assert!(!pem_of(home.path(), &second).exists(), "at once");
    assert_eq!(names(home.path()).len(), 4);
}

#[tokio::test]
async fn what_a_killed_process_left_is_swept_and_what_is_not_ours_stays() {
    let home = tempfile::tempdir().unwrap();
    ed(home.path()).open(NOW).await.unwrap();
    let orphan = ids::base64url(&[7; 32]);
    let draft = home.path().join(format!("signing-{orphan}.new"));
    fs::write(pem_of(home.path(), &orphan), "half").unwrap();
    fs::write(&draft, "half").unwrap();
    let theirs = home.path().join("signing-of-my-own.pem");
    fs::write(&theirs, "a backup").unwrap();
    ed(home.path())
        .rotate(KeyRotation::Ahead, NOW)
        .await
        .unwrap();
    assert!(!pem_of(home.path(), &orphan).exists() && !draft.exists());
    assert!(theirs.exists());
}

#[tokio::test]
async fn a_file_that_others_may_read_is_refused_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let keys = ed(home.path()).open(NOW).await.unwrap();
    let pem = pem_of(home.path(), &keys.current(NOW));
    for path in [home.path().join(LIST), home.path().join(DERIVATION), pem] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let sentence = refusal(home.path()).await;
        assert!(sentence.contains("mode 0640"), "{sentence}");
        assert!(sentence.contains("chmod 600"), "{sentence}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refusal(home.path()).await.contains("chmod 700"));
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_not_replaced() {
    let home = tempfile::tempdir().unwrap();
    let keys = ed(home.path()).open(NOW).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let others = ed(other.path()).open(NOW).await.unwrap();
    let pem = pem_of(home.path(), &keys.current(NOW));
    let list = home.path().join(LIST);
    let good = fs::read_to_string(&list).unwrap();
    let path_as_kid = good.replace(&keys.current(NOW), "../../../../etc/passwd");
    let theirs = fs::read_to_string(pem_of(other.path(), &others.current(NOW))).unwrap();
    let derivation = home.path().join(DERIVATION);
    for (path, text, sentence) in [
        (&pem, theirs.as_str(), "that keys.json names"),
        (&pem, "", "not the EdDSA private key"),
        (&list, "", "not a list of keys"),
        (&list, "{\"version\":1,\"keys\":[]}", "not a list of keys"),
        (&list, &good.replace(": 1", ": 2"), "not a list of keys"),
        (&list, &good[..good.len() / 2], "not a list of keys"),
        (&list, &path_as_kid, "not a list of keys"),
        (&derivation, "short\n", "32 bytes"),
    ] {
        let before = fs::read_to_string(path).unwrap();
        fs::write(path, text).unwrap();
        let said = refusal(home.path()).await;
        assert!(said.contains(sentence), "{said}");
        assert_eq!(fs::read_to_string(path).unwrap(), text);
        fs::write(path, before).unwrap();
    }
    fs::remove_file(&pem).unwrap();
    assert!(refusal(home.path()).await.contains("it is gone"));
}

#[tokio::test]
async fn what_root_writes_belongs_to_the_owner_of_the_directory() {
    use std::os::unix::fs::{MetadataExt, chown};
    const NOBODY: u32 = 65_534;
    let home = tempfile::tempdir().unwrap();
    ed(home.path()).open(NOW).await.unwrap();
    fs::remove_file(home.path().join(LOCK)).unwrap();
    if chown(home.path(), Some(NOBODY), Some(NOBODY)).is_err() {
        // Nobody but root could write there for somebody else.
        return;
    }
    let keys = ed(home.path())
        .rotate(KeyRotation::Ahead, NOW)
        .await
        .unwrap();
    let made = pem_of(home.path(), &keys[1].kid);
    for path in [home.path().join(LIST), home.path().join(LOCK), made] {
        assert_eq!(fs::metadata(path).unwrap().uid(), NOBODY);
    }
}
