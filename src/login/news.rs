//! What other nodes did to the scenes that are watched here.

use std::time::Duration;

use futures_util::future::join_all;

use super::{Login, LoginError};
use crate::{
    cluster::StoreError,
    code::Code,
    scene::{Effect, News, Scene, SceneId, State, Watch},
};

/// Scenes that are read again at once.
const AT_ONCE: usize = 64;

impl Login {
    /// This node has the scene's one socket from now on, and hears what others do to it. The caller reads the scene
    /// afterwards.
    ///
    /// # Errors
    /// 50300 when the store is away.
    pub async fn hold(&self, id: &SceneId) -> Result<(), LoginError> {
        Ok(self.parts().scenes.watch(id, Watch::Holding).await?)
    }

    /// Whether that is still so. To be asked once there is somebody here to be told otherwise.
    ///
    /// # Errors
    /// 40901 when another node holds it by now; 50300 when the store is away.
    pub async fn still_holds(&self, id: &SceneId) -> Result<(), LoginError> {
        if self.parts().scenes.is_held_here(id).await? {
            return Ok(());
        }
        Err(Code::TakenOver.into())
    }

    /// This node hears of the scene for `span`, beside whoever has its socket. As [`Login::hold`].
    ///
    /// # Errors
    /// 50300 when the store is away.
    pub async fn listen(&self, id: &SceneId, span: Duration) -> Result<(), LoginError> {
        let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let until = self.clock().now().saturating_add(span);
        Ok(self
            .parts()
            .scenes
            .watch(id, Watch::Listening(until))
            .await?)
    }

    /// Passes on what other nodes do; runs until the process stops.
    pub async fn hear_news(&self) {
        loop {
            let news = self.parts().scenes.news().await;
            // What could not be read now is read again: the store calls its own failure a gap.
            if let Err(error) = self.on_news(news).await {
                tracing::debug!(%error, "news could not be followed");
            }
        }
    }

    async fn on_news(&self, news: News) -> Result<(), StoreError> {
        match news {
            News::Moved(scene, effect) => self.pass_on(&scene, effect),
            News::Changed(id, effect) => match self.parts().scenes.get(&id).await? {
                Some(scene) => self.pass_on(&scene, effect),
                None => self.parts().push.finish(id),
            },
            News::TakenOver(id) => self.give_way(id).await?,
            News::Overdue(id) => self.end_for_others(id),
            News::Gap => self.read_all_again().await?,
        }
        Ok(())
    }

    fn pass_on(&self, scene: &Scene, effect: Effect) {
        match effect {
            Effect::Announce => self.announce(scene),
            Effect::Finish => self.parts().push.finish(scene.id),
            // The page that replaced it watches another one by now.
            Effect::Quiet if !scene.state.is_live() => self.parts().push.finish(scene.id),
            // A step before it may have gone by unheard; who has heard it passes it on no more.
            Effect::Quiet if scene.state != State::Pending => self.announce(scene),
            Effect::Quiet => {}
        }
    }

    /// Looks who is here before it asks who holds the scene: a page that comes back meanwhile is another.
    async fn give_way(&self, id: SceneId) -> Result<(), StoreError> {
        let push = &self.parts().push;
        if let Some(holder) = push.holder(id)
            && !self.parts().scenes.is_held_here(&id).await?
        {
            push.evict(id, &holder);
        }
        Ok(())
    }

    /// News were lost: whoever watches is told where the scene stands now. Each passes on only what is new to it.
    async fn read_all_again(&self) -> Result<(), StoreError> {
        let watched = self.parts().push.scenes();
        tracing::info!(
            count = watched.len(),
            "news may have been lost: reading every watched scene again"
        );
        let mut outcome = Ok(());
        for some in watched.chunks(AT_ONCE) {
            let read = join_all(some.iter().map(|id| self.read_again(*id))).await;
            // One that cannot be read leaves the others theirs.
            outcome = outcome.and_then(|()| read.into_iter().collect());
        }
        outcome
    }

    async fn read_again(&self, id: SceneId) -> Result<(), StoreError> {
        let push = &self.parts().push;
        let Some(scene) = self.parts().scenes.get(&id).await? else {
            tracing::warn!(scene = %id, "the store has lost this scene");
            push.lose(id);
            return Ok(());
        };
        if scene.is_redeemed() {
            push.finish(id);
        } else if scene.state != State::Pending {
            // Who watches a pending scene knows that, and its secret is not here.
            self.announce(&scene);
        }
        // The store may have lost who holds it, too: whoever is here comes back and says so again.
        if let Some(holder) = push.holder(id)
            && !self.parts().scenes.is_held_here(&id).await?
        {
            push.recall(id, &holder);
        }
        Ok(())
    }
}
