//! `GET /scenes/{scene}`: long poll and plain polling. Takes nothing over.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::{
    Door,
    scenes::{event, own},
};
use crate::{
    http::{ApiError, Limits},
    protocol::Encoded,
    push::{Dismissal, Slow, Watcher},
    scene::SceneId,
};

/// The longest wait, in seconds.
const MAX_WAIT_S: u64 = 25;

#[derive(Deserialize)]
pub(super) struct Poll {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
}

/// The latest event as soon as its `seq` is over `after`, else the present one when the wait is over.
pub(super) async fn poll(
    request: HttpRequest,
    path: web::Path<String>,
    query: web::Query<Poll>,
    door: web::Data<Door>,
    limits: web::Data<Limits>,
) -> Result<HttpResponse, ApiError> {
    let owner = own(&request, &path, &door, &limits).await?;
    if query.wait > 0 && owner.scene.seq <= query.after && owner.scene.state.is_live() {
        let (bell, rings) = Bell::new();
        let bell: Arc<dyn Watcher> = Arc::new(bell);
        let seat = Seat {
            door: door.clone(),
            scene: owner.scene.id,
            bell,
        };
        let wait = Duration::from_secs(query.wait.min(MAX_WAIT_S));
        if door.push.listen(seat.scene, seat.bell.clone()) {
            door.login.listen(&seat.scene, wait).await?;
            // Read again now that the bell hangs: what happened in between does not ring it.
            let scene = door.login.find(&path, &owner.secret).await?;
            if scene.seq <= query.after {
                tokio::select! {
                    _ = rings => {}
                    () = door.login.clock().sleep(wait) => {}
                    () = door.drain.begun() => {}
                }
            }
        }
    }
    let scene = door.login.find(&path, &owner.secret).await?;
    let replay = scene.seq <= query.after;
    event(
        &request,
        StatusCode::OK,
        &door.login.event(&scene, &owner.secret, replay),
    )
}

/// Rings once, at the first news.
struct Bell(Mutex<Option<oneshot::Sender<()>>>);

impl Bell {
    fn new() -> (Self, oneshot::Receiver<()>) {
        let (bell, rings) = oneshot::channel();
        (Self(Mutex::new(Some(bell))), rings)
    }

    fn ring(&self) {
        let bell = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(bell) = bell {
            // Nobody may be listening any more.
            let _ = bell.send(());
        }
    }
}

impl Watcher for Bell {
    fn deliver(&self, _: SceneId, _: &Encoded) -> Result<(), Slow> {
        self.ring();
        Ok(())
    }

    fn dismiss(&self, _: SceneId, _: Dismissal) {
        self.ring();
    }
}

/// A listener's place, given up however the request ends.
struct Seat {
    door: web::Data<Door>,
    scene: SceneId,
    bell: Arc<dyn Watcher>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.door.push.leave(self.scene, &self.bell);
    }
}
