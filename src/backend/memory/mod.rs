//! Everything in this process: for one node, and gone with it.

mod once;
mod scenes;

pub use self::{once::MemoryOnce, scenes::MemoryScenes};
