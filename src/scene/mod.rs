//! The life of a scene: one pending login, from its QR to its end.
//!
//! [`state`] is the whole life as a pure function; [`SceneStore`] makes one step of it atomic;
//! [`Deadlines`] brings the steps that nobody asks for.

mod deadline;
pub mod qr;
mod state;
mod store;

pub use self::{
    deadline::Deadlines,
    state::{
        Asker, By, Effect, Input, Lives, Opening, Phone, Redeemed, Refused, Scene, SceneId, Secret,
        State,
    },
    store::{Advanced, CreateError, SceneStore, Was},
};

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod state_properties;
