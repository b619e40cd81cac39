//! Two users who are one person.

use futures_util::future::join_all;

use super::{NOW, enrol, find, identity, knows, profile, saw, unionid, with_union};
use crate::{
    backend::Database,
    ids,
    token::{EndReason, Rotation, SessionId, SessionStore, conformance::session},
    user::{BROWSERS, Identity, Profile, User, UserId, UserRecords, UserStore, Who},
};

pub(super) async fn suite(store: &dyn Database) {
    a_late_unionid_merges(store).await;
    a_merge_fills_gaps_only(store).await;
    who_has_more_than_one_openid_is_not_merged_unasked(store).await;
    an_operator_merges_or_dismisses(store).await;
    only_two_live_users_can_be_merged(store).await;
    browsers_move_and_stay_bounded(store).await;
    late_unionids_at_once_make_one(store).await;
    no_session_outlives_its_user(store).await;
}

pub(super) async fn end_of(store: &dyn SessionStore, id: &SessionId) -> Option<EndReason> {
    let session = store.get(id).await.unwrap().unwrap();
    session.end.map(|end| end.why)
}

pub(super) async fn resolve(store: &dyn UserRecords, who: Who) -> Option<UserId> {
    store.resolve(&who).await.unwrap()
}

async fn waiting(store: &dyn UserRecords, user: &User, other: &User) -> Option<String> {
    let conflicts = store.conflicts().await.unwrap();
    let mut of_both = conflicts
        .into_iter()
        .filter(|one| one.user == user.id && one.other == other.id);
    let first = of_both.next().map(|one| one.id);
    assert!(of_both.next().is_none(), "one for each two");
    first
}

/// Somebody with an openid alone, and somebody with a unionid: the late proof that they are one.
async fn two(store: &dyn UserStore) -> (User, User, Identity) {
    let union = unionid();
    let (one, two) = (identity("wx1", None), identity("wx2", Some(&union)));
    let (first, second) = (enrol(store, &one).await, enrol(store, &two).await);
    assert_ne!(first.id, second.id);
    (first, second, with_union(&one, &union))
}

/// The same, where the first has a unionid of their own.
async fn two_with_unionids(store: &dyn UserStore) -> (User, User, Identity) {
    let union = unionid();
    let (one, two) = (
        identity("wx1", Some(&unionid())),
        identity("wx2", Some(&union)),
    );
    let (first, second) = (enrol(store, &one).await, enrol(store, &two).await);
    (first, second, with_union(&one, &union))
}

async fn a_late_unionid_merges(store: &dyn Database) {
    let (first, second, proof) = two(store).await;
    let of_first = store.open(&session(&first.id), None).await.unwrap();
    let of_second = store.open(&session(&second.id), None).await.unwrap();
    let survivor = enrol(store, &proof).await;
    assert_eq!(survivor.id, second.id);
    assert_eq!(find(store, &proof).await.unwrap().id, second.id);
    assert_eq!(
        end_of(store, &of_first.id).await,
        Some(EndReason::Merged),
        "its tabs belong to nobody"
    );
    assert_eq!(end_of(store, &of_second.id).await, None);
    assert_eq!(UserStore::get(store, &first.id).await.unwrap(), None);
    let led_to = resolve(store, Who::Id(first.id.clone())).await;
    assert_eq!(led_to, Some(second.id.clone()));
    let record = store.export(&second.id).await.unwrap().unwrap();
    assert_eq!(record.merged_ids, std::slice::from_ref(&first.id));
    assert_eq!((record.identities.len(), record.sessions.len()), (2, 2));
    assert_eq!(store.export(&first.id).await.unwrap(), None);
    assert_eq!(enrol(store, &proof).await.id, second.id);
    assert_eq!(waiting(store, &first, &second).await, None);
}

async fn a_merge_fills_gaps_only(store: &dyn Database) {
    let silent = Profile::default();
    for (early, late, expected) in [
        (profile(Some("A")), silent.clone(), "A"),
        (profile(Some("A")), profile(Some("B")), "B"),
        (silent.clone(), profile(Some("B")), "B"),
    ] {
        let union = unionid();
        let (one, two) = (identity("wx1", None), identity("wx2", Some(&union)));
        let before = store.enrol(&one, &early, NOW).await.unwrap();
        let other = store.enrol(&two, &late, NOW + 1).await.unwrap();
        let proof = with_union(&one, &union);
        let after = store.enrol(&proof, &silent, NOW + 2).await.unwrap();
        assert_eq!(after.id, other.id);
        assert_eq!(after.name.as_deref(), Some(expected));
        let avatar = other.avatar.or(before.avatar);
        assert_eq!(after.avatar, avatar, "with the name it had");
        let known = store.find(&one.app_id, &one.openid).await.unwrap().unwrap();
        let told_at = if late == silent { NOW } else { NOW + 1 };
        assert_eq!(known.profiled_at, Some(told_at));
    }
}

async fn who_has_more_than_one_openid_is_not_merged_unasked(store: &dyn Database) {
    let (first, second, proof) = two(store).await;
    let third = enrol(store, &identity("wx3", None)).await;
    assert!(store.merge(&third.id, &first.id, NOW).await.unwrap());
    assert_eq!(enrol(store, &proof).await.id, first.id);
    assert!(waiting(store, &first, &second).await.is_some());
}

async fn an_operator_merges_or_dismisses(store: &dyn Database) {
    let (first, second, proof) = two_with_unionids(store).await;
    for _ in 0..3 {
        assert_eq!(enrol(store, &proof).await.id, first.id, "the login goes on");
    }
    let conflict = waiting(store, &first, &second).await.unwrap();
    let record = store.export(&first.id).await.unwrap().unwrap();
    let told = record.conflicts.first().unwrap();
    assert_eq!((&told.openid, &told.id), (&proof.openid, &conflict));
    assert_eq!(Some(&told.unionid), proof.unionid.as_ref());

    assert!(store.dismiss(&conflict, NOW).await.unwrap());
    assert!(!store.dismiss(&conflict, NOW).await.unwrap());
    assert!(!store.dismiss("nothing", NOW).await.unwrap());
    enrol(store, &proof).await;
    assert_eq!(waiting(store, &first, &second).await, None, "decided");

    assert!(store.merge(&second.id, &first.id, NOW).await.unwrap());
    assert_eq!(enrol(store, &proof).await.id, first.id);
    let unionid = proof.unionid.clone().unwrap();
    let led_to = resolve(store, Who::Unionid(unionid)).await;
    assert_eq!(led_to, Some(first.id.clone()));
    let record = store.export(&first.id).await.unwrap().unwrap();
    assert_eq!((record.unionids.len(), record.conflicts.len()), (2, 0));
}

async fn only_two_live_users_can_be_merged(store: &dyn Database) {
    let (first, second, _) = two(store).await;
    let nobody = UserId(ids::row_id(NOW));
    for (from, into) in [
        (&first.id, &first.id),
        (&first.id, &nobody),
        (&nobody, &first.id),
    ] {
        assert!(!store.merge(from, into, NOW).await.unwrap());
    }
    assert!(store.merge(&first.id, &second.id, NOW).await.unwrap());
    assert!(!store.merge(&first.id, &second.id, NOW).await.unwrap());
    assert!(!store.merge(&second.id, &first.id, NOW).await.unwrap());
    let third = enrol(store, &identity("wx3", None)).await;
    assert!(store.merge(&second.id, &third.id, NOW).await.unwrap());
    let led_to = resolve(store, Who::Id(first.id)).await;
    assert_eq!(led_to, Some(third.id), "over both merges");
}

async fn browsers_move_and_stay_bounded(store: &dyn Database) {
    let (first, second, proof) = two(store).await;
    let many = u8::try_from(BROWSERS).unwrap();
    for browser in 0..many {
        saw(store, &first, browser, NOW + u64::from(browser)).await;
    }
    saw(store, &second, 0, NOW - 1).await;
    saw(store, &second, many, NOW + 1_000).await;
    enrol(store, &proof).await;
    assert!(knows(store, &second, many).await && knows(store, &second, many - 1).await);
    assert!(!knows(store, &second, 0).await, "unseen for longest");
    let record = store.export(&second.id).await.unwrap().unwrap();
    assert_eq!(record.browsers.len(), BROWSERS);
    saw(store, &first, 1, NOW + 1_001).await;
    assert!(!knows(store, &first, 1).await, "nobody has no browsers");
}

async fn late_unionids_at_once_make_one(store: &dyn Database) {
    for _ in 0..8 {
        let union = unionid();
        let two = identity("wx2", Some(&union));
        let survivor = enrol(store, &two).await;
        let late: Vec<_> = ["wx1", "wx3", "wx4"]
            .map(|app_id| identity(app_id, None))
            .into();
        for one in &late {
            assert_ne!(enrol(store, one).await.id, survivor.id);
        }
        let proofs: Vec<_> = late.iter().map(|one| with_union(one, &union)).collect();
        let at_once = (0..9).map(|at| enrol(store, &proofs[at % proofs.len()]));
        for user in join_all(at_once).await {
            assert_eq!(user.id, survivor.id);
        }
    }
}

/// Whichever of the two is first: what the merge did not see is never live afterwards.
async fn no_session_outlives_its_user(store: &dyn Database) {
    for _ in 0..8 {
        let (first, second, proof) = two(store).await;
        let open = session(&first.id);
        let kept = store.open(&session(&first.id), None).await.unwrap();
        let rotation = Rotation {
            hash: [1; 32],
            ip: "::1".to_owned(),
            at: NOW + 1,
        };
        let (merged, opened, _) = tokio::join!(
            enrol(store, &proof),
            store.open(&open, None),
            store.rotate(&kept.id, 0, &rotation)
        );
        assert_eq!(merged.id, second.id);
        opened.unwrap();
        for id in [&open.id, &kept.id] {
            assert_eq!(end_of(store, id).await, Some(EndReason::Merged));
        }
        assert!(!store.rotate(&kept.id, 1, &rotation).await.unwrap());
    }
}
