//! Who on this node watches which scene or is attached to which session, how an event reaches them, and how they
//! move elsewhere when this node goes away.
//!
//! Delivery is synchronous and never blocks: the callback's thread hands the encoded event straight to each
//! watcher. A watcher that cannot take it is [`Slow`] and is dropped; it reads the state again when it comes
//! back, so nothing is lost.

mod catch_up;
mod channels;
mod drain;
mod revocations;

use std::sync::Arc;

use dashmap::{DashMap, Entry};
use smallvec::SmallVec;

pub use self::{
    channels::{Channels, Full, MAX_TABS, Tab},
    drain::Drain,
    revocations::Revocations,
};
use crate::{protocol::Encoded, scene::SceneId};

/// A watcher that cannot take another event; it has ended itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slow;

/// Why a watcher hears nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dismissal {
    /// Another socket took the scene over.
    TakenOver,
    /// The grant was redeemed, or the scene is forgotten.
    Finished,
    /// The store has lost the scene.
    Lost,
    /// It is not certain who holds the scene: come back, and it is you.
    Recalled,
}

/// Somebody on this node who waits for a scene's events.
///
/// Both calls come from any thread, do not block and do not await. Events may come late or twice: a watcher
/// passes on only what has a higher `seq` than the last.
pub trait Watcher: Send + Sync {
    /// Passes an event of `scene` on; a watcher that has moved to another scene ignores it.
    ///
    /// # Errors
    /// [`Slow`] when its queue is full; it is forgotten then.
    fn deliver(&self, scene: SceneId, event: &Encoded) -> Result<(), Slow>;

    /// Nothing more will come for `scene`.
    fn dismiss(&self, scene: SceneId, why: Dismissal);
}

/// The watchers of this node, by scene. Whoever is put in is taken out by its own [`leave`](Registry::leave),
/// by a later holder, or by the scene's end.
#[derive(Default)]
pub struct Registry {
    scenes: DashMap<SceneId, Watchers>,
}

#[derive(Default)]
struct Watchers {
    /// The one socket or stream: the last one wins.
    holder: Option<Arc<dyn Watcher>>,
    /// Long polls, which take nothing over. Boxed, because most scenes have none.
    listeners: Option<Box<Listeners>>,
}

type Listeners = SmallVec<[Arc<dyn Watcher>; 2]>;

impl Watchers {
    fn remove(&mut self, watcher: &Arc<dyn Watcher>) {
        self.holder.take_if(|holder| Arc::ptr_eq(holder, watcher));
        self.listeners.take_if(|listeners| {
            listeners.retain(|listener| !Arc::ptr_eq(listener, watcher));
            listeners.is_empty()
        });
    }

    const fn is_empty(&self) -> bool {
        self.holder.is_none() && self.listeners.is_none()
    }

    fn all(&self) -> SmallVec<[Arc<dyn Watcher>; 2]> {
        let listeners = self.listeners.iter().flat_map(|listeners| listeners.iter());
        self.holder.iter().chain(listeners).cloned().collect()
    }
}

/// Long polls a scene may have at once; more are answered at once.
const MAX_LISTENERS: usize = 8;

impl Registry {
    /// Makes `watcher` the scene's one holder; the one before is told.
    pub fn take_over(&self, scene: SceneId, watcher: Arc<dyn Watcher>) {
        let before = self
            .scenes
            .entry(scene)
            .or_default()
            .holder
            .replace(watcher.clone());
        if let Some(before) = before.filter(|before| !Arc::ptr_eq(before, &watcher)) {
            before.dismiss(scene, Dismissal::TakenOver);
        }
    }

    /// Adds a listener beside the holder; `false` when the scene has too many.
    pub fn listen(&self, scene: SceneId, watcher: Arc<dyn Watcher>) -> bool {
        let mut watchers = self.scenes.entry(scene).or_default();
        let listeners = watchers.listeners.get_or_insert_default();
        let fits = listeners.len() < MAX_LISTENERS;
        if fits {
            listeners.push(watcher);
        }
        fits
    }

    /// Takes this watcher out, unless another holds the scene by now.
    pub fn leave(&self, scene: SceneId, watcher: &Arc<dyn Watcher>) {
        if let Entry::Occupied(mut place) = self.scenes.entry(scene) {
            place.get_mut().remove(watcher);
            if place.get().is_empty() {
                place.remove();
            }
        }
    }

    /// Hands an event to everybody who watches the scene.
    pub fn deliver(&self, scene: SceneId, event: &Encoded) {
        for watcher in self.watchers(scene) {
            if watcher.deliver(scene, event).is_err() {
                self.leave(scene, &watcher);
            }
        }
    }

    /// Ends everybody's watch of a scene.
    pub fn finish(&self, scene: SceneId) {
        self.end(scene, Dismissal::Finished);
    }

    /// Ends everybody's watch of a scene that is nowhere any more.
    pub fn lose(&self, scene: SceneId) {
        self.end(scene, Dismissal::Lost);
    }

    fn end(&self, scene: SceneId, why: Dismissal) {
        if let Some((_, watchers)) = self.scenes.remove(&scene) {
            for watcher in watchers.all() {
                watcher.dismiss(scene, why);
            }
        }
    }

    /// Who holds the scene on this node.
    pub fn holder(&self, scene: SceneId) -> Option<Arc<dyn Watcher>> {
        self.scenes.get(&scene)?.holder.clone()
    }

    /// Another node's socket holds the scene by now, so this one does not; a later one of this node is another.
    pub fn evict(&self, scene: SceneId, watcher: &Arc<dyn Watcher>) {
        self.leave(scene, watcher);
        watcher.dismiss(scene, Dismissal::TakenOver);
    }

    /// Asks this watcher to come back.
    pub fn recall(&self, scene: SceneId, watcher: &Arc<dyn Watcher>) {
        self.leave(scene, watcher);
        watcher.dismiss(scene, Dismissal::Recalled);
    }

    /// The scenes that somebody watches right now.
    pub fn scenes(&self) -> Vec<SceneId> {
        self.scenes.iter().map(|place| *place.key()).collect()
    }

    /// How many scenes are watched.
    pub fn len(&self) -> usize {
        self.scenes.len()
    }

    /// Whether nobody watches anything.
    pub fn is_empty(&self) -> bool {
        self.scenes.is_empty()
    }

    /// Copied out, so that no lock is held while a watcher runs.
    fn watchers(&self, scene: SceneId) -> SmallVec<[Arc<dyn Watcher>; 2]> {
        self.scenes
            .get(&scene)
            .map(|watchers| watchers.all())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
