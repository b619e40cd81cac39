//! What every [`SessionStore`] must do; a backend's own test is one call of [`sessions`].

use futures_util::future::join_all;

use super::{Device, Session, SessionId, SessionStore};
use crate::{clock::Millis, config::AppId, ids, user::UserId};

const NOW: Millis = 1_795_312_000_000;

/// Runs the whole suite; `user` and `other` are users that the store knows.
pub(crate) async fn sessions(store: &dyn SessionStore, user: &UserId, other: &UserId) {
    what_is_opened_reads_back(store, user).await;
    the_first_of_two_of_one_name_stays(store, user, other).await;
    one_of_many_rotations_succeeds(store, user).await;
    a_rotation_moves_on_by_one(store, user).await;
    what_is_ended_stays_ended(store, user).await;
    all_live_sessions_of_one_user_end_together(store, user, other).await;
}

fn session(user: &UserId) -> Session {
    Session {
        id: SessionId(ids::row_id(NOW)),
        user: user.clone(),
        app: AppId::default_app(),
        device: Device {
            browser: "Chrome".to_owned(),
            system: "Windows".to_owned(),
            ip: "2001:db8::1".to_owned(),
        },
        generation: 0,
        rotated_at: NOW,
        refresh_hash: ids::random(),
        created_at: NOW,
        last_seen_at: NOW,
        revoked_at: None,
    }
}

async fn opened(store: &dyn SessionStore, user: &UserId) -> Session {
    store.open(&session(user)).await.unwrap()
}

async fn read(store: &dyn SessionStore, id: &SessionId) -> Session {
    store.get(id).await.unwrap().unwrap()
}

async fn what_is_opened_reads_back(store: &dyn SessionStore, user: &UserId) {
    let session = session(user);
    assert_eq!(store.get(&session.id).await.unwrap(), None);
    assert_eq!(store.open(&session).await.unwrap(), session);
    assert_eq!(read(store, &session.id).await, session);
}

async fn the_first_of_two_of_one_name_stays(
    store: &dyn SessionStore,
    user: &UserId,
    other: &UserId,
) {
    let first = opened(store, user).await;
    let second = Session {
        id: first.id.clone(),
        ..session(other)
    };
    assert_eq!(store.open(&second).await.unwrap(), first);
    assert_eq!(read(store, &first.id).await, first);

    let drafts = (0..8).map(|_| session(user));
    let id = SessionId(ids::row_id(NOW));
    let drafts: Vec<_> = drafts
        .map(|draft| Session {
            id: id.clone(),
            ..draft
        })
        .collect();
    let kept = join_all(drafts.iter().map(|draft| store.open(draft))).await;
    let kept: Vec<_> = kept.into_iter().map(Result::unwrap).collect();
    assert!(
        kept.windows(2).all(|pair| pair[0] == pair[1]),
        "all are told of the same one"
    );
    assert!(drafts.contains(&kept[0]));
}

async fn one_of_many_rotations_succeeds(store: &dyn SessionStore, user: &UserId) {
    let Session { id, .. } = opened(store, user).await;
    let hashes: Vec<[u8; 32]> = (0..16).map(|_| ids::random()).collect();
    let tries = hashes
        .iter()
        .map(|hash| store.rotate(&id, 0, hash, NOW + 1));
    let outcomes = join_all(tries).await;
    let won: Vec<_> = hashes
        .iter()
        .zip(outcomes)
        .filter_map(|(hash, outcome)| outcome.unwrap().then_some(*hash))
        .collect();
    let now = read(store, &id).await;
    assert_eq!(won, [now.refresh_hash]);
    assert_eq!(now.generation, 1);
}

async fn a_rotation_moves_on_by_one(store: &dyn SessionStore, user: &UserId) {
    let first = opened(store, user).await;
    let hash = ids::random();
    assert!(
        !store.rotate(&first.id, 1, &hash, NOW + 5).await.unwrap(),
        "not there yet"
    );
    assert!(store.rotate(&first.id, 0, &hash, NOW + 5).await.unwrap());
    let due = Session {
        generation: 1,
        rotated_at: NOW + 5,
        last_seen_at: NOW + 5,
        refresh_hash: hash,
        ..first.clone()
    };
    assert_eq!(read(store, &first.id).await, due);
    assert!(
        !store
            .rotate(&first.id, 0, &ids::random(), NOW + 6)
            .await
            .unwrap(),
        "not there any more"
    );
    assert_eq!(
        store.open(&first).await.unwrap(),
        due,
        "opening changes nothing"
    );
    let nobody = SessionId(ids::row_id(NOW));
    assert!(!store.rotate(&nobody, 0, &hash, NOW).await.unwrap());
}

async fn what_is_ended_stays_ended(store: &dyn SessionStore, user: &UserId) {
    let session = opened(store, user).await;
    let again = [
        store.revoke(&session.id, NOW + 7).await.unwrap(),
        store.revoke(&session.id, NOW + 8).await.unwrap(),
    ];
    assert_eq!(again, [true, false]);
    let due = Session {
        revoked_at: Some(NOW + 7),
        ..session.clone()
    };
    assert_eq!(read(store, &session.id).await, due);
    assert!(
        !store
            .rotate(&session.id, 0, &ids::random(), NOW + 9)
            .await
            .unwrap()
    );
    assert_eq!(
        store.open(&session).await.unwrap(),
        due,
        "it does not come back"
    );
    let nobody = SessionId(ids::row_id(NOW));
    assert!(!store.revoke(&nobody, NOW).await.unwrap());
}

async fn all_live_sessions_of_one_user_end_together(
    store: &dyn SessionStore,
    user: &UserId,
    other: &UserId,
) {
    store.revoke_all(user, NOW).await.unwrap();
    let ended = opened(store, user).await;
    store.revoke(&ended.id, NOW + 1).await.unwrap();
    let mut live = [opened(store, user).await.id, opened(store, user).await.id];
    let others = opened(store, other).await;

    let mut told = store.revoke_all(user, NOW + 2).await.unwrap();
    told.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    live.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(told, live, "those that were live, and no others");
    for id in &live {
        assert_eq!(read(store, id).await.revoked_at, Some(NOW + 2));
    }
    assert_eq!(read(store, &ended.id).await.revoked_at, Some(NOW + 1));
    assert_eq!(read(store, &others.id).await.revoked_at, None);
    assert_eq!(store.revoke_all(user, NOW + 3).await.unwrap(), []);
}
