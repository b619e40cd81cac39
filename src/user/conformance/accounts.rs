//! What every [`AccountStore`] must do.

use futures_util::future::join_all;
use secrecy::{ExposeSecret, SecretString};

use super::{NOW, enrol, find, identity, unionid};
use crate::{
    backend::Database,
    clock::Millis,
    cluster::StoreError,
    config::AppId,
    ids,
    token::{Device, End, EndReason, Session, SessionId, SessionStore},
    user::{Absorbed, Created, NEWCOMER, User, UserId, UserStore, Username},
};

/// Runs the whole suite.
pub(crate) async fn accounts(store: &dyn Database) {
    an_account_makes_its_user(store).await;
    a_user_has_one_account_and_a_name_one_user(store).await;
    those_who_register_at_once_do_not_share(store).await;
    a_hash_is_replaced_by_who_knows_it(store).await;
    a_changed_password_ends_the_other_sessions(store).await;
    a_removed_password_ends_every_session(store).await;
    the_absorbed_are_found_in_the_other(store).await;
    what_the_other_has_already_stays(store).await;
    nobody_with_an_account_is_absorbed(store).await;
    nobody_who_ever_signed_in_is_absorbed(store).await;
    nobody_who_absorbed_another_is_absorbed(store).await;
    only_newcomers_are_absorbed(store).await;
    who_is_somebody_elses_is_absorbed_by_nobody(store).await;
    an_operator_merges_the_password_too(store).await;
    the_erased_leave_their_user_name(store).await;
}

fn name() -> Username {
    Username::parse(&ids::hex(&ids::random::<8>())).unwrap()
}

fn hash(text: &str) -> SecretString {
    SecretString::from(format!("$argon2id${text}"))
}

async fn create(
    store: &dyn Database,
    name: &Username,
    owner: Option<&UserId>,
) -> Result<Created, StoreError> {
    store.create_account(name, &hash("a"), owner, NOW).await
}

/// A user with an account and nothing else.
async fn registered(store: &dyn Database) -> UserId {
    match create(store, &name(), None).await.unwrap() {
        Created::Done(user) => user,
        other => panic!("{other:?}"),
    }
}

async fn get(store: &dyn Database, id: &UserId) -> Option<User> {
    UserStore::get(store, id).await.unwrap()
}

async fn an_account_makes_its_user(store: &dyn Database) {
    let name = name();
    assert!(store.account_named(&name).await.unwrap().is_none());
    let created = create(store, &name, None).await.unwrap();
    let account = store.account_named(&name).await.unwrap().unwrap();
    assert_eq!(created, Created::Done(account.user.clone()));
    assert!(account.name == name);
    assert_eq!(account.hash.expose_secret(), "$argon2id$a");
    let user = get(store, &account.user).await.unwrap();
    assert_eq!((user.name, user.avatar), (None, None));
    let same = store.account_of(&account.user).await.unwrap().unwrap();
    assert_eq!(same.user, account.user);
}

async fn a_user_has_one_account_and_a_name_one_user(store: &dyn Database) {
    let (one, two) = (name(), name());
    let user = enrol(store, &identity("wx1", None)).await;
    assert!(store.account_of(&user.id).await.unwrap().is_none());
    let created = create(store, &one, Some(&user.id)).await.unwrap();
    assert_eq!(created, Created::Done(user.id.clone()));
    let second = create(store, &two, Some(&user.id)).await.unwrap();
    assert_eq!(second, Created::HasOne);
    assert!(store.account_named(&two).await.unwrap().is_none());
    let other = enrol(store, &identity("wx1", None)).await;
    for owner in [None, Some(&other.id)] {
        let taken = create(store, &one, owner).await.unwrap();
        assert_eq!(taken, Created::NameTaken);
    }
    let account = store.account_named(&one).await.unwrap().unwrap();
    assert_eq!(account.user, user.id);
}

async fn those_who_register_at_once_do_not_share(store: &dyn Database) {
    let done = |created: &Created| matches!(created, Created::Done(_));
    let one = name();
    let all = join_all((0..16).map(|_| create(store, &one, None))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|created| done(created)).count(), 1);
    assert!(
        all.iter()
            .all(|created| done(created) || *created == Created::NameTaken)
    );
    let user = enrol(store, &identity("wx1", None)).await;
    let names: Vec<_> = (0..16).map(|_| name()).collect();
    let all = join_all(names.iter().map(|name| create(store, name, Some(&user.id)))).await;
    let all: Vec<_> = all.into_iter().map(Result::unwrap).collect();
    assert_eq!(all.iter().filter(|created| done(created)).count(), 1);
}

async fn a_hash_is_replaced_by_who_knows_it(store: &dyn Database) {
    let (user, other) = (registered(store).await, registered(store).await);
    let replace = async |from: &str, to: &str| {
        let (from, to) = (hash(from), hash(to));
        store.replace_hash(&user, &from, &to, NOW).await.unwrap()
    };
    assert!(!replace("wrong", "b").await);
    let names = ["b", "c", "d", "e"];
    let all = join_all(names.iter().map(|to| replace("a", to))).await;
    assert_eq!(all.iter().filter(|done| **done).count(), 1);
    let kept = store.account_of(&user).await.unwrap().unwrap();
    assert_ne!(kept.hash.expose_secret(), "$argon2id$a");
    let others = store.account_of(&other).await.unwrap().unwrap();
    assert_eq!(others.hash.expose_secret(), "$argon2id$a");
}

async fn the_absorbed_are_found_in_the_other(store: &dyn Database) {
    let union = unionid();
    let (one, two) = (identity("wx1", Some(&union)), identity("wx2", Some(&union)));
    let person = enrol(store, &one).await;
    store.saw_browser(&person.id, &[7; 32], NOW).await.unwrap();
    let account = registered(store).await;
    store.saw_browser(&account, &[7; 32], NOW).await.unwrap();
    store.saw_browser(&account, &[8; 32], NOW).await.unwrap();
    for _ in 0..2 {
        let absorbed = store.absorb(&person.id, &account, NOW + 1).await;
        assert_eq!(absorbed.unwrap(), Absorbed::Done, "again is the same");
    }
    assert_eq!(get(store, &person.id).await, None);
    let whole = find(store, &one).await.unwrap();
    assert_eq!(whole.id, account);
    assert_eq!((&whole.name, &whole.avatar), (&person.name, &person.avatar));
    assert_eq!(
        enrol(store, &two).await.id,
        account,
        "the unionid leads there"
    );
    for browser in [7, 8] {
        let known = store.knows_browser(&account, &[browser; 32]).await;
        assert!(known.unwrap(), "{browser}");
    }
    assert!(store.account_of(&account).await.unwrap().is_some());
    let source = store.avatar_source(&person.avatar.unwrap()).await;
    assert!(source.unwrap().is_some(), "the picture is still served");
}

async fn what_the_other_has_already_stays(store: &dyn Database) {
    let (one, two) = (identity("wx1", None), identity("wx1", None));
    let (from, into) = (enrol(store, &one).await, enrol(store, &two).await);
    let absorbed = store.absorb(&from.id, &into.id, NOW).await;
    assert_eq!(absorbed.unwrap(), Absorbed::Done);
    assert_eq!(get(store, &into.id).await, Some(into.clone()));
    assert_eq!(find(store, &one).await, Some(into.clone()));
    assert_eq!(find(store, &two).await, Some(into));
}

fn session(user: &UserId) -> Session {
    Session {
        id: SessionId(ids::row_id(NOW)),
        user: user.clone(),
        app: AppId::default_app(),
        device: Device::default(),
        generation: 0,
        rotated_at: NOW,
        refresh_hash: [1; 32],
        created_at: NOW,
        last_seen_at: NOW,
        end: None,
    }
}

async fn opened(store: &dyn Database, user: &UserId) -> SessionId {
    store.open(&session(user), None).await.unwrap().id
}

async fn end_of(store: &dyn Database, id: &SessionId) -> Option<EndReason> {
    let kept = SessionStore::get(store, id).await.unwrap().unwrap();
    kept.end.map(|end| end.why)
}

async fn a_changed_password_ends_the_other_sessions(store: &dyn Database) {
    let user = registered(store).await;
    let (here, elsewhere) = (opened(store, &user).await, opened(store, &user).await);
    let change = async |from: &str, to: &str| {
        let (from, to) = (hash(from), hash(to));
        let changed = store.change_hash(&user, &from, &to, &here.0, NOW + 1);
        changed.await.unwrap()
    };
    assert_eq!(change("wrong", "b").await, None);
    assert_eq!(end_of(store, &elsewhere).await, None);
    let ended = change("a", "b").await;
    assert_eq!(ended, Some(vec![elsewhere.0.clone()]));
    let why = Some(EndReason::PasswordChanged);
    assert_eq!(end_of(store, &elsewhere).await, why);
    assert_eq!(end_of(store, &here).await, None);
    let kept = store.account_of(&user).await.unwrap().unwrap();
    assert_eq!(kept.hash.expose_secret(), "$argon2id$b");
}

async fn a_removed_password_ends_every_session(store: &dyn Database) {
    let one = identity("wx1", None);
    let user = enrol(store, &one).await;
    let remove = async || store.remove_password(&user.id, NOW).await.unwrap();
    let theirs = opened(store, &user.id).await;
    assert!(!remove().await, "there is none");
    assert_eq!(end_of(store, &theirs).await, None);
    create(store, &name(), Some(&user.id)).await.unwrap();
    assert!(remove().await);
    assert!(store.account_of(&user.id).await.unwrap().is_none());
    let why = Some(EndReason::PasswordChanged);
    assert_eq!(end_of(store, &theirs).await, why);
    assert_eq!(find(store, &one).await, Some(user.clone()));
}

/// Nothing moves.
async fn is_not_absorbed(store: &dyn Database, person: &User, now: Millis) {
    let account = registered(store).await;
    let absorbed = store.absorb(&person.id, &account, now).await;
    assert_eq!(absorbed.unwrap(), Absorbed::HasHistory);
    assert_eq!(get(store, &person.id).await.as_ref(), Some(person));
}

async fn nobody_who_ever_signed_in_is_absorbed(store: &dyn Database) {
    let person = enrol(store, &identity("wx1", None)).await;
    let theirs = opened(store, &person.id).await;
    is_not_absorbed(store, &person, NOW).await;
    assert_eq!(end_of(store, &theirs).await, None);
    let (at, why) = (NOW, EndReason::SignedOut);
    assert!(store.end(&theirs, End { at, why }).await.unwrap());
    is_not_absorbed(store, &person, NOW).await;
}

async fn nobody_who_absorbed_another_is_absorbed(store: &dyn Database) {
    let first = enrol(store, &identity("wx1", None)).await;
    let person = enrol(store, &identity("wx1", None)).await;
    assert!(store.merge(&first.id, &person.id, NOW).await.unwrap());
    is_not_absorbed(store, &person, NOW).await;
}

async fn only_newcomers_are_absorbed(store: &dyn Database) {
    let person = enrol(store, &identity("wx1", None)).await;
    is_not_absorbed(store, &person, NOW + NEWCOMER + 1).await;
    let account = registered(store).await;
    let absorbed = store.absorb(&person.id, &account, NOW + NEWCOMER).await;
    assert_eq!(absorbed.unwrap(), Absorbed::Done);
}

async fn nobody_with_an_account_is_absorbed(store: &dyn Database) {
    let one = identity("wx1", None);
    let person = enrol(store, &one).await;
    create(store, &name(), Some(&person.id)).await.unwrap();
    let theirs = session(&person.id);
    store.open(&theirs, None).await.unwrap();
    is_not_absorbed(store, &person, NOW).await;
    assert_eq!(find(store, &one).await, Some(person));
    let live = SessionStore::get(store, &theirs.id).await.unwrap().unwrap();
    assert_eq!(live.end, None);
}

async fn who_is_somebody_elses_is_absorbed_by_nobody(store: &dyn Database) {
    let person = enrol(store, &identity("wx1", None)).await;
    let (one, two) = (registered(store).await, registered(store).await);
    let absorb = async |into: &UserId| store.absorb(&person.id, into, NOW).await.unwrap();
    assert_eq!(absorb(&one).await, Absorbed::Done);
    assert_eq!(absorb(&two).await, Absorbed::Gone);
    assert_eq!(absorb(&one).await, Absorbed::Done);
    let owner = Some(&person.id);
    assert_eq!(
        create(store, &name(), owner).await.unwrap(),
        Created::NoOwner
    );
}

async fn an_operator_merges_the_password_too(store: &dyn Database) {
    let name = name();
    let from = enrol(store, &identity("wx1", None)).await;
    create(store, &name, Some(&from.id)).await.unwrap();
    let into = enrol(store, &identity("wx1", None)).await;
    assert!(store.merge(&from.id, &into.id, NOW).await.unwrap());
    let account = store.account_named(&name).await.unwrap().unwrap();
    assert_eq!(account.user, into.id);
    let other = registered(store).await;
    for (from, into) in [(&other, &into.id), (&into.id, &other)] {
        let merged = store.merge(from, into, NOW).await.unwrap();
        assert!(!merged, "one of the two passwords would be lost");
    }
}

async fn the_erased_leave_their_user_name(store: &dyn Database) {
    let name = name();
    let Created::Done(user) = create(store, &name, None).await.unwrap() else {
        panic!("the name is free");
    };
    let record = store.export(&user).await.unwrap().unwrap();
    assert_eq!(record.username.as_deref(), Some(name.as_str()));
    assert!(store.erase(&user, NOW).await.unwrap());
    assert!(store.account_named(&name).await.unwrap().is_none());
    let again = create(store, &name, None).await.unwrap();
    assert!(matches!(again, Created::Done(id) if id != user));
}
