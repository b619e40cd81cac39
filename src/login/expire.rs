//! Time runs out: one loop for all scenes of this node.

use super::{Login, RETRY_AFTER};
use crate::{
    cluster::StoreError,
    scene::{Advanced, Input, Refused, Scene, SceneId},
    telemetry::StateLabel,
};

impl Login {
    /// Expires scenes and forgets ends as their time comes; runs until the process stops.
    pub async fn keep_time(&self) {
        loop {
            let id = self.0.deadlines.next(self.clock()).await;
            if let Err(error) = self.on_deadline(&id).await {
                tracing::error!(%error, scene = %id, "a scene could not be ended in time; trying again");
                let later =
                    self.clock().now() + u64::try_from(RETRY_AFTER.as_millis()).unwrap_or(u64::MAX);
                self.0.deadlines.set(id, None, later);
            }
        }
    }

    async fn on_deadline(&self, id: &SceneId) -> Result<(), StoreError> {
        match self.advance(id, &Input::Expire).await? {
            Advanced::Refused(Refused::Ended | Refused::Redeemed, scene) => {
                self.forget(&scene).await
            }
            // Moved on meanwhile: whoever moved it has set its next deadline.
            Advanced::Done { .. } | Advanced::Refused(..) => Ok(()),
            Advanced::Unknown => {
                self.parts().push.finish(*id);
                Ok(())
            }
        }
    }

    async fn forget(&self, scene: &Scene) -> Result<(), StoreError> {
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
