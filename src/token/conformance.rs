//! What every [`SessionStore`] must do; a backend's own test is one call of [`sessions`].

use futures_util::future::join_all;

use super::{Device, End, EndReason, LISTED, Rotation, Session, SessionId, SessionStore};
use crate::{clock::Millis, config::AppId, ids, user::UserId};

const NOW: Millis = 1_795_312_000_000;

/// Runs the whole suite; `user` and `other` are users that the store knows.
pub(crate) async fn sessions(store: &dyn SessionStore, user: &UserId, other: &UserId) {
    what_is_opened_reads_back(store, user).await;
    the_first_of_two_of_one_name_stays(store, user, other).await;
    one_of_many_rotations_succeeds(store, user).await;
    a_rotation_moves_on_by_one(store, user).await;
    what_is_ended_stays_ended(store, user).await;
    every_reason_reads_back(store, user).await;
    all_live_sessions_of_one_user_end_together(store, user, other).await;
    a_user_sees_live_sessions_the_latest_first(store, user, other).await;
    what_ended_lately_can_be_asked(store, user).await;
    what_is_over_for_long_is_forgotten(store, user).await;
}

/// A live session of this user.
pub(crate) fn session(user: &UserId) -> Session {
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
        end: None,
    }
}

async fn opened(store: &dyn SessionStore, user: &UserId) -> Session {
    store.open(&session(user), None).await.unwrap()
}

async fn read(store: &dyn SessionStore, id: &SessionId) -> Session {
    store.get(id).await.unwrap().unwrap()
}

async fn what_is_opened_reads_back(store: &dyn SessionStore, user: &UserId) {
    let session = session(user);
    assert_eq!(store.get(&session.id).await.unwrap(), None);
    assert_eq!(store.open(&session, None).await.unwrap(), session);
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
    assert_eq!(store.open(&second, None).await.unwrap(), first);
    assert_eq!(read(store, &first.id).await, first);

    let drafts = (0..8).map(|_| session(user));
    let id = SessionId(ids::row_id(NOW));
    let drafts: Vec<_> = drafts
        .map(|draft| Session {
            id: id.clone(),
            ..draft
        })
        .collect();
    let kept = join_all(drafts.iter().map(|draft| store.open(draft, None))).await;
    let kept: Vec<_> = kept.into_iter().map(Result::unwrap).collect();
    assert!(
        kept.windows(2).all(|pair| pair[0] == pair[1]),
        "all are told of the same one"
    );
    assert!(drafts.contains(&kept[0]));
}

fn rotation(hash: [u8; 32], at: Millis) -> Rotation {
    let ip = "192.0.2.7".to_owned();
    Rotation { hash, ip, at }
}

fn end(at: Millis) -> End {
    let why = EndReason::SignedOut;
    End { at, why }
}

async fn one_of_many_rotations_succeeds(store: &dyn SessionStore, user: &UserId) {
    let Session { id, .. } = opened(store, user).await;
    let rotations: Vec<_> = (0..16).map(|_| rotation(ids::random(), NOW + 1)).collect();
    let tries = rotations.iter().map(|one| store.rotate(&id, 0, one));
    let outcomes = join_all(tries).await;
    let won: Vec<_> = rotations
        .iter()
        .zip(outcomes)
        .filter_map(|(one, outcome)| outcome.unwrap().then_some(one.hash))
        .collect();
    let now = read(store, &id).await;
    assert_eq!(won, [now.refresh_hash]);
    assert_eq!(now.generation, 1);
}

async fn a_rotation_moves_on_by_one(store: &dyn SessionStore, user: &UserId) {
    let first = opened(store, user).await;
    let next = rotation(ids::random(), NOW + 5);
    assert!(
        !store.rotate(&first.id, 1, &next).await.unwrap(),
        "not there yet"
    );
    assert!(store.rotate(&first.id, 0, &next).await.unwrap());
    let due = Session {
        generation: 1,
        rotated_at: NOW + 5,
        last_seen_at: NOW + 5,
        refresh_hash: next.hash,
        device: Device {
            ip: next.ip.clone(),
            ..first.device.clone()
        },
        ..first.clone()
    };
    assert_eq!(read(store, &first.id).await, due);
    let late = rotation(ids::random(), NOW + 6);
    assert!(
        !store.rotate(&first.id, 0, &late).await.unwrap(),
        "not there any more"
    );
    assert_eq!(
        store.open(&first, None).await.unwrap(),
        due,
        "opening changes nothing"
    );
    let nobody = SessionId(ids::row_id(NOW));
    assert!(!store.rotate(&nobody, 0, &next).await.unwrap());
}

async fn what_is_ended_stays_ended(store: &dyn SessionStore, user: &UserId) {
    let session = opened(store, user).await;
    let stolen = End {
        at: NOW + 8,
        why: EndReason::Reuse,
    };
    let again = [
        store.end(&session.id, end(NOW + 7)).await.unwrap(),
        store.end(&session.id, stolen).await.unwrap(),
    ];
    assert_eq!(again, [true, false]);
    let due = Session {
        end: Some(end(NOW + 7)),
        ..session.clone()
    };
    assert_eq!(read(store, &session.id).await, due);
    let next = rotation(ids::random(), NOW + 9);
    assert!(!store.rotate(&session.id, 0, &next).await.unwrap());
    assert_eq!(
        store.open(&session, None).await.unwrap(),
        due,
        "it does not come back"
    );
    let nobody = SessionId(ids::row_id(NOW));
    assert!(!store.end(&nobody, end(NOW)).await.unwrap());
}

async fn every_reason_reads_back(store: &dyn SessionStore, user: &UserId) {
    for why in EndReason::ALL {
        let session = opened(store, user).await;
        let end = End { at: NOW, why };
        assert!(store.end(&session.id, end).await.unwrap());
        assert_eq!(read(store, &session.id).await.end, Some(end));
    }
}

fn sorted(mut ids: Vec<SessionId>) -> Vec<SessionId> {
    ids.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    ids
}

async fn all_live_sessions_of_one_user_end_together(
    store: &dyn SessionStore,
    user: &UserId,
    other: &UserId,
) {
    store.end_all(user, None, end(NOW)).await.unwrap();
    let ended = opened(store, user).await;
    store.end(&ended.id, end(NOW + 1)).await.unwrap();
    let live = vec![opened(store, user).await.id, opened(store, user).await.id];
    let (kept, others) = (opened(store, user).await, opened(store, other).await);

    let told = store
        .end_all(user, Some(&kept.id), end(NOW + 2))
        .await
        .unwrap();
    assert_eq!(
        sorted(told),
        sorted(live.clone()),
        "those that were live, and no others"
    );
    for id in &live {
        assert_eq!(read(store, id).await.end, Some(end(NOW + 2)));
    }
    assert_eq!(read(store, &ended.id).await.end, Some(end(NOW + 1)));
    for untouched in [&others, &kept] {
        assert_eq!(read(store, &untouched.id).await.end, None);
    }
    let rest = store.end_all(user, None, end(NOW + 3)).await.unwrap();
    assert_eq!(rest, [kept.id]);
    assert_eq!(store.end_all(user, None, end(NOW + 4)).await.unwrap(), []);
}

async fn a_user_sees_live_sessions_the_latest_first(
    store: &dyn SessionStore,
    user: &UserId,
    other: &UserId,
) {
    store.end_all(user, None, end(NOW)).await.unwrap();
    let (one, two) = (opened(store, user).await, opened(store, user).await);
    opened(store, other).await;
    let next = rotation(ids::random(), NOW + 1);
    store.rotate(&one.id, 0, &next).await.unwrap();
    let ids = |found: Vec<Session>| -> Vec<_> { found.into_iter().map(|row| row.id).collect() };
    let found = ids(store.of_user(user).await.unwrap());
    assert_eq!(found, [one.id.clone(), two.id.clone()]);
    store.end(&one.id, end(NOW + 2)).await.unwrap();
    assert_eq!(ids(store.of_user(user).await.unwrap()), [two.id]);
    for _ in 0..LISTED {
        opened(store, user).await;
    }
    assert_eq!(store.of_user(user).await.unwrap().len(), LISTED);
    store.end_all(user, None, end(NOW + 3)).await.unwrap();
}

async fn what_ended_lately_can_be_asked(store: &dyn SessionStore, user: &UserId) {
    let (early, late) = (opened(store, user).await, opened(store, user).await);
    let far = NOW + 1_000_000;
    store.end(&early.id, end(far)).await.unwrap();
    let stolen = End {
        at: far + 1,
        why: EndReason::Reuse,
    };
    store.end(&late.id, stolen).await.unwrap();
    let found = store.ended_since(far + 1).await.unwrap();
    assert_eq!(found, [(late.id, EndReason::Reuse)]);
    assert_eq!(store.ended_since(far).await.unwrap().len(), 2);
    assert_eq!(store.ended_since(far + 2).await.unwrap(), []);
}

async fn what_is_over_for_long_is_forgotten(store: &dyn SessionStore, user: &UserId) {
    store.prune(NOW * 2, 0).await.unwrap();
    let (ended, live) = (opened(store, user).await, opened(store, user).await);
    store.end(&ended.id, end(NOW + 10)).await.unwrap();
    assert_eq!(store.prune(NOW + 10, NOW).await.unwrap(), 0);
    assert_eq!(store.prune(NOW + 11, 0).await.unwrap(), 1);
    assert_eq!(store.get(&ended.id).await.unwrap(), None);
    assert!(store.get(&live.id).await.unwrap().is_some());
    store.prune(0, NOW + 1).await.unwrap();
    assert_eq!(store.get(&live.id).await.unwrap(), None);
}
