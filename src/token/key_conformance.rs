//! What every place of keys must do.

use futures_util::future::join_all;

use super::{
    KeyRotation, KeySource, KeyState,
    key_source::MAX_KEYS,
    keys::{KeyError, Keys},
};
use crate::{
    clock::Millis,
    config::{Config, Overrides, load},
};

pub(crate) const NOW: Millis = 1_795_312_000_000;
const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
/// How long a key stays after its successor's moment: as long as its last token lives.
const STAY: Millis = 615_000;

/// A configuration with these keys.
pub(crate) fn config(set: &[(&str, &str)]) -> Config {
    let set = set
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()));
    let overrides = Overrides {
        set: set.collect(),
        ..Overrides::default()
    };
    load(&overrides).unwrap()
}

/// `fresh` gives a place without keys, as gateways with that algorithm see it.
pub(crate) async fn key_source<P: Fn(&str) -> KeySource>(fresh: impl AsyncFn() -> P) {
    they_stay(fresh().await).await;
    those_who_start_and_rotate_at_once_agree(fresh().await).await;
    a_dead_key_is_gone(fresh().await).await;
    another_algorithm_signs_from_the_next_start(fresh().await).await;
    there_is_an_end_to_impatience(fresh().await).await;
    they_follow_one_another_by_themselves(fresh().await).await;
    of_two_who_are_due_one_rotates(fresh().await).await;
    what_another_process_did_is_taken_over(fresh().await).await;
    keys_of_another_algorithm_are_not_taken_over(fresh().await).await;
}

fn published(keys: &Keys, now: Millis) -> usize {
    keys.jwks(now)["keys"].as_array().unwrap().len()
}

async fn they_stay(at: impl Fn(&str) -> KeySource) {
    assert!(at("EdDSA").read().await.unwrap().is_none());
    assert!(
        at("EdDSA").read().await.unwrap().is_none(),
        "reading makes nothing"
    );
    let first = at("EdDSA").open(NOW).await.unwrap();
    let second = at("EdDSA").open(NOW + 1).await.unwrap();
    let read = at("EdDSA").read().await.unwrap().unwrap();
    for keys in [second, read] {
        assert_eq!(keys.jwks(NOW), first.jwks(NOW));
        assert_eq!(keys.purpose("grant"), first.purpose("grant"));
    }
}

async fn those_who_start_and_rotate_at_once_agree(at: impl Fn(&str) -> KeySource) {
    let sources: Vec<_> = (0..8).map(|_| at("EdDSA")).collect();
    let started = sources.iter().map(async |source| {
        let keys = source.open(NOW).await.unwrap();
        source.rotate(KeyRotation::Ahead, NOW).await.unwrap();
        (keys.current(NOW), keys.purpose("refresh"))
    });
    let sets = join_all(started).await;
    assert!(sets.windows(2).all(|pair| pair[0] == pair[1]));
    let keys = sources[0].read().await.unwrap().unwrap();
    assert_eq!(
        keys.status(NOW).len(),
        2,
        "one rotation, though eight asked"
    );
}

async fn a_dead_key_is_gone(at: impl Fn(&str) -> KeySource) {
    let source = at("EdDSA");
    let first = source.open(NOW).await.unwrap().current(NOW);
    let rotated = source.rotate(KeyRotation::AtOnce, NOW + 1).await.unwrap();
    assert_eq!(rotated.len(), 2);
    let later = NOW + 1 + STAY;
    let scheduled = KeyRotation::Scheduled;
    assert_eq!(source.rotate(scheduled, later).await.unwrap().len(), 1);
    let keys = source.open(later).await.unwrap();
    assert!(keys.find(&first).is_none());

    let second = keys.current(later);
    let after = source.rotate(KeyRotation::Revoke, later).await.unwrap();
    assert_eq!(after.len(), 1);
    assert_ne!(after[0].kid, second, "at once");
}

async fn another_algorithm_signs_from_the_next_start(at: impl Fn(&str) -> KeySource) {
    let before = at("EdDSA").open(NOW).await.unwrap();
    let es256 = at("ES256");
    for rotation in [KeyRotation::Ahead, KeyRotation::AtOnce, KeyRotation::Revoke] {
        let error = es256.rotate(rotation, NOW).await.unwrap_err().to_string();
        assert!(error.contains("signs with EdDSA"), "{error}");
    }
    let after = es256.open(NOW + 1).await.unwrap();
    let kinds = after.status(NOW + 1);
    let kinds = kinds
        .iter()
        .map(|key| (key.algorithm.to_string(), key.state));
    let due = [("EdDSA", KeyState::Retired), ("ES256", KeyState::Signing)];
    assert!(kinds.eq(due.map(|(name, state)| (name.to_owned(), state))));
    let old = before.current(NOW);
    assert!(before.find(&old).is_some());
    assert!(after.find(&old).is_none(), "known, and not accepted");
    assert_eq!(published(&after, NOW + 1), 2);
    let again = es256.open(NOW + 2).await.unwrap();
    assert_eq!(again.jwks(NOW + 2), after.jwks(NOW + 2));
}

async fn there_is_an_end_to_impatience(at: impl Fn(&str) -> KeySource) {
    let source = at("EdDSA");
    source.open(NOW).await.unwrap();
    for _ in 1..MAX_KEYS {
        source.rotate(KeyRotation::AtOnce, NOW).await.unwrap();
    }
    let refused = source.rotate(KeyRotation::AtOnce, NOW).await;
    assert!(matches!(refused, Err(KeyError::TooMany)), "{refused:?}");
    let keys = source.open(NOW).await.unwrap();
    assert_eq!(published(&keys, NOW), MAX_KEYS);
    let revoked = source.rotate(KeyRotation::Revoke, NOW).await.unwrap();
    assert_eq!(revoked.len(), 1);
}

async fn they_follow_one_another_by_themselves(at: impl Fn(&str) -> KeySource) {
    let source = at("EdDSA");
    let keys = source.open(NOW).await.unwrap();
    let first = keys.current(NOW);
    let turn = NOW + 90 * DAY;
    source.look(&keys, turn - HOUR - 1).await.unwrap();
    assert_eq!(published(&keys, turn - HOUR - 1), 1);
    source.look(&keys, turn - HOUR).await.unwrap();
    assert_eq!(published(&keys, turn - HOUR), 2);
    assert_eq!(keys.current(turn - 1), first);
    assert_ne!(keys.current(turn), first, "without looking");
    let dead = turn + STAY;
    assert_eq!(published(&keys, dead - 1), 2);
    assert_eq!(published(&keys, dead), 1, "without looking");
    assert!(keys.find(&first).is_some());
    source.look(&keys, dead).await.unwrap();
    assert!(keys.find(&first).is_none());
}

async fn of_two_who_are_due_one_rotates(at: impl Fn(&str) -> KeySource) {
    let (one, other) = (at("EdDSA"), at("EdDSA"));
    let (ours, theirs) = (one.open(NOW).await.unwrap(), other.open(NOW).await.unwrap());
    let due = NOW + 90 * DAY - HOUR;
    let (here, there) = tokio::join!(one.look(&ours, due), other.look(&theirs, due));
    assert!(here.is_ok() && there.is_ok(), "{here:?} {there:?}");
    // Whoever was first may have rotated after the other had looked.
    one.look(&ours, due).await.unwrap();
    other.look(&theirs, due).await.unwrap();
    assert_eq!(published(&ours, due), 2, "one rotation");
    assert_eq!(ours.jwks(due), theirs.jwks(due));
    let turn = NOW + 90 * DAY;
    assert_eq!(ours.current(turn), theirs.current(turn));
    assert_ne!(ours.current(turn), ours.current(turn - 1));
}

async fn what_another_process_did_is_taken_over(at: impl Fn(&str) -> KeySource) {
    let source = at("EdDSA");
    let ours = source.open(NOW).await.unwrap();
    let theirs = at("EdDSA").open(NOW).await.unwrap();
    source.rotate(KeyRotation::Revoke, NOW + 1).await.unwrap();
    for keys in [&ours, &theirs] {
        source.look(keys, NOW + 1).await.unwrap();
    }
    assert_eq!(ours.jwks(NOW + 1), theirs.jwks(NOW + 1));
    assert_eq!(published(&ours, NOW + 1), 1);
}

async fn keys_of_another_algorithm_are_not_taken_over(at: impl Fn(&str) -> KeySource) {
    let eddsa = at("EdDSA");
    let keys = eddsa.open(NOW).await.unwrap();
    let set = keys.jwks(NOW);
    at("ES256").turn(KeyRotation::Revoke, NOW).await;
    let error = eddsa.look(&keys, NOW).await.unwrap_err().to_string();
    assert!(error.contains("token.algorithm"), "{error}");
    assert_eq!(keys.jwks(NOW), set);
}
