//! Time runs out: one loop for all scenes of this node.

use tokio::sync::OwnedSemaphorePermit;

use super::{Login, RETRY_AFTER};
use crate::{
    cluster::StoreError,
    scene::{Input, Scene, SceneId},
    telemetry::StateLabel,
};

impl Login {
    /// Expires scenes and forgets ends as their time comes; runs until the process stops.
    pub async fn keep_time(&self) {
        loop {
            let id = self.0.deadlines.next(self.clock()).await;
            // It is never closed.
            let place = self.0.endings.clone().acquire_owned().await.ok();
            self.end_in(place, id);
        }
    }

    /// The same for a scene of another node that did not; when all places are taken, it will be given out again.
    pub(super) fn end_for_others(&self, id: SceneId) {
        if let Ok(place) = self.0.endings.clone().try_acquire_owned() {
            self.end_in(Some(place), id);
        }
    }

    /// In a task of its own: a store that is slow holds up no other scene, and no news.
    fn end_in(&self, place: Option<OwnedSemaphorePermit>, id: SceneId) {
        let login = self.clone();
        self.parts().tasks.spawn("end of a scene", async move {
            let _place = place;
            if let Err(error) = login.on_deadline(&id).await {
                tracing::debug!(%error, scene = %id, "a scene could not be ended in time; trying again");
                let later = login.clock().now()
                    + u64::try_from(RETRY_AFTER.as_millis()).unwrap_or(u64::MAX);
                login.0.deadlines.set(id, None, later);
            }
        });
    }

    async fn on_deadline(&self, id: &SceneId) -> Result<(), StoreError> {
        match self.parts().scenes.get(id).await? {
            // To everybody else a scene past its end is unknown already, so it is forgotten by what is kept of it.
            Some(scene) if scene.is_forgotten_at(self.clock().now()) => self.forget(&scene).await,
            // One that has moved on meanwhile refuses; whoever moved it has set its next deadline.
            Some(_) => self.advance(id, &Input::Expire).await.map(drop),
            // Whatever is left of it, its place among the deadlines for one.
            None => {
                self.parts().push.finish(*id);
                self.parts().scenes.forget(id, self.clock().now()).await?;
                Ok(())
            }
        }
    }

    async fn forget(&self, scene: &Scene) -> Result<(), StoreError> {
        self.tell(scene).await?;
        if self
            .parts()
            .scenes
            .forget(&scene.id, self.clock().now())
            .await?
        {
            self.parts()
                .metrics
                .scenes
                .get_or_create(&StateLabel {
                    state: scene.state.name(),
                })
                .dec();
            self.parts().push.finish(scene.id);
        }
        Ok(())
    }
}
