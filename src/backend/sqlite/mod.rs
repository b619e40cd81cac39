//! Users and sessions in one SQLite file: what a gateway that runs alone keeps.

#[path = "../sql/accounts.rs"]
mod accounts;
#[path = "../sql/events.rs"]
mod events;
#[path = "../sql/merges.rs"]
mod merges;
mod migrations;
#[path = "../sql/records.rs"]
mod records;
#[path = "../sql/sessions.rs"]
mod sessions;
#[path = "../sql/users.rs"]
mod users;

use std::{
    fs::{DirBuilder, OpenOptions},
    io,
    path::Path,
    str::FromStr,
    time::Duration,
};

use async_trait::async_trait;
use sqlx::{
    SqlitePool, Transaction,
    error::DatabaseError,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::sleep;

use super::Database;
use crate::{clock::Millis, cluster::StoreError};

// What the statements of `backend/sql` are compiled for here.
type Store = Sqlite;
type Row = sqlx::sqlite::SqliteRow;
type Connection = sqlx::SqliteConnection;

/// Readers run beside one writer, and the next writers stand ready; more would only wait longer.
const CONNECTIONS: u32 = 4;

/// How long a query waits for a connection, and then again for the writer before it.
const WAIT: Duration = Duration::from_secs(3);

/// How often opening is tried while another process turns the file's write-ahead log on: for that one step SQLite
/// answers "locked" at once instead of waiting.
const OPEN_TRIES: u32 = 30;
const OPEN_PAUSE: Duration = Duration::from_millis(100);

/// A database file; clones share its connections.
#[derive(Clone)]
pub struct Sqlite {
    pool: SqlitePool,
}

impl Sqlite {
    /// Opens `sqlite:` and a path, or a bare path; makes file (mode 0600) and directory (0700) where they are
    /// missing, and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be made or opened, or was written by a newer version.
    pub async fn open(url_or_path: &str) -> Result<Self, StoreError> {
        let file = file_options(url_or_path)?;
        make_file(file.get_filename()).map_err(|error| {
            let path = file.get_filename().display();
            failed(format!("{path}: {error}"))
        })?;
        let options = file
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            // What is deleted is overwritten: a person who is erased is not in the file any more.
            .pragma("secure_delete", "ON")
            .busy_timeout(WAIT);
        let pool = connect(options)
            .await
            .map_err(|error| failed(format!("{url_or_path}: {error}")))?;
        migrations::run(&pool).await?;
        Ok(Self { pool })
    }

    /// A transaction that nobody writes beside: what it has read stays true until it ends, whatever it is about.
    async fn begin(
        &self,
        _about: &[&str],
    ) -> Result<Transaction<'static, sqlx::Sqlite>, StoreError> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(away)
    }

    /// Empties the write-ahead log, which holds pages as they were: after an erasure, so that nothing is left behind.
    async fn forget_deleted(&self) -> Result<(), StoreError> {
        let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
        let query = sqlx::query_as(sql).fetch_one(&self.pool);
        let (busy, _, _): (i64, i64, i64) = query.await.map_err(away)?;
        if busy != 0 {
            tracing::warn!(
                "the write-ahead log is in use: what was deleted leaves the disk at the next checkpoint"
            );
        }
        Ok(())
    }
}

#[async_trait]
impl Database for Sqlite {
    async fn close(&self) {
        self.pool.close().await;
    }
}

async fn connect(options: SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        // A file does not hang up.
        .test_before_acquire(false)
        .acquire_timeout(WAIT);
    let mut tries = 1;
    loop {
        match pool.clone().connect_with(options.clone()).await {
            Err(error) if tries < OPEN_TRIES && is_busy(&error) => tries += 1,
            done => return done,
        }
        sleep(OPEN_PAUSE).await;
    }
}

/// `SQLITE_BUSY`: somebody else holds the lock.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code == "5")
}

fn file_options(url_or_path: &str) -> Result<SqliteConnectOptions, StoreError> {
    if url_or_path.contains(":memory:") || url_or_path.contains("mode=memory") {
        let message = "a database in memory is another one for each connection; give a file";
        return Err(failed(message));
    }
    if url_or_path.starts_with("sqlite:") {
        SqliteConnectOptions::from_str(url_or_path)
            .map_err(|error| failed(format!("{url_or_path}: {error}")))
    } else {
        Ok(SqliteConnectOptions::new().filename(url_or_path))
    }
}

/// An empty file is a database without tables; SQLite gives its journals the mode of the file.
///
/// A file that is there is not touched: to close it would end the locks of this process on it (POSIX).
fn make_file(path: &Path) -> io::Result<()> {
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(dir)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn failed(message: impl Into<String>) -> StoreError {
    StoreError {
        store: "sqlite",
        message: message.into(),
    }
}

/// A query that did not work.
fn away(error: sqlx::Error) -> StoreError {
    failed(error.to_string())
}

/// Milliseconds as a column holds them.
fn to_column(at: Millis) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// Milliseconds from a column.
fn from_column(at: i64) -> Millis {
    u64::try_from(at).unwrap_or(0)
}

#[cfg(test)]
mod tests;
