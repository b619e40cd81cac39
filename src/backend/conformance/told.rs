//! What happens is told by the transaction in which it happens, and what does not happen is not.

use serde_json::{Value, json};

use super::super::Database;
use crate::{
    clock::Millis,
    config::EventType,
    event::{Due, Via},
    token::{End, EndReason, conformance::session as session_of},
    user::{Identity, Profile, User, Username},
};

const NOW: Millis = 1_795_400_000_000;
const SINK: &str = "told";

/// Runs the whole suite.
pub(super) async fn what_happens_is_told(store: &dyn Database) {
    let types = EventType::ALL;
    store.subscribe(SINK, &types, NOW).await.unwrap();
    let user = a_new_user_once(store).await;
    a_session_begins_and_ends_once(store, &user).await;
    all_that_end_together(store, &user).await;
    two_become_one(store).await;
    somebody_is_erased_and_so_is_where_they_were(store, &user).await;
    somebody_with_a_password(store).await;
}

async fn due(store: &dyn Database) -> Vec<Due> {
    let far = NOW * 2;
    store.take(SINK, far, far * 2, 100).await.unwrap()
}

/// What was told since this was last asked.
async fn heard(store: &dyn Database) -> Vec<(String, Value)> {
    let told = due(store).await.into_iter();
    let read = told.map(|one| (one.kind, serde_json::from_str(&one.data).unwrap()));
    read.collect()
}

async fn enrol(store: &dyn Database, openid: &str, unionid: Option<&str>) -> User {
    let identity = Identity {
        app_id: "wx-told".to_owned(),
        openid: openid.to_owned(),
        unionid: unionid.map(str::to_owned),
    };
    let profile = Profile::default();
    store.enrol(&identity, &profile, NOW).await.unwrap()
}

fn of(kind: &str, data: Value) -> (String, Value) {
    (kind.to_owned(), data)
}

async fn a_new_user_once(store: &dyn Database) -> User {
    let user = enrol(store, "o-told", None).await;
    assert_eq!(enrol(store, "o-told", None).await, user);
    let due = of("user.created", json!({ "user_id": user.id.0 }));
    assert_eq!(heard(store).await, [due]);
    user
}

fn via() -> Via {
    let [scene, trace_id] = ["7QmXc2V0aWNrZXQtaWQtMQ", "4bf9"].map(str::to_owned);
    Via::H5 { scene, trace_id }
}

async fn a_session_begins_and_ends_once(store: &dyn Database, user: &User) {
    let session = session_of(&user.id);
    for _ in 0..2 {
        store.open(&session, Some(&via())).await.unwrap();
    }
    let opened = json!({
        "session_id": session.id.0, "user_id": user.id.0, "app": "default", "flow": "h5",
        "scene": "7QmXc2V0aWNrZXQtaWQtMQ", "trace_id": "4bf9",
        "browser": "Chrome", "system": "Windows", "ip": "2001:db8::1",
    });
    assert_eq!(heard(store).await, [of("session.opened", opened)]);
    let end = End {
        at: NOW,
        why: EndReason::Reuse,
    };
    assert!(store.end(&session.id, end).await.unwrap());
    assert!(!store.end(&session.id, end).await.unwrap());
    let ended = json!({
        "session_id": session.id.0, "user_id": user.id.0, "app": "default", "reason": "reuse",
    });
    assert_eq!(heard(store).await, [of("session.ended", ended)]);
}

async fn all_that_end_together(store: &dyn Database, user: &User) {
    for _ in 0..2 {
        let session = session_of(&user.id);
        store.open(&session, Some(&Via::Password)).await.unwrap();
    }
    let opened = heard(store).await;
    assert!(
        opened.iter().all(|(_, data)| data["flow"] == "password"),
        "{opened:?}"
    );
    let end = End {
        at: NOW,
        why: EndReason::SignedOutEverywhere,
    };
    let ended = store.end_all(&user.id, None, end).await.unwrap();
    let told = heard(store).await;
    assert_eq!((ended.len(), told.len()), (2, 2));
    assert!(told.iter().all(|(kind, data)| {
        kind == "session.ended" && data["reason"] == "signed_out_everywhere"
    }));
}

async fn two_become_one(store: &dyn Database) {
    let (from, into) = (
        enrol(store, "o-a", None).await,
        enrol(store, "o-b", None).await,
    );
    let session = session_of(&from.id);
    store.open(&session, Some(&via())).await.unwrap();
    heard(store).await;
    assert!(store.merge(&from.id, &into.id, NOW).await.unwrap());
    assert!(!store.merge(&from.id, &into.id, NOW).await.unwrap());
    let ended = json!({
        "session_id": session.id.0, "user_id": from.id.0, "app": "default", "reason": "merged",
    });
    let merged = json!({ "user_id": from.id.0, "into": into.id.0 });
    let told = [of("session.ended", ended), of("user.merged", merged)];
    assert_eq!(heard(store).await, told);
    // Whoever is somebody else by now begins nothing.
    let late = session_of(&from.id);
    store.open(&late, Some(&via())).await.unwrap();
    assert_eq!(heard(store).await, []);
}

async fn somebody_is_erased_and_so_is_where_they_were(store: &dyn Database, user: &User) {
    let session = session_of(&user.id);
    store.open(&session, Some(&via())).await.unwrap();
    assert!(store.erase(&user.id, NOW).await.unwrap());
    assert!(!store.erase(&user.id, NOW).await.unwrap());
    let told = heard(store).await;
    let kinds: Vec<_> = told.iter().map(|(kind, _)| &**kind).collect();
    assert_eq!(kinds, ["session.ended", "user.erased"], "{told:?}");
    assert_eq!(told[1].1, json!({ "user_id": user.id.0 }));
}

async fn somebody_with_a_password(store: &dyn Database) {
    let name = Username::parse("told_by_name").unwrap();
    for _ in 0..2 {
        let hash = "hash".into();
        let made = store.create_account(&name, &hash, None, NOW);
        made.await.unwrap();
    }
    let told = heard(store).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, "user.created");
}
