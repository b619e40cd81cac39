//! What every [`Database`] must do; a backend's own test is one call of [`database`].

mod told;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use secrecy::ExposeSecret;

use super::Database;
use crate::{
    clock::Clock,
    config::{AppId, Overrides, load},
    event::{self, Via},
    token::{self, Device, Keys, SessionStore, Tokens},
    user::{self, Identity, Profile, User},
};

/// Runs the suite of every trait.
pub(super) async fn database(store: Arc<dyn Database>) {
    user::conformance::users(&*store).await;
    user::conformance::accounts(&*store).await;
    let (one, two) = (enrol(&*store, "o1").await, enrol(&*store, "o2").await);
    token::conformance::sessions(&*store, &one.id, &two.id).await;
    event::conformance::outbox(&*store).await;
    told::what_happens_is_told(&*store).await;
    tokens_are_refreshed_once_however_many_ask(store, &one).await;
}

/// A user by that openid.
pub(super) async fn enrol(store: &dyn Database, openid: &str) -> User {
    let identity = Identity {
        app_id: "wx1".to_owned(),
        openid: openid.to_owned(),
        unionid: None,
    };
    store
        .enrol(&identity, &Profile::default(), 1)
        .await
        .unwrap()
}

async fn tokens_are_refreshed_once_however_many_ask(store: Arc<dyn Database>, user: &User) {
    let config = load(&Overrides::default()).unwrap();
    let (keys, clock) = (Keys::generate().unwrap(), Clock::new());
    let (watch, rows) = (Arc::new(()), store.clone());
    let tokens = Tokens::new(&config, keys, rows.clone(), rows, watch, clock.clone());
    let app = AppId::default_app();
    let (stamp, device) = (tokens.stamp(), Device::default());
    let opened = (0..8).map(|_| tokens.open_session(&stamp, user, &app, &device, &Via::Password));
    let opened = join_all(opened).await.into_iter().map(Result::unwrap);
    let shown: Vec<_> = opened
        .map(|one| one.refresh_token.unwrap().expose_secret().to_owned())
        .collect();
    assert!(shown.windows(2).all(|pair| pair[0] == pair[1]));

    clock.advance(Duration::from_secs(60));
    let rotated = join_all(
        shown
            .iter()
            .map(|token| tokens.refresh(&app, token, "::1".to_owned())),
    )
    .await;
    let rotated = rotated.into_iter().map(|one| one.ok().unwrap());
    let next: Vec<_> = rotated
        .map(|one| one.refresh_token.unwrap().expose_secret().to_owned())
        .collect();
    assert!(next.windows(2).all(|pair| pair[0] == pair[1]));
    assert_ne!(shown[0], next[0]);
    let kept = SessionStore::get(&*store, &stamp.session_id).await;
    assert_eq!(kept.unwrap().unwrap().generation, 1);
}
