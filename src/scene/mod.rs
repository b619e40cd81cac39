//! The life of a scene: one pending login, from its QR to its end.
//!
//! [`Scene::advance`] is the whole life as a pure function; [`SceneStore`] makes one step of it atomic;
//! [`Deadlines`] brings the steps that nobody asks for.

mod advance;
mod deadline;
mod digits;
pub mod qr;
mod record;
mod state;
mod store;

pub use self::{
    deadline::Deadlines,
    digits::Digits,
    record::{Asker, Lives, Opening, Phone, Scene, SceneId, Secret},
    state::{By, Effect, Input, Redeemed, Refused, State},
    store::{Advanced, CreateError, News, SceneStore, Was, Watch},
};

#[cfg(test)]
pub(crate) mod conformance;
#[cfg(test)]
mod state_properties;
