//! The concrete stores; nothing above `app` knows which one is in use.
//!
//! `sql/` holds the statements that SQLite and PostgreSQL understand alike. Each of the two compiles them for itself,
//! with its own `Store`, `Row`, `Connection` and `begin`: sqlx has a type of each for each database, and code over both
//! would be bounds for the most part.

#[cfg(test)]
mod conformance;
pub mod memory;
pub mod postgres;
pub mod redis;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use self::{postgres::Postgres, sqlite::Sqlite};
use crate::{
    cluster::StoreError,
    config,
    event::Outbox,
    token::{KeyRecords, SessionStore},
    user::{AccountStore, UserRecords, UserStore},
};

/// What a database keeps: every trait of `sql/`. An `Arc` of it is an `Arc` of each.
#[async_trait]
pub trait Database: UserStore + UserRecords + AccountStore + SessionStore + Outbox {
    /// Where wrapped keys are kept; `None` in what one machine has for itself.
    fn key_records(&self) -> Option<Arc<dyn KeyRecords>> {
        None
    }

    /// Waits for the queries under way and closes the connections.
    async fn close(&self);
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nobody answers, or not yet: another try may succeed.
    #[error("{0}")]
    Away(StoreError),
    /// It stays so until somebody changes something.
    #[error("{0}")]
    Refused(#[from] StoreError),
}

/// Opens what `url` names: PostgreSQL by `postgres://` or `postgresql://`, else a file of SQLite. Tries once.
///
/// # Errors
/// [`OpenError`] when it cannot be reached or used.
pub async fn open(
    url: &SecretString,
    settings: &config::Store,
) -> Result<Arc<dyn Database>, OpenError> {
    let url = url.expose_secret();
    if is_postgres(url) {
        return Ok(Arc::new(Postgres::open(url, settings).await?));
    }
    Ok(Arc::new(Sqlite::open(url).await?))
}

/// What there is to say of a database on another machine before it is opened; `None` of a file of SQLite. Changes
/// nothing.
///
/// # Errors
/// As [`open`].
pub async fn look(
    url: &SecretString,
    settings: &config::Store,
) -> Result<Option<postgres::Look>, OpenError> {
    let url = url.expose_secret();
    if !is_postgres(url) {
        return Ok(None);
    }
    postgres::look(url, settings).await.map(Some)
}

/// Where `url` leads to, for people: without role and password.
pub fn place(url: &SecretString) -> String {
    let url = url.expose_secret();
    if is_postgres(url) {
        return postgres::place(url);
    }
    "SQLite".to_owned()
}

fn is_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}
