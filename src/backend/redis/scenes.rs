//! Scenes in Redis, shared by all nodes: one hash each, changed by compare-and-set.

use std::sync::Arc;

use async_trait::async_trait;
use redis::ScriptInvocation;
use tokio::sync::Mutex;

use super::{Link, feed::Feed, keys, scripts};
use crate::{
    clock::{Clock, Millis},
    cluster::StoreError,
    ids,
    scene::{
        Advanced, CreateError, Effect, Input, Lives, News, Scene, SceneId, SceneStore, Was, Watch,
    },
};

/// How often a step is tried again because somebody else was faster, or no answer came.
const TRIES: u32 = 8;
/// How much longer than its own time a scene is kept, in milliseconds: whoever expires it may be late.
const KEPT_LONGER: u64 = 60_000;

/// Scenes of all nodes, `limit` at most.
pub struct RedisScenes {
    link: Link,
    node: Arc<str>,
    limit: usize,
    lives: Lives,
    pub(super) clock: Clock,
    feed: Mutex<Feed>,
}

/// A scene as it lies in Redis.
struct Kept {
    version: String,
    /// Who made the last change.
    step: String,
    scene: Scene,
}

impl RedisScenes {
    pub(super) fn new(
        link: Link,
        node: Arc<str>,
        limit: usize,
        lives: Lives,
        clock: Clock,
        feed: Feed,
    ) -> Self {
        Self {
            link,
            node,
            limit,
            lives,
            clock,
            feed: Mutex::new(feed),
        }
    }

    fn scene_key(&self, id: &SceneId) -> String {
        keys::scene(id, self.link.places())
    }

    fn place(&self, id: &SceneId) -> u8 {
        keys::place(id, self.link.places())
    }

    async fn read(&self, id: &SceneId) -> Result<Option<Kept>, StoreError> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.scene_key(id)).arg(&["v", "s", "d"]);
        let found: (Option<String>, Option<String>, Option<Vec<u8>>) =
            self.link.ask(&command).await?;
        let (Some(version), Some(step), Some(record)) = found else {
            return Ok(None);
        };
        let scene = decode(&record)?;
        Ok(Some(Kept {
            version,
            step,
            scene,
        }))
    }

    /// Reads once more where the first answer did not come: the connection may have been made again meanwhile.
    async fn read_again(&self, id: &SceneId) -> Result<Option<Kept>, StoreError> {
        match self.read(id).await {
            Err(_) => self.read(id).await,
            done => done,
        }
    }

    /// The compare-and-set; whether it was done, and if not, whether there is such a scene.
    async fn set(
        &self,
        kept: &Kept,
        next: &Scene,
        effect: Effect,
        step: &str,
        now: Millis,
    ) -> Result<i8, StoreError> {
        let mut set = scripts::ADVANCE.prepare_invoke();
        self.step(&mut set, step, next, now)?;
        let place = self.place(&next.id);
        set.arg(&kept.version)
            .arg(now)
            .arg(letter(effect))
            .arg(keys::logs(place))
            .arg(keys::channels());
        self.link.run(&set).await
    }

    /// The arguments that every change has.
    fn step(
        &self,
        script: &mut ScriptInvocation<'_>,
        step: &str,
        scene: &Scene,
        now: Millis,
    ) -> Result<(), StoreError> {
        let record = serde_json::to_vec(scene).map_err(|error| unreadable(&error))?;
        let id = &scene.id;
        script
            .key(self.scene_key(id))
            .key(keys::due(self.place(id)))
            .arg(step)
            .arg(record)
            .arg(scene.deadline)
            .arg(life(scene, now, &self.lives))
            .arg(id.to_string())
            .arg(&*self.node);
        Ok(())
    }
}

#[async_trait]
impl SceneStore for RedisScenes {
    async fn create(&self, scene: Scene) -> Result<(), CreateError> {
        let step = random_step();
        let mut create = scripts::CREATE.prepare_invoke();
        self.step(&mut create, &step, &scene, scene.at)?;
        // Ids are random, so the places fill alike.
        create.arg(self.limit.div_ceil(self.link.places().into()));
        let made: i8 = match self.link.run(&create).await {
            // It knows its own step again.
            Err(_) => self.link.run(&create).await?,
            Ok(made) => made,
        };
        match made {
            1 => Ok(()),
            0 => Err(CreateError::Full(self.limit)),
            _ => Err(error("a scene of this id exists").into()),
        }
    }

    async fn get(&self, id: &SceneId) -> Result<Option<Scene>, StoreError> {
        Ok(self.read_again(id).await?.map(|kept| kept.scene))
    }

    async fn advance(
        &self,
        id: &SceneId,
        input: &Input,
        now: Millis,
    ) -> Result<Advanced, StoreError> {
        let step = random_step();
        let mut tried: Option<(Scene, Effect, Was)> = None;
        let mut now = now;
        for _ in 0..TRIES {
            let Some(kept) = self.read_again(id).await? else {
                return Ok(Advanced::Unknown);
            };
            if kept.step == step
                && let Some((scene, effect, was)) = tried
            {
                // The answer was lost, not the step.
                return Ok(Advanced::Done { scene, effect, was });
            }
            if kept.scene.is_forgotten_at(now) {
                return Ok(Advanced::Unknown);
            }
            let (next, effect) = match kept.scene.advance(input, now, &self.lives) {
                Ok(next) => next,
                // The step whose answer was lost may still come: nothing is certain.
                Err(_) if tried.is_some() => return Err(error("an answer was lost")),
                Err(refused) => return Ok(Advanced::Refused(refused, kept.scene)),
            };
            let was = Was::of(&kept.scene);
            match self.set(&kept, &next, effect, &step, now).await {
                Ok(1) => {
                    return Ok(Advanced::Done {
                        scene: next,
                        effect,
                        was,
                    });
                }
                Ok(0) => {}
                Ok(_) => return Ok(Advanced::Unknown),
                Err(failed) if tried.is_some() => return Err(failed),
                Err(_) => tried = Some((next, effect, was)),
            }
            now = now.max(self.clock.now());
        }
        Err(error("others change this scene all the time"))
    }

    async fn forget(&self, id: &SceneId, now: Millis) -> Result<bool, StoreError> {
        let version = match self.read_again(id).await? {
            Some(kept) if !kept.scene.is_forgotten_at(now) => return Ok(false),
            Some(kept) => kept.version,
            // Its deadline may still be there.
            None => String::new(),
        };
        let mut forget = scripts::FORGET.prepare_invoke();
        forget
            .key(self.scene_key(id))
            .key(keys::due(self.place(id)))
            .arg(id.to_string())
            .arg(version);
        self.link.run(&forget).await
    }

    async fn watch(&self, id: &SceneId, how: Watch) -> Result<(), StoreError> {
        let mut watch = match how {
            Watch::Holding => scripts::HOLD.prepare_invoke(),
            Watch::Listening(_) => scripts::LISTEN.prepare_invoke(),
        };
        watch.key(self.scene_key(id)).arg(&*self.node);
        match how {
            Watch::Holding => watch
                .arg(id.to_string())
                .arg(keys::logs(self.place(id)))
                .arg(keys::channels()),
            Watch::Listening(until) => watch.arg(until),
        };
        self.link.run(&watch).await
    }

    async fn is_held_here(&self, id: &SceneId) -> Result<bool, StoreError> {
        let mut command = redis::cmd("HGET");
        command.arg(self.scene_key(id)).arg("h");
        let holder: Option<String> = self.link.ask(&command).await?;
        Ok(holder.as_deref() == Some(&*self.node))
    }

    async fn news(&self) -> News {
        self.feed.lock().await.next().await
    }
}

/// How long Redis keeps it by itself: until it would be forgotten, and somewhat longer.
fn life(scene: &Scene, now: Millis, lives: &Lives) -> u64 {
    let end = u64::try_from(lives.end.as_millis()).unwrap_or(u64::MAX);
    let left = scene.deadline.saturating_sub(now);
    left.saturating_add(end).saturating_add(KEPT_LONGER)
}

pub(super) fn decode(record: &[u8]) -> Result<Scene, StoreError> {
    serde_json::from_slice(record).map_err(|error| unreadable(&error))
}

/// An effect as a script passes it on.
pub(super) const fn letter(effect: Effect) -> &'static str {
    match effect {
        Effect::Announce => "a",
        Effect::Quiet => "q",
        Effect::Finish => "f",
    }
}

fn random_step() -> String {
    ids::base64url(&ids::random::<12>())
}

/// What serde says of a record names fields and positions, no values of ours.
fn unreadable(problem: &serde_json::Error) -> StoreError {
    error(&format!(
        "a scene's record, line {} column {}: {:?}",
        problem.line(),
        problem.column(),
        problem.classify()
    ))
}

fn error(message: &str) -> StoreError {
    StoreError {
        store: "redis",
        message: message.to_owned(),
    }
}
