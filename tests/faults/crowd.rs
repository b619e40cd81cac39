//! People who sign in, one login after the other, until they are told to stop.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{
    dice::Dice,
    fleet::World,
    page::Page,
    phone::{Intent, Phone},
    verdict::KEPT_WITHIN,
};

/// Users that one place in the crowd has at most; the sandbox knows a thousand in all.
const USERS: u64 = 40;
/// How long a page is watched that nobody promised anything: what should not come would come by then.
const UNPROMISED: Duration = Duration::from_millis(500);

/// How long a phone may take to show what the page has.
const HEARD: Duration = Duration::from_secs(5);

/// Everybody who is signing in now.
pub(crate) struct Crowd {
    places: JoinSet<()>,
    is_over: Arc<AtomicBool>,
}

impl Crowd {
    pub(crate) fn gather(world: &Arc<World>, size: u64, seed: u64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let mut places = JoinSet::new();
        for place in 0..size {
            let (world, is_over) = (Arc::clone(world), Arc::clone(&is_over));
            let dice = Dice::new(seed ^ (place << 32));
            places.spawn(async move { fill(&world, place, dice, &is_over).await });
        }
        Self { places, is_over }
    }

    /// Nobody begins again; waits until all are through.
    pub(crate) async fn disperse(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let all = self.places.join_all();
        let bound = KEPT_WITHIN + Duration::from_secs(60);
        timeout(bound, all).await.expect("every login ends");
    }
}

/// One place in the crowd: a new person at every other login, so that there are those whom the gateway knows and those
/// whom it does not.
async fn fill(world: &World, place: u64, mut dice: Dice, is_over: &AtomicBool) {
    for nth in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let user = format!("p{place}x{}", (nth / 2) % USERS);
        appear(world, &user).await;
        sign_in(world, &user, &mut dice).await;
        sleep(dice.millis(50..400)).await;
    }
}

/// Makes the user, where there is none yet.
async fn appear(world: &World, user: &str) {
    let url = format!("http://{}/sandbox/api/users", world.sandbox);
    let body = json!({ "id": user, "name": user, "follower": true, "snapshot": false });
    let made = world.http.post(url).json(&body).send().await.unwrap();
    assert!(matches!(made.status().as_u16(), 201 | 409), "{made:?}");
}

/// One login: a page, and a phone as soon as there is a code.
async fn sign_in(world: &World, user: &str, dice: &mut Dice) {
    let intent = match dice.next() % 10 {
        0 => Intent::Reject,
        1 => Intent::Leave,
        _ => Intent::Confirm,
    };
    let (show_code, mut code) = watch::channel(None::<String>);
    let (show_digits, digits) = watch::channel(None);
    let mut page = Page::new(world, user, Dice::new(dice.next()), show_code, digits);
    let mut phone = Phone::new(world, user, Dice::new(dice.next()));
    let mut waits = pin!(page.run());
    let mut taps = pin!(async {
        let shown = code.wait_for(Option::is_some).await;
        match shown.ok().and_then(|code| code.clone()) {
            Some(code) => phone.scan(&code, intent, &show_digits).await,
            None => false,
        }
    });
    tokio::select! {
        // The phone hears of it, too.
        _ = &mut waits => drop(timeout(HEARD, taps).await),
        is_promised = &mut taps => {
            let patience = if is_promised { KEPT_WITHIN } else { UNPROMISED };
            drop(timeout(patience, waits).await);
        }
    }
}
