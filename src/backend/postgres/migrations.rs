//! The tables and their history, compiled in.
//!
//! An advisory lock lets one of several processes at a time look at the version, which changes in the same transaction
//! as the tables do.

use sqlx::{Connection as _, PgPool};

use super::{Connection, away, failed};
use crate::cluster::StoreError;

/// Each brings the database to the next version; what was released never changes.
const ALL: &[&str] = &[
    include_str!("migrations/0001_users_and_sessions.sql"),
    include_str!("migrations/0003_accounts.sql"),
];

/// The name of the lock: "scangate" in ASCII.
const LOCK: i64 = 0x7363_616e_6761_7465;

/// Brings the tables up to date.
pub(super) async fn run(pool: &PgPool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await.map_err(away)?;
    bring_up_to_date(&mut connection).await
}

async fn bring_up_to_date(connection: &mut Connection) -> Result<(), StoreError> {
    let mut transaction = connection.begin().await.map_err(away)?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(&mut *transaction)
        .await
        .map_err(away)?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)")
        .execute(&mut *transaction)
        .await
        .map_err(away)?;
    let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM schema_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(away)?;
    let (found, known) = (found.unwrap_or(0), ALL.len());
    let pending = usize::try_from(found)
        .ok()
        .and_then(|found| ALL.get(found..));
    let pending = pending.ok_or_else(|| {
        failed(format!(
            "the database has version {found}, this program knows up to {known}; use a newer one"
        ))
    })?;
    for (tables, version) in pending.iter().zip(found + 1..) {
        sqlx::raw_sql(*tables)
            .execute(&mut *transaction)
            .await
            .map_err(away)?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *transaction)
            .await
            .map_err(away)?;
    }
    transaction.commit().await.map_err(away)
}
