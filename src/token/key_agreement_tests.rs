use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;

use super::*;
use crate::cluster::StoreError;
use crate::token::{
    KeyRotation, KeySource,
    key_conformance::{NOW, config},
};

/// What Redis keeps, without its end.
#[derive(Default)]
struct Shared {
    fingerprint: Mutex<Option<Fingerprint>>,
    is_away: AtomicBool,
}

#[async_trait]
impl Agreement for Shared {
    async fn agree(
        &self,
        mine: &Fingerprint,
        may_begin: bool,
    ) -> Result<Option<Fingerprint>, StoreError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StoreError {
                store: "fake",
                message: "away".to_owned(),
            });
        }
        let mut found = self.fingerprint.lock().unwrap();
        if found.is_none() && !may_begin {
            return Ok(None);
        }
        let theirs = found.get_or_insert_with(|| mine.clone());
        if difference(mine, theirs).is_none() {
            *theirs = mine.clone();
        }
        Ok(Some(theirs.clone()))
    }
}

fn node(shared: &Arc<Shared>, keys: &Keys) -> KeyAgreement {
    KeyAgreement::new(&config(&[]), shared.clone(), keys.clone(), Clock::new())
}

#[tokio::test]
async fn a_node_with_other_keys_stays_out_until_it_has_the_same() {
    let shared = Arc::default();
    let keys = Keys::generate().unwrap();
    let first = node(&shared, &keys);
    assert_eq!(first.standing(), KeyStanding::Unknown);
    first.compare().await.unwrap();
    assert_eq!(first.standing(), KeyStanding::Same);

    let stranger = node(&shared, &Keys::generate().unwrap());
    let said = stranger.compare().await.unwrap_err();
    assert!(said.contains("token.master_key"), "{said}");
    assert_eq!(stranger.standing(), KeyStanding::Differ);
    let secret = ids::base64url(&keys.purpose("agreement"));
    assert!(!said.contains(&secret));

    // Redis has lost it: it is for those who work to say it again, and they go on whatever comes.
    *shared.fingerprint.lock().unwrap() = None;
    stranger.compare().await.unwrap();
    assert_eq!(stranger.standing(), KeyStanding::Differ);
    assert!(shared.fingerprint.lock().unwrap().is_none());
    stranger.clock.advance(Duration::from_millis(BEGIN_AFTER));
    stranger.compare().await.unwrap();
    assert_eq!(
        stranger.standing(),
        KeyStanding::Same,
        "nobody else is there"
    );
    first.compare().await.unwrap_err();
    assert_eq!(first.standing(), KeyStanding::Same);
}

#[tokio::test]
async fn while_nobody_can_be_asked_nothing_changes() {
    let shared: Arc<Shared> = Arc::default();
    let keys = Keys::generate().unwrap();
    let (old, young) = (node(&shared, &keys), node(&shared, &keys));
    old.compare().await.unwrap();
    shared.is_away.store(true, Ordering::Relaxed);
    old.compare().await.unwrap();
    young.compare().await.unwrap();
    assert_eq!(old.standing(), KeyStanding::Same);
    assert_eq!(young.standing(), KeyStanding::Unknown, "it waits");
    shared.is_away.store(false, Ordering::Relaxed);
    young.compare().await.unwrap();
    assert_eq!(young.standing(), KeyStanding::Same);
}

#[tokio::test]
async fn a_revoked_key_parts_nobody() {
    let home = tempfile::tempdir().unwrap();
    let set = [("token.key_dir", home.path().to_str().unwrap())];
    let source = KeySource::of(&config(&set), None);
    let (ours, theirs) = (
        source.open(NOW).await.unwrap(),
        source.open(NOW).await.unwrap(),
    );
    let shared = Arc::default();
    let (here, there) = (node(&shared, &ours), node(&shared, &theirs));
    here.compare().await.unwrap();
    there.compare().await.unwrap();
    source.rotate(KeyRotation::Revoke, NOW + 1).await.unwrap();
    source.look(&ours, NOW + 1).await.unwrap();
    for node in [&here, &there, &here] {
        node.compare().await.unwrap();
    }
    source.look(&theirs, NOW + 1).await.unwrap();
    let forgotten = Duration::from_millis(REMEMBERED);
    for node in [&there, &here] {
        node.compare().await.unwrap();
        node.clock.advance(forgotten);
        node.compare().await.unwrap();
    }
    let told = shared.fingerprint.lock().unwrap().clone().unwrap();
    assert_eq!(told.kids, [ours.current(NOW + 1)].into());
}

#[tokio::test(start_paused = true)]
async fn it_is_told_again_and_again() {
    let shared: Arc<Shared> = Arc::default();
    let node = node(&shared, &Keys::generate().unwrap());
    shared.is_away.store(true, Ordering::Relaxed);
    // Whoever yields and does not sleep keeps paused time from passing.
    let told = async || {
        while shared.fingerprint.lock().unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let story = async {
        node.clock.sleep(ASK_EVERY).await;
        assert_eq!(node.standing(), KeyStanding::Unknown);
        shared.is_away.store(false, Ordering::Relaxed);
        told().await;
        *shared.fingerprint.lock().unwrap() = None;
        told().await;
    };
    tokio::select! {
        () = node.keep() => {}
        () = story => {}
    }
    assert_eq!(node.standing(), KeyStanding::Same);
}
