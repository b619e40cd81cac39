//! Where scenes are kept, and what one step promises.

use async_trait::async_trait;

use super::{Effect, Input, Refused, Scene, SceneId};
use crate::{clock::Millis, cluster::StoreError};

/// What became of one step.
#[derive(Clone, Debug)]
pub enum Advanced {
    /// Taken.
    Done {
        /// The scene as it is now.
        scene: Scene,
        /// What must follow.
        effect: Effect,
        /// What it was before.
        was: Was,
    },
    /// Not taken; the scene as it is.
    Refused(Refused, Scene),
    /// No such scene, or forgotten.
    Unknown,
}

/// What a scene was before a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Was {
    /// Its state's name.
    pub state: &'static str,
    /// Its sequence number.
    pub seq: u64,
    /// When that state began.
    pub at: Millis,
    /// Its deadline.
    pub deadline: Millis,
}

impl Was {
    /// Of this scene.
    pub const fn of(scene: &Scene) -> Self {
        Self {
            state: scene.state.name(),
            seq: scene.seq,
            at: scene.at,
            deadline: scene.deadline,
        }
    }
}

/// Why a scene was not kept.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// `limits.live_scenes` are there already.
    #[error("{0} scenes are live: the limit")]
    Full(usize),
    /// The store is away.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What another node did to a scene that this one watches, or what nobody did.
#[derive(Clone, Debug)]
pub enum News {
    /// It took a step; the scene as it was then.
    Moved(Box<Scene>, Effect),
    /// It took a step, and the quick message of it was lost: the scene is to be read.
    Changed(SceneId, Effect),
    /// Its socket holds the scene now.
    TakenOver(SceneId),
    /// The time of a scene is over, and whoever should have ended it has not.
    Overdue(SceneId),
    /// News may have been lost: everything that is watched here is to be read again.
    Gap,
}

/// How a node watches a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// With the one socket or stream. The last node wins; the one before gets [`News::TakenOver`].
    Holding,
    /// Beside it, until then.
    Listening(Millis),
}

/// Scenes by id.
///
/// One [`advance`](SceneStore::advance) is one compare-and-set: of any number of callers at once each sees the
/// scene the one before left, and none overwrites another's step. Expiry is not the store's: the caller brings
/// `now`, and a step on a live scene past its deadline is refused even when nobody expired it yet. A forgotten
/// end reads as unknown.
#[async_trait]
pub trait SceneStore: Send + Sync {
    /// Keeps a new scene. Ids are random: one that is there already stays, and this is an error.
    async fn create(&self, scene: Scene) -> Result<(), CreateError>;

    /// The scene of that id, live or ended.
    async fn get(&self, id: &SceneId) -> Result<Option<Scene>, StoreError>;

    /// One step of [`Scene::advance`].
    async fn advance(
        &self,
        id: &SceneId,
        input: &Input,
        now: Millis,
    ) -> Result<Advanced, StoreError>;

    /// Removes an end whose time to be read is over; tells whether it is gone now.
    async fn forget(&self, id: &SceneId, now: Millis) -> Result<bool, StoreError>;

    /// From now on this node gets the [`news`](SceneStore::news) of the scene. The caller reads the scene afterwards:
    /// what happened before is not told. Whoever creates a scene holds it.
    async fn watch(&self, id: &SceneId, how: Watch) -> Result<(), StoreError>;

    /// Whether this node is the last that said it holds the scene; an unknown one is held by nobody.
    async fn is_held_here(&self, id: &SceneId) -> Result<bool, StoreError>;

    /// The next news, as soon as there are some; for one caller. What other nodes did comes at once, or within 3 s where
    /// a message is lost, and may come twice. Whoever is alone hears nothing for ever.
    async fn news(&self) -> News;
}
