//! The tables and their history, compiled in. They live in the first schema of the role's `search_path`.
//!
//! An advisory lock lets one of several processes at a time look at the version, which changes in the same transaction
//! as the tables do.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};

use super::{OpenError, failed, judged, within};

/// Each brings the database to the next version; what was released never changes.
const ALL: &[&str] = &[
    include_str!("migrations/0001_users_and_sessions.sql"),
    include_str!("migrations/0002_identity.sql"),
    include_str!("migrations/0003_accounts.sql"),
    include_str!("migrations/0004_opened_sessions.sql"),
    include_str!("migrations/0005_sealed_keys.sql"),
    include_str!("migrations/0006_events.sql"),
];

/// Where the version is kept. Made only where it is missing: `IF NOT EXISTS` wants the right to create all the same.
const VERSIONS: &str = "CREATE TABLE schema_version (version BIGINT NOT NULL)";

/// The name of the lock: "scangate" in ASCII.
const LOCK: i64 = 0x7363_616e_6761_7465;

/// A large table takes its time, and other processes wait for it.
const LONGEST: Duration = Duration::from_mins(10);

/// Brings the tables up to date, on a connection whose time-outs were not set.
pub(super) async fn run(connection: &mut PgConnection) -> Result<(), OpenError> {
    within(LONGEST, bring_up_to_date(connection)).await
}

async fn bring_up_to_date(connection: &mut PgConnection) -> Result<(), OpenError> {
    let mut transaction = connection.begin().await.map_err(judged)?;
    let found = lock(&mut transaction).await.map_err(judged)?;
    let known = ALL.len();
    let pending = usize::try_from(found)
        .ok()
        .and_then(|found| ALL.get(found..));
    let pending = pending.ok_or_else(|| {
        failed(format!(
            "the database has version {found}, this program knows up to {known}; use a newer one"
        ))
    })?;
    if found == 0 {
        let made = sqlx::raw_sql(VERSIONS).execute(&mut *transaction).await;
        made.map_err(judged)?;
    }
    for (tables, version) in pending.iter().zip(found + 1..) {
        apply(&mut transaction, tables, version)
            .await
            .map_err(judged)?;
    }
    transaction.commit().await.map_err(judged)
}

/// Waits until nobody else migrates, and gives the version.
async fn lock(transaction: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let query = sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK);
    query.execute(&mut *transaction).await?;
    version(transaction).await
}

/// The version of the tables; 0 where there are none.
pub(super) async fn version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    let is_there = "SELECT to_regclass('schema_version') IS NOT NULL";
    if !sqlx::query_scalar(is_there)
        .fetch_one(&mut *connection)
        .await?
    {
        return Ok(0);
    }
    let found = "SELECT coalesce(max(version), 0) FROM schema_version";
    sqlx::query_scalar(found).fetch_one(connection).await
}

/// The version that this program brings them to.
pub(super) fn known() -> i64 {
    i64::try_from(ALL.len()).unwrap_or(i64::MAX)
}

async fn apply(
    transaction: &mut PgConnection,
    tables: &'static str,
    version: i64,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(tables).execute(&mut *transaction).await?;
    let query = sqlx::query("INSERT INTO schema_version (version) VALUES ($1)");
    query.bind(version).execute(transaction).await.map(drop)
}
