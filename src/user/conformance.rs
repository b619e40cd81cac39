//! What every [`UserStore`] and [`UserRecords`](super::UserRecords) must do; a backend's own test is one call of
//! [`users`].

mod accounts;
mod erasures;
mod merges;

use futures_util::future::join_all;

pub(crate) use self::accounts::accounts;
use super::{BROWSERS, Identity, Known, Profile, User, UserId, UserStore};
use crate::{backend::Database, clock::Millis, ids};

const NOW: Millis = 1_795_312_000_000;

/// Runs the whole suite.
pub(crate) async fn users(store: &dyn Database) {
    merges::suite(store).await;
    erasures::suite(store).await;
    nobody_is_known_at_first(store).await;
    an_identity_leads_to_one_user(store).await;
    a_unionid_joins_identities(store).await;
    a_unionid_may_come_late(store).await;
    a_profile_is_refreshed_and_never_emptied(store).await;
    a_profile_has_its_time(store).await;
    those_who_come_at_once_become_one(store).await;
    a_browser_is_known_to_its_user(store).await;
    the_browser_unseen_for_longest_is_forgotten(store).await;
}

fn identity(app_id: &str, unionid: Option<&str>) -> Identity {
    Identity {
        app_id: app_id.to_owned(),
        openid: ids::base64url(&ids::random::<21>()),
        unionid: unionid.map(str::to_owned),
    }
}

fn unionid() -> String {
    ids::base64url(&ids::random::<21>())
}

fn with_union(identity: &Identity, unionid: &str) -> Identity {
    Identity {
        unionid: Some(unionid.to_owned()),
        ..identity.clone()
    }
}

fn profile(name: Option<&str>) -> Profile {
    Profile {
        name: name.map(str::to_owned),
        avatar: name.map(|name| format!("https://thirdwx.qlogo.cn/{name}/132")),
    }
}

async fn enrol(store: &dyn UserStore, identity: &Identity) -> User {
    let profile = profile(Some("李小龙"));
    store.enrol(identity, &profile, NOW).await.unwrap()
}

async fn find(store: &dyn UserStore, identity: &Identity) -> Option<User> {
    store
        .find(&identity.app_id, &identity.openid)
        .await
        .unwrap()
        .map(|known| known.user)
}

async fn nobody_is_known_at_first(store: &dyn UserStore) {
    assert_eq!(find(store, &identity("wx1", None)).await, None);
    let nobody = UserId(ids::row_id(NOW));
    assert_eq!(store.get(&nobody).await.unwrap(), None);
}

async fn an_identity_leads_to_one_user(store: &dyn UserStore) {
    let one = identity("wx1", None);
    let user = enrol(store, &one).await;
    assert_eq!(user.name.as_deref(), Some("李小龙"));
    assert_eq!(enrol(store, &one).await, user);
    assert_eq!(find(store, &one).await, Some(user.clone()));
    assert_eq!(store.get(&user.id).await.unwrap(), Some(user.clone()));
    let elsewhere = Identity {
        app_id: "wx2".to_owned(),
        ..one
    };
    assert_eq!(
        find(store, &elsewhere).await,
        None,
        "an openid is one account's"
    );
    assert_ne!(enrol(store, &elsewhere).await.id, user.id);
}

async fn a_unionid_joins_identities(store: &dyn UserStore) {
    let union = unionid();
    let (one, two) = (identity("wx1", Some(&union)), identity("wx2", Some(&union)));
    let user = enrol(store, &one).await;
    assert_eq!(enrol(store, &two).await.id, user.id);
    assert_eq!(find(store, &two).await.unwrap().id, user.id);
    let other = enrol(store, &identity("wx1", Some(&unionid()))).await;
    assert_ne!(other.id, user.id);
}

async fn a_unionid_may_come_late(store: &dyn UserStore) {
    let union = unionid();
    let early = identity("wx1", None);
    let user = enrol(store, &early).await;
    assert_eq!(enrol(store, &with_union(&early, &union)).await.id, user.id);
    let second = identity("wx2", Some(&union));
    assert_eq!(
        enrol(store, &second).await.id,
        user.id,
        "it leads to the same user now"
    );
    assert_eq!(
        enrol(store, &early).await.id,
        user.id,
        "and may be missing again"
    );
}

async fn a_profile_is_refreshed_and_never_emptied(store: &dyn UserStore) {
    let one = identity("wx1", None);
    let before = enrol(store, &one).await;
    let after = store
        .enrol(&one, &profile(Some("Bruce")), NOW + 1)
        .await
        .unwrap();
    assert_eq!(after.id, before.id);
    assert_eq!(after.name.as_deref(), Some("Bruce"));
    let picture = after.avatar.clone().unwrap();
    assert_ne!(before.avatar, Some(picture.clone()), "a name of its own");
    let source = store.avatar_source(&picture).await.unwrap();
    assert_eq!(
        source.as_deref(),
        Some("https://thirdwx.qlogo.cn/Bruce/132")
    );
    let gone = store.avatar_source(&before.avatar.unwrap()).await.unwrap();
    assert_eq!(gone, None);
    let same = store
        .enrol(&one, &profile(Some("Bruce")), NOW + 1)
        .await
        .unwrap();
    assert_eq!(same.avatar, after.avatar, "the same picture keeps its name");
    let silent = store
        .enrol(&one, &Profile::default(), NOW + 2)
        .await
        .unwrap();
    assert_eq!(silent, after);
    assert_eq!(find(store, &one).await, Some(after));
    let unnamed = store
        .enrol(&identity("wx1", None), &Profile::default(), NOW)
        .await
        .unwrap();
    assert_eq!((unnamed.name, unnamed.avatar), (None, None));
}

async fn a_profile_has_its_time(store: &dyn UserStore) {
    let one = identity("wx1", None);
    for (profile, now, profiled_at) in [
        (Profile::default(), NOW, None),
        (profile(Some("Bruce")), NOW + 1, Some(NOW + 1)),
        (Profile::default(), NOW + 2, Some(NOW + 1)),
        (profile(Some("Bruce")), NOW + 3, Some(NOW + 3)),
    ] {
        let user = store.enrol(&one, &profile, now).await.unwrap();
        let known = store.find(&one.app_id, &one.openid).await.unwrap();
        assert_eq!(known, Some(Known { user, profiled_at }));
    }
}

async fn those_who_come_at_once_become_one(store: &dyn UserStore) {
    let same = identity("wx1", Some(&unionid()));
    let users = join_all((0..16).map(|_| enrol(store, &same))).await;
    assert!(
        users.windows(2).all(|pair| pair[0] == pair[1]),
        "one identity"
    );
    let union = unionid();
    let many: Vec<_> = (0..16).map(|_| identity("wx1", Some(&union))).collect();
    let users = join_all(many.iter().map(|one| enrol(store, one))).await;
    assert!(
        users.windows(2).all(|pair| pair[0].id == pair[1].id),
        "one unionid"
    );
}

async fn knows(store: &dyn UserStore, user: &User, browser: u8) -> bool {
    store.knows_browser(&user.id, &[browser; 32]).await.unwrap()
}

async fn saw(store: &dyn UserStore, user: &User, browser: u8, now: Millis) {
    let hash = [browser; 32];
    store.saw_browser(&user.id, &hash, now).await.unwrap();
}

async fn a_browser_is_known_to_its_user(store: &dyn UserStore) {
    let user = enrol(store, &identity("wx1", None)).await;
    let other = enrol(store, &identity("wx1", None)).await;
    assert!(!knows(store, &user, 1).await);
    saw(store, &user, 1, NOW).await;
    saw(store, &user, 1, NOW + 1).await;
    assert!(knows(store, &user, 1).await);
    assert!(!knows(store, &user, 2).await);
    assert!(!knows(store, &other, 1).await, "two people at one computer");
}

async fn the_browser_unseen_for_longest_is_forgotten(store: &dyn UserStore) {
    let user = enrol(store, &identity("wx1", None)).await;
    let many = u8::try_from(BROWSERS).unwrap();
    for browser in 0..many {
        saw(store, &user, browser, NOW + u64::from(browser)).await;
    }
    saw(store, &user, 0, NOW + 1_000).await;
    saw(store, &user, many, NOW + 1_001).await;
    assert!(knows(store, &user, 0).await, "seen again lately");
    assert!(!knows(store, &user, 1).await);
    for browser in 2..=many {
        assert!(knows(store, &user, browser).await, "{browser}");
    }
}
