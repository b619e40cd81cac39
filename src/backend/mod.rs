//! The stores behind the traits.

pub mod sqlite;
