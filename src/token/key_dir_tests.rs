use std::{os::unix::fs::PermissionsExt, path::Path, sync::Barrier, thread};

use super::*;
use crate::config::SigningAlgorithm;

const NOW: Millis = 1_795_312_000_000;
const MINUTE: Millis = 60_000;

fn keys_in(dir: &Path, algorithm: SigningAlgorithm) -> KeyDir {
    KeyDir {
        path: dir.to_owned(),
        policy: Policy {
            algorithm,
            rotate_every: None,
            publish_ahead: 60 * MINUTE,
            stay: 10 * MINUTE,
        },
    }
}

fn ed(dir: &Path) -> KeyDir {
    keys_in(dir, SigningAlgorithm::EdDsa)
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(dir: &Path) -> String {
    ed(dir).open(NOW).err().unwrap().to_string()
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

#[test]
fn keys_stay_and_belong_to_their_owner_only() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/keys");
    assert!(ed(&dir).read().unwrap().is_none());
    assert!(!dir.exists(), "reading makes nothing");
    let first = ed(&dir).open(NOW).unwrap();
    let second = ed(&dir).open(NOW + 1).unwrap();
    assert_eq!(first.jwks(NOW), second.jwks(NOW));
    assert_eq!(first.purpose("grant"), second.purpose("grant"));
    let read = ed(&dir).read().unwrap().unwrap();
    assert_eq!(read.jwks(NOW), first.jwks(NOW));
    assert_eq!(mode_of(&dir), 0o700);
    let pem = format!("signing-{}.pem", first.current(NOW));
    let names = names(&dir);
    assert_eq!(names, [DERIVATION, LIST, LOCK, &pem], "no drafts are left");
    for name in names {
        assert_eq!(mode_of(&dir.join(name)), 0o600);
    }
}

#[test]
fn those_who_start_and_rotate_at_once_agree() {
    let home = tempfile::tempdir().unwrap();
    let barrier = Barrier::new(8);
    let sets: Vec<_> = thread::scope(|scope| {
        let started: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    barrier.wait();
                    let keys = ed(home.path()).open(NOW).unwrap();
                    ed(home.path()).rotate(KeyRotation::Ahead, NOW).unwrap();
                    (keys.current(NOW), keys.purpose("refresh"))
                })
            })
            .collect();
        started.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(sets.windows(2).all(|pair| pair[0] == pair[1]));
    let ring = ed(home.path()).ring().unwrap().unwrap();
    assert_eq!(ring.keys().len(), 2, "one rotation, though eight asked");
}

#[test]
fn a_dead_key_leaves_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let dir = ed(home.path());
    let first = dir.open(NOW).unwrap().current(NOW);
    let rotated = dir.rotate(KeyRotation::AtOnce, NOW + 1).unwrap();
    assert_eq!(rotated.len(), 2);
    assert!(pem_of(home.path(), &first).exists(), "its tokens live");
    let later = NOW + 1 + 10 * MINUTE;
    assert_eq!(dir.rotate(KeyRotation::Scheduled, later).unwrap().len(), 1);
    assert!(!pem_of(home.path(), &first).exists());

    let second = dir.open(later).unwrap().current(later);
    let after = dir.rotate(KeyRotation::Revoke, later).unwrap();
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].kid, second);
    assert!(!pem_of(home.path(), &second).exists(), "at once");
    assert_eq!(names(home.path()).len(), 4);
}

#[test]
fn what_a_killed_process_left_is_swept_and_what_is_not_ours_stays() {
    let home = tempfile::tempdir().unwrap();
    ed(home.path()).open(NOW).unwrap();
    let orphan = ids::base64url(&[7; 32]);
    let draft = home.path().join(format!("signing-{orphan}.new"));
    fs::write(pem_of(home.path(), &orphan), "half").unwrap();
    fs::write(&draft, "half").unwrap();
    let theirs = home.path().join("signing-of-my-own.pem");
    fs::write(&theirs, "a backup").unwrap();
    ed(home.path()).rotate(KeyRotation::Ahead, NOW).unwrap();
    assert!(!pem_of(home.path(), &orphan).exists() && !draft.exists());
    assert!(theirs.exists());
}

#[test]
fn another_algorithm_signs_from_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    let before = ed(home.path()).open(NOW).unwrap();
    let es256 = keys_in(home.path(), SigningAlgorithm::Es256);
    for rotation in [KeyRotation::Ahead, KeyRotation::AtOnce, KeyRotation::Revoke] {
        let error = es256.rotate(rotation, NOW).unwrap_err().to_string();
        assert!(error.contains("signs with EdDSA"), "{error}");
    }
    let after = es256.open(NOW + 1).unwrap();
    let kinds: Vec<_> = after
        .status(NOW + 1)
        .iter()
        .map(|key| (key.algorithm, key.state))
        .collect();
    use crate::token::KeyState::{Retired, Signing};
    assert_eq!(
        kinds,
        [
            (SigningAlgorithm::EdDsa, Retired),
            (SigningAlgorithm::Es256, Signing)
        ]
    );
    let old = before.current(NOW);
    assert!(before.find(&old).is_some());
    assert!(after.find(&old).is_none(), "known, and not accepted");
    assert_eq!(after.jwks(NOW + 1)["keys"].as_array().unwrap().len(), 2);
    let again = es256.open(NOW + 2).unwrap();
    assert_eq!(again.jwks(NOW + 2), after.jwks(NOW + 2));
}

#[test]
fn a_file_that_others_may_read_is_refused_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let keys = ed(home.path()).open(NOW).unwrap();
    let pem = pem_of(home.path(), &keys.current(NOW));
    for path in [home.path().join(LIST), home.path().join(DERIVATION), pem] {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let sentence = refusal(home.path());
        assert!(sentence.contains("mode 0640"), "{sentence}");
        assert!(sentence.contains("chmod 600"), "{sentence}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(refusal(home.path()).contains("chmod 700"));
}

#[test]
fn what_is_no_key_is_refused_and_not_replaced() {
    let home = tempfile::tempdir().unwrap();
    let keys = ed(home.path()).open(NOW).unwrap();
    let other = tempfile::tempdir().unwrap();
    let others = ed(other.path()).open(NOW).unwrap();
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
        let said = refusal(home.path());
        assert!(said.contains(sentence), "{said}");
        assert_eq!(fs::read_to_string(path).unwrap(), text);
        fs::write(path, before).unwrap();
    }
    fs::remove_file(&pem).unwrap();
    assert!(refusal(home.path()).contains("it is gone"));
}

#[test]
fn there_is_an_end_to_impatience() {
    let home = tempfile::tempdir().unwrap();
    let dir = ed(home.path());
    dir.open(NOW).unwrap();
    for _ in 1..MAX_KEYS {
        dir.rotate(KeyRotation::AtOnce, NOW).unwrap();
    }
    let error = dir
        .rotate(KeyRotation::AtOnce, NOW)
        .unwrap_err()
        .to_string();
    assert!(error.contains("16 keys"), "{error}");
    dir.open(NOW).unwrap();
    assert_eq!(dir.rotate(KeyRotation::Revoke, NOW).unwrap().len(), 1);
}

#[test]
fn what_root_writes_belongs_to_the_owner_of_the_directory() {
    use std::os::unix::fs::{MetadataExt, chown};
    const NOBODY: u32 = 65_534;
    let home = tempfile::tempdir().unwrap();
    ed(home.path()).open(NOW).unwrap();
    fs::remove_file(home.path().join(LOCK)).unwrap();
    if chown(home.path(), Some(NOBODY), Some(NOBODY)).is_err() {
        // Nobody but root could write there for somebody else.
        return;
    }
    let keys = ed(home.path()).rotate(KeyRotation::Ahead, NOW).unwrap();
    let made = pem_of(home.path(), &keys[1].kid);
    for path in [home.path().join(LIST), home.path().join(LOCK), made] {
        assert_eq!(fs::metadata(path).unwrap().uid(), NOBODY);
    }
}
