//! Nothing is left of who was erased.

use super::{
    NOW, enrol, find, identity, knows,
    merges::{end_of, resolve},
    saw, unionid, with_union,
};
use crate::{
    backend::Database,
    ids,
    token::{Device, End, EndReason, SessionStore, conformance::session},
    user::{UserId, UserStore, Who},
};

pub(super) async fn suite(store: &dyn Database) {
    a_record_holds_everything(store).await;
    nothing_is_left_of_who_was_erased(store).await;
    no_session_outlives_an_erasure(store).await;
}

async fn a_record_holds_everything(store: &dyn Database) {
    let union = unionid();
    let one = identity("wx1", Some(&union));
    let user = enrol(store, &one).await;
    saw(store, &user, 1, NOW + 5).await;
    let live = store.open(&session(&user.id), None).await.unwrap();
    let openid = Who::Openid {
        app_id: one.app_id.clone(),
        openid: one.openid.clone(),
    };
    for who in [
        Who::Id(user.id.clone()),
        Who::Unionid(union.clone()),
        openid,
    ] {
        assert_eq!(resolve(store, who).await, Some(user.id.clone()));
    }
    let record = store.export(&user.id).await.unwrap().unwrap();
    assert_eq!((&record.id, &record.name), (&user.id, &user.name));
    assert_eq!(
        record.avatar.as_deref(),
        Some("https://thirdwx.qlogo.cn/李小龙/132")
    );
    assert_eq!((record.created_at, record.profiled_at), (NOW, Some(NOW)));
    assert_eq!(record.identities[0].openid, one.openid);
    assert_eq!(record.unionids[0].unionid, union);
    assert_eq!(record.browsers[0].last_seen_at, NOW + 5);
    assert_eq!(record.sessions[0].id, live.id.0);
    assert_eq!(record.sessions[0].ip, live.device.ip);
    assert_eq!(record.sessions[0].end_reason, None);
    let nobody = UserId(ids::row_id(NOW));
    assert_eq!(store.export(&nobody).await.unwrap(), None);
    assert_eq!(resolve(store, Who::Id(nobody)).await, None);
}

async fn nothing_is_left_of_who_was_erased(store: &dyn Database) {
    let union = unionid();
    let (one, two) = (identity("wx1", Some(&union)), identity("wx2", None));
    let (user, before) = (enrol(store, &one).await, enrol(store, &two).await);
    let of_before = store.open(&session(&before.id), None).await.unwrap();
    assert!(store.merge(&before.id, &user.id, NOW).await.unwrap());
    let other = identity("wx3", Some(&unionid()));
    let neighbour = enrol(store, &other).await;
    enrol(store, &with_union(&other, &union)).await;
    saw(store, &user, 1, NOW).await;
    let live = store.open(&session(&user.id), None).await.unwrap();
    let over = store.open(&session(&user.id), None).await.unwrap();
    let signed_out = End {
        at: NOW + 1,
        why: EndReason::SignedOut,
    };
    SessionStore::end(store, &over.id, signed_out)
        .await
        .unwrap();

    assert!(store.erase(&user.id, NOW + 2).await.unwrap());
    assert!(!store.erase(&user.id, NOW + 3).await.unwrap());
    for (id, why) in [
        (&live.id, EndReason::Erased),
        (&over.id, EndReason::SignedOut),
        (&of_before.id, EndReason::Merged),
    ] {
        assert_eq!(end_of(store, id).await, Some(why));
        let shell = SessionStore::get(store, id).await.unwrap().unwrap();
        assert_eq!(shell.device, Device::default());
    }
    let ended = store.ended_since(NOW + 2).await.unwrap();
    assert!(ended.contains(&(live.id.clone(), EndReason::Erased)));
    assert_eq!(UserStore::get(store, &user.id).await.unwrap(), None);
    for who in [&user.id, &before.id] {
        assert_eq!(resolve(store, Who::Id(who.clone())).await, None);
    }
    let unknown = resolve(store, Who::Unionid(union.clone())).await;
    assert_eq!(unknown, None);
    assert!(!knows(store, &user, 1).await);
    saw(store, &user, 1, NOW + 3).await;
    assert!(!knows(store, &user, 1).await, "nobody has no browsers");
    let picture = user.avatar.clone().unwrap();
    assert_eq!(store.avatar_source(&picture).await.unwrap(), None);
    assert_eq!(
        (find(store, &one).await, find(store, &two).await),
        (None, None)
    );
    let record = store.export(&neighbour.id).await.unwrap().unwrap();
    assert!(record.conflicts.is_empty(), "it named the erased unionid");

    let again = enrol(store, &one).await;
    assert!(again.id != user.id && again.id != before.id, "somebody new");
}

/// Whichever of the two is first.
async fn no_session_outlives_an_erasure(store: &dyn Database) {
    for _ in 0..8 {
        let one = identity("wx1", None);
        let user = enrol(store, &one).await;
        let open = session(&user.id);
        let (erased, opened, enrolled) = tokio::join!(
            store.erase(&user.id, NOW + 2),
            store.open(&open, None),
            enrol(store, &one)
        );
        assert!(erased.unwrap());
        opened.unwrap();
        assert_eq!(end_of(store, &open.id).await, Some(EndReason::Erased));
        let shell = SessionStore::get(store, &open.id).await.unwrap().unwrap();
        assert_eq!(shell.device, Device::default());
        let found = find(store, &one).await;
        assert!(
            found.is_none() || found.map(|user| user.id) == Some(enrolled.id.clone()),
            "the last of them counts"
        );
        if enrolled.id == user.id {
            assert_eq!(UserStore::get(store, &user.id).await.unwrap(), None);
        }
    }
}
