//! The tables and their history, compiled in.
//!
//! The version is the file's own `user_version`: it changes in the same transaction as the tables do, and
//! `BEGIN IMMEDIATE` lets one of several processes at a time look at it. (sqlx's migrator takes no lock on
//! SQLite.)

use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::{away, failed};
use crate::cluster::StoreError;

/// Each brings the file to the next version; what was released never changes.
const ALL: &[Migration] = &[
    Migration {
        tables: include_str!("migrations/0001_users_and_sessions.sql"),
        version: "PRAGMA user_version = 1",
    },
    Migration {
        tables: include_str!("migrations/0002_browsers.sql"),
        version: "PRAGMA user_version = 2",
    },
    Migration {
        tables: include_str!("migrations/0003_ends_and_avatars.sql"),
        version: "PRAGMA user_version = 3",
    },
    Migration {
        tables: include_str!("migrations/0004_identity.sql"),
        version: "PRAGMA user_version = 4",
    },
    Migration {
        tables: include_str!("migrations/0005_accounts.sql"),
        version: "PRAGMA user_version = 5",
    },
    Migration {
        tables: include_str!("migrations/0006_opened_sessions.sql"),
        version: "PRAGMA user_version = 6",
    },
    Migration {
        tables: include_str!("migrations/0007_events.sql"),
        version: "PRAGMA user_version = 7",
    },
];

struct Migration {
    tables: &'static str,
    /// Pragmas take no parameters.
    version: &'static str,
}

/// Brings the tables up to date.
pub(super) async fn run(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut connection = pool.acquire().await.map_err(away)?;
    bring_up_to_date(&mut connection).await
}

async fn bring_up_to_date(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut transaction = connection
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(away)?;
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *transaction)
        .await
        .map_err(away)?;
    let known = ALL.len();
    let pending = usize::try_from(found)
        .ok()
        .and_then(|found| ALL.get(found..));
    let pending = pending.ok_or_else(|| {
        failed(format!(
            "the file has version {found}, this program knows up to {known}; use a newer one"
        ))
    })?;
    for migration in pending {
        for sql in [migration.tables, migration.version] {
            sqlx::raw_sql(sql)
                .execute(&mut *transaction)
                .await
                .map_err(away)?;
        }
    }
    transaction.commit().await.map_err(away)
}
