//! Everything in this process: for one node, and gone with it.

mod bus;
mod once;
mod scenes;

pub use self::{bus::NoBus, once::MemoryOnce, scenes::MemoryScenes};
