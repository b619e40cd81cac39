//! Scenes in a [`DashMap`]: the entry's lock is the compare-and-set.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use dashmap::{DashMap, Entry};

use crate::{
    clock::Millis,
    cluster::StoreError,
    scene::{Advanced, CreateError, Input, Lives, News, Scene, SceneId, SceneStore, Was, Watch},
};

/// Scenes of this process, `limit` at most.
#[derive(Debug)]
pub struct MemoryScenes {
    /// Boxed, so that the empty places of a map that grows by doubling cost little.
    scenes: DashMap<SceneId, Box<Scene>>,
    count: AtomicUsize,
    limit: usize,
    lives: Lives,
}

impl MemoryScenes {
    /// An empty store.
    pub fn new(limit: usize, lives: Lives) -> Self {
        Self {
            scenes: DashMap::new(),
            count: AtomicUsize::new(0),
            limit,
            lives,
        }
    }

    /// Takes a place below the limit, in one step.
    fn reserve(&self) -> bool {
        let below = |count: usize| (count < self.limit).then_some(count + 1);
        self.count
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, below)
            .is_ok()
    }

    fn release(&self) {
        self.count.fetch_sub(1, Ordering::AcqRel);
    }
}

#[async_trait]
impl SceneStore for MemoryScenes {
    async fn create(&self, scene: Scene) -> Result<(), CreateError> {
        if !self.reserve() {
            return Err(CreateError::Full(self.limit));
        }
        match self.scenes.entry(scene.id) {
            Entry::Vacant(place) => {
                place.insert(Box::new(scene));
                Ok(())
            }
            Entry::Occupied(_) => {
                self.release();
                Err(StoreError {
                    store: "memory",
                    message: "a scene of this id exists".to_owned(),
                }
                .into())
            }
        }
    }

    async fn get(&self, id: &SceneId) -> Result<Option<Scene>, StoreError> {
        Ok(self.scenes.get(id).map(|scene| Scene::clone(&scene)))
    }

    async fn advance(
        &self,
        id: &SceneId,
        input: &Input,
        now: Millis,
    ) -> Result<Advanced, StoreError> {
        let Some(mut scene) = self.scenes.get_mut(id) else {
            return Ok(Advanced::Unknown);
        };
        if scene.is_forgotten_at(now) {
            return Ok(Advanced::Unknown);
        }
        Ok(match scene.advance(input, now, &self.lives) {
            Ok((next, effect)) => {
                let was = Was::of(&scene);
                **scene = next.clone();
                Advanced::Done {
                    scene: next,
                    effect,
                    was,
                }
            }
            Err(refused) => Advanced::Refused(refused, Scene::clone(&scene)),
        })
    }

    async fn forget(&self, id: &SceneId, now: Millis) -> Result<bool, StoreError> {
        if self
            .scenes
            .remove_if(id, |_, scene| scene.is_forgotten_at(now))
            .is_some()
        {
            self.release();
            return Ok(true);
        }
        Ok(!self.scenes.contains_key(id))
    }

    async fn watch(&self, _: &SceneId, _: Watch) -> Result<(), StoreError> {
        Ok(())
    }

    async fn is_held_here(&self, id: &SceneId) -> Result<bool, StoreError> {
        Ok(self.scenes.contains_key(id))
    }

    async fn news(&self) -> News {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::conformance;

    #[tokio::test]
    async fn keeps_the_contract() {
        conformance::scene_store(async |limit, lives| MemoryScenes::new(limit, lives)).await;
    }
}
