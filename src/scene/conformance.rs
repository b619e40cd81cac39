//! What every [`SceneStore`] must do.

use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    clock::Millis,
    code::{Code, Locale},
    config::{AppId, Flow},
    ids::TraceId,
    user::{AvatarId, Known, User, UserId},
};

pub(crate) const NOW: Millis = 1_795_312_000_000;

/// Short lives, all different.
pub(crate) const LIVES: Lives = Lives {
    pending: Duration::from_secs(120),
    website: Duration::from_secs(300),
    scanned: Duration::from_secs(180),
    verifying: Duration::from_secs(50),
    authorized: Duration::from_secs(60),
    end: Duration::from_secs(240),
};

pub(crate) fn scene(secret: &Secret) -> Scene {
    scene_of(Flow::H5, secret)
}

pub(crate) fn scene_of(flow: Flow, secret: &Secret) -> Scene {
    let opening = Opening {
        app: AppId::default_app(),
        flow,
        asked: flow,
        challenge: [1; 32],
        locale: Locale::En,
        svg: true,
        return_to: None,
        browser_cookie: None,
        asker: Asker::default(),
        opened_at: NOW,
        trace_id: TraceId::random(),
    };
    Scene::open(
        SceneId::random(),
        secret,
        Arc::new(opening),
        None,
        NOW,
        &LIVES,
    )
}

pub(crate) fn phone(openid: &str, tie: u8) -> Phone {
    Phone {
        openid: openid.to_owned(),
        tie: Some([tie; 32]),
    }
}

pub(crate) fn user() -> User {
    User {
        id: UserId("u".to_owned()),
        name: Some("李小龙".to_owned()),
        avatar: None,
    }
}

pub(crate) fn scan() -> Input {
    Input::Scan {
        phone: phone("o", 1),
        known: None,
    }
}

pub(crate) fn confirm() -> Input {
    Input::Confirm {
        phone: phone("o", 1),
        user: user(),
        digits: None,
    }
}

/// `make` gives an empty store with that limit.
pub(crate) async fn scene_store<S: SceneStore + 'static>(make: impl AsyncFn(usize, Lives) -> S) {
    it_refuses_the_same_id_and_more_than_its_limit(&make(2, LIVES).await).await;
    scene_life(make).await;
}

/// The same without the limit, which a cluster keeps for each of its places only.
pub(crate) async fn scene_life<S: SceneStore + 'static>(make: impl AsyncFn(usize, Lives) -> S) {
    it_keeps_and_forgets(&make(10, LIVES).await).await;
    it_keeps_everything(&make(10, LIVES).await).await;
    it_tells_what_was_before(&make(10, LIVES).await).await;
    a_refused_step_changes_nothing(&make(10, LIVES).await).await;
    one_of_many_steps_wins(Arc::new(make(10, LIVES).await)).await;
    whoever_creates_a_scene_holds_it(&make(10, LIVES).await).await;
}

/// A scene of each state, with everything that may be in it.
pub(crate) fn scenes_of_all_states() -> Vec<Scene> {
    let user = Box::new(User {
        avatar: Some(AvatarId("a".to_owned())),
        ..user()
    });
    let redeemed = Redeemed {
        at: NOW,
        receipt: "{}".to_owned(),
        burnt: true,
    };
    let states = [
        State::Pending,
        State::Scanned { known: None },
        State::Scanned {
            known: Some(Box::new(Known {
                user: *user.clone(),
                profiled_at: Some(NOW),
            })),
        },
        State::Verifying {
            user: user.clone(),
            digits: Digits::parse("07").unwrap(),
            tries_left: 2,
        },
        State::Authorized {
            user: user.clone(),
            redeemed: None,
        },
        State::Authorized {
            user,
            redeemed: Some(Box::new(redeemed)),
        },
        State::Rejected {
            by: By::Policy,
            reason: Some("why".into()),
        },
        State::Expired,
        State::Cancelled,
        State::Failed {
            code: Code::WrongDigits,
        },
    ];
    let scene = |state| {
        let mut scene = scene_of(Flow::Website, &Secret::random());
        let mut opening = Opening::clone(&scene.opening);
        (opening.browser_cookie, opening.return_to) = (Some([2; 32]), Some("https://r".into()));
        (scene.state, scene.seq, scene.opening) = (state, 7, Arc::new(opening));
        (scene.phone, scene.link) = (Some(Box::new(phone("o", 1))), Some("https://l".into()));
        scene
    };
    states.into_iter().map(scene).collect()
}

async fn it_keeps_everything(store: &dyn SceneStore) {
    for scene in scenes_of_all_states() {
        store.create(scene.clone()).await.unwrap();
        assert_eq!(store.get(&scene.id).await.unwrap(), Some(scene));
    }
}

async fn whoever_creates_a_scene_holds_it(store: &dyn SceneStore) {
    let scene = scene(&Secret::random());
    assert!(!store.is_held_here(&scene.id).await.unwrap());
    store.create(scene.clone()).await.unwrap();
    assert!(store.is_held_here(&scene.id).await.unwrap());
    for how in [Watch::Listening(NOW), Watch::Holding] {
        store.watch(&scene.id, how).await.unwrap();
        assert!(store.is_held_here(&scene.id).await.unwrap());
    }
}

async fn it_keeps_and_forgets(store: &dyn SceneStore) {
    let scene = scene(&Secret::random());
    store.create(scene.clone()).await.unwrap();
    assert_eq!(store.get(&scene.id).await.unwrap().unwrap().seq, 1);
    assert!(
        !store.forget(&scene.id, NOW + 1_000_000).await.unwrap(),
        "a live scene is not forgotten"
    );

    let Advanced::Done { scene: ended, .. } =
        store.advance(&scene.id, &Input::Cancel, NOW).await.unwrap()
    else {
        panic!("it was live");
    };
    assert!(
        !store.forget(&scene.id, ended.deadline - 1).await.unwrap(),
        "it may still be read"
    );
    assert!(matches!(
        store
            .advance(&scene.id, &scan(), ended.deadline)
            .await
            .unwrap(),
        Advanced::Unknown
    ));
    assert!(store.forget(&scene.id, ended.deadline).await.unwrap());
    assert!(store.get(&scene.id).await.unwrap().is_none());
    assert!(matches!(
        store.advance(&scene.id, &scan(), NOW).await.unwrap(),
        Advanced::Unknown
    ));
}

async fn it_refuses_the_same_id_and_more_than_its_limit(store: &dyn SceneStore) {
    let (first, second, third) = (
        scene(&Secret::random()),
        scene(&Secret::random()),
        scene(&Secret::random()),
    );
    store.create(first.clone()).await.unwrap();
    assert!(matches!(
        store.create(first.clone()).await,
        Err(CreateError::Store(_))
    ));
    store.create(second).await.unwrap();
    assert!(matches!(
        store.create(third.clone()).await,
        Err(CreateError::Full(2))
    ));
    store.advance(&first.id, &Input::Cancel, NOW).await.unwrap();
    assert!(store.forget(&first.id, NOW + 1_000_000).await.unwrap());
    store.create(third).await.unwrap();
}

async fn it_tells_what_was_before(store: &dyn SceneStore) {
    let scene = scene(&Secret::random());
    store.create(scene.clone()).await.unwrap();
    let Advanced::Done {
        scene: scanned,
        effect,
        was,
    } = store.advance(&scene.id, &scan(), NOW + 5).await.unwrap()
    else {
        panic!("a pending scene can be scanned");
    };
    assert_eq!(
        (was, effect, scanned.seq),
        (Was::of(&scene), Effect::Announce, 2)
    );
}

async fn a_refused_step_changes_nothing(store: &dyn SceneStore) {
    let scene = scene(&Secret::random());
    store.create(scene.clone()).await.unwrap();
    let refused = store.advance(&scene.id, &confirm(), NOW).await.unwrap();
    assert!(matches!(refused, Advanced::Refused(Refused::OtherPhone, kept) if kept.seq == 1));
    let late = store
        .advance(&scene.id, &scan(), scene.deadline)
        .await
        .unwrap();
    assert!(
        matches!(late, Advanced::Refused(Refused::Ended, kept) if kept.state == State::Pending)
    );
}

/// Sixteen phones at once: one of them scanned.
async fn one_of_many_steps_wins<S: SceneStore + 'static>(store: Arc<S>) {
    let scene = scene(&Secret::random());
    store.create(scene.clone()).await.unwrap();
    let scans = (0..16).map(|n| {
        let (store, id) = (store.clone(), scene.id);
        async move {
            let input = Input::Scan {
                phone: phone(&format!("o{n}"), n),
                known: None,
            };
            matches!(
                store.advance(&id, &input, NOW).await.unwrap(),
                Advanced::Done { .. }
            )
        }
    });
    let won = futures_util::future::join_all(scans).await;
    assert_eq!(won.into_iter().filter(|won| *won).count(), 1);
}
