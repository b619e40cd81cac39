//! The concrete stores; nothing above `app` knows which one is in use.
//!
//! `sql/` holds the statements that SQLite and PostgreSQL understand alike. Each of the two compiles them for itself,
//! with its own `Store`, `Row`, `Connection` and `begin`: sqlx has a type of each for each database, and code over both
//! would be bounds for the most part.

pub mod memory;
pub mod postgres;
pub mod sqlite;
