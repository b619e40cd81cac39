//! What login events tell of a scene.
//!
//! What happens in the database is told by the transaction in which it happens. The step of a scene is none of it, so
//! the scene is the outbox of its own end: it is put when the step is taken, and once more before the ended scene is
//! forgotten, by whichever node forgets it, under the same id. So a crash in between loses nothing where scenes outlive it
//! (Redis), as long as some gateway is there when the scene is forgotten. Where they do not (memory), what a killed gateway
//! had not put yet is lost with its scenes.

use super::Login;
use crate::{
    cluster::StoreError,
    event::{Event, Fact, FailedLogin},
    scene::{Scene, State},
};

impl Login {
    /// Tells the end of a scene, if it is one that is told, without keeping anybody waiting.
    pub(super) fn tell_soon(&self, scene: &Scene) {
        let Some(event) = ended(scene) else { return };
        let login = self.clone();
        self.parts().tasks.spawn("tell an end", async move {
            if let Err(error) = login.parts().events.put(&event).await {
                let id = event.id;
                tracing::warn!(%error, event = id, "the end of a login is told later: a store is away");
            }
        });
    }

    /// The same once more; only then may it be forgotten.
    pub(super) async fn tell(&self, scene: &Scene) -> Result<(), StoreError> {
        match ended(scene) {
            Some(event) => self.parts().events.put(&event).await,
            None => Ok(()),
        }
    }
}

fn ended(scene: &Scene) -> Option<Event> {
    let opening = &scene.opening;
    let login = FailedLogin {
        scene: scene.id.to_string(),
        trace_id: opening.trace_id.to_string(),
        app: opening.app.to_string(),
        flow: opening.flow,
    };
    let fact = match &scene.state {
        State::Rejected { by, reason } => Fact::LoginRejected {
            login,
            by: by.name(),
            reason: reason.as_deref().map(str::to_owned),
        },
        State::Failed { code } => Fact::LoginFailed {
            login,
            code: code.number(),
            name: code.name(),
        },
        _ => return None,
    };
    let id = scene.id.to_string();
    Some(Event::of_scene(&id, scene.seq, scene.at, fact))
}
