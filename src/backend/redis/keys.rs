//! How things are called in Redis.
//!
//! What one step changes together has one hash tag (`{07}`), the place of its scene: the scene, the queue of deadlines
//! it stands in, and the change log of each node. So a step is one script on one server of a cluster too.

use std::fmt::Display;

use crate::scene::SceneId;

const PREFIX: &str = "scangate";

/// The hash of a scene.
pub(super) fn scene(id: &SceneId, places: u8) -> String {
    format!("{PREFIX}:{{{:02}}}:scene:{id}", place(id, places))
}

/// The scenes of a place by their deadlines.
pub(super) fn due(place: u8) -> String {
    format!("{PREFIX}:{{{place:02}}}:due")
}

/// What other nodes did to the scenes that this one watches; a script puts the node behind it.
pub(super) fn logs(place: u8) -> String {
    format!("{PREFIX}:{{{place:02}}}:log:")
}

/// The channel of a node; a script puts the node behind it.
pub(super) fn channels() -> String {
    format!("{PREFIX}:node:")
}

/// The channel of everybody.
pub(super) fn everybody() -> String {
    format!("{PREFIX}:everybody")
}

/// A claim, or anything else that stands alone.
pub(super) fn single(kind: &str, name: impl Display) -> String {
    format!("{PREFIX}:{kind}:{name}")
}

/// A part of a shared value: the value or its lease, which one script reads together.
pub(super) fn shared(name: &str, part: &str) -> String {
    format!("{PREFIX}:{{shared:{name}}}:{part}")
}

/// The place of a scene. Ids are random, so each place has as many as any other.
pub(super) fn place(id: &SceneId, places: u8) -> u8 {
    let [first, ..] = id.0;
    first % places.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_together_has_one_hash_tag() {
        let id = SceneId([23; 16]);
        assert_eq!(scene(&id, 16), format!("scangate:{{07}}:scene:{id}"));
        assert_eq!(due(place(&id, 16)), "scangate:{07}:due");
        assert_eq!(logs(place(&id, 16)), "scangate:{07}:log:");
        assert_eq!(due(place(&id, 1)), "scangate:{00}:due");
    }
}
