//! The concrete stores; nothing above `app` knows which one is in use.

pub mod memory;
pub mod sqlite;
