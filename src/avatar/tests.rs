use std::sync::Arc;

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;
use crate::{
    backend::sqlite::Sqlite,
    user::{Identity, Profile},
    wechat::fake::{Fake, Play},
};

/// Shortest of all pictures; also a text.
const GIF: &str = "GIF89a";

struct Bench {
    avatars: Avatars,
    fake: Fake,
    users: Arc<Sqlite>,
    /// Goes away with the bench.
    _home: TempDir,
}

impl Bench {
    async fn start(script: Vec<Play>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("scangate.db");
        let users = Arc::new(Sqlite::open(path.to_str().unwrap()).await.unwrap());
        let fake = Fake::start(script).await;
        let config = config::Avatars {
            hosts: Vec::new(),
            cache_mb: 1,
        };
        Self {
            avatars: Avatars::new(&config, Some(fake.base()), users.clone()).unwrap(),
            fake,
            users,
            _home: home,
        }
    }

    /// Somebody whose picture is that file from here on.
    async fn shows(&self, openid: &str, file: &str) -> AvatarId {
        let identity = Identity {
            app_id: "wx1".to_owned(),
            openid: openid.to_owned(),
            unionid: None,
        };
        let profile = Profile {
            name: None,
            avatar: Some(format!("{}{file}", self.fake.base())),
        };
        let user = self.users.enrol(&identity, &profile, 1).await.unwrap();
        user.avatar.unwrap()
    }

    async fn has(&self, id: &AvatarId) -> bool {
        self.avatars.get(id).await.unwrap().is_some()
    }
}

fn gif() -> Play {
    Play::Answer(200, GIF.as_bytes().to_vec())
}

#[tokio::test]
async fn ten_who_ask_at_once_make_one_fetch() {
    let told = Arc::new(Notify::new());
    let bench = Bench::start(vec![Play::Held(told.clone(), GIF.to_owned())]).await;
    let id = bench.shows("zoe", "a").await;
    let ten = join_all((0..10).map(|_| bench.has(&id)));
    let (all, ()) = tokio::join!(ten, async {
        bench.fake.count(1).await;
        told.notify_one();
    });
    assert!(all.into_iter().all(|has| has));
    assert!(bench.has(&id).await);
    assert_eq!(bench.fake.requests(), ["GET /a HTTP/1.1"]);
}

#[tokio::test]
async fn a_picture_that_cannot_be_had_is_not_asked_for_again_at_once() {
    let bench = Bench::start(vec![Play::Answer(404, Vec::new()), gif()]).await;
    let id = bench.shows("zoe", "a").await;
    assert!(!bench.has(&id).await);
    assert!(!bench.has(&id).await);
    assert_eq!(bench.fake.requests().len(), 1);
    let other = bench.shows("amy", "b").await;
    assert!(bench.has(&other).await, "others are not concerned");
}

#[tokio::test]
async fn a_picture_that_was_replaced_is_gone_at_once() {
    let bench = Bench::start(vec![gif()]).await;
    let first = bench.shows("zoe", "a").await;
    assert!(bench.has(&first).await);
    let second = bench.shows("zoe", "b").await;
    assert!(!bench.has(&first).await, "although it is kept");
    assert!(bench.has(&second).await);
    assert_eq!(bench.fake.requests().len(), 2);
}

#[tokio::test]
async fn a_caller_that_hangs_up_leaves_the_fetch_to_the_next() {
    let bench = Bench::start(vec![Play::Silence, gif()]).await;
    let id = bench.shows("zoe", "a").await;
    tokio::select! {
        biased;
        _ = bench.has(&id) => panic!("nothing was answered"),
        asked = bench.fake.count(1) => assert_eq!(asked, 1),
    }
    assert!(bench.has(&id).await);
    assert_eq!(bench.avatars.places.available_permits(), MAX_FETCHES);
}

#[tokio::test]
async fn when_all_places_are_taken_a_caller_comes_back_later() {
    let bench = Bench::start(vec![gif()]).await;
    let id = bench.shows("zoe", "a").await;
    let taken = bench.avatars.places.acquire_many(32).await.unwrap();
    let busy = bench.avatars.get(&id).await.unwrap_err();
    assert_eq!(busy.code(), Code::Overloaded);
    assert_eq!(bench.fake.connections(), 0);
    drop(taken);
    assert!(bench.has(&id).await, "being busy is not remembered");
}
