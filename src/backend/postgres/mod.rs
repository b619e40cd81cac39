//! Users and sessions in PostgreSQL: what several gateways share.

#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/accounts.rs"]
mod accounts;
mod migrations;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/sessions.rs"]
mod sessions;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/users.rs"]
mod users;

use std::time::Duration;

use sqlx::{PgPool, Transaction, postgres::PgPoolOptions};

use crate::{clock::Millis, cluster::StoreError};

// What the statements of `backend/sql` are compiled for here.
type Store = Postgres;
type Row = sqlx::postgres::PgRow;
type Connection = sqlx::PgConnection;

/// How long a query waits for a connection.
const WAIT: Duration = Duration::from_secs(3);

/// A database; clones share its connections.
#[derive(Clone)]
pub struct Postgres {
    pool: PgPool,
}

impl Postgres {
    /// Connects to `postgres://user:password@host/database` and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot be reached, or was written by a newer version.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let pool = PgPoolOptions::new()
            .acquire_timeout(WAIT)
            .connect(url)
            .await
            .map_err(away)?;
        migrations::run(&pool).await?;
        Ok(Self { pool })
    }

    /// A transaction that no other of the same names runs beside: what it has read about them stays true until it
    /// ends. The names are locked in one order, so that two transactions never wait for each other.
    async fn begin(
        &self,
        about: &[&str],
    ) -> Result<Transaction<'static, sqlx::Postgres>, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(away)?;
        let mut about = about.to_vec();
        about.sort_unstable();
        about.dedup();
        for name in about {
            sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))")
                .bind(name)
                .execute(&mut *transaction)
                .await
                .map_err(away)?;
        }
        Ok(transaction)
    }

    /// Waits for the queries under way and closes the connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

fn failed(message: impl Into<String>) -> StoreError {
    StoreError {
        store: "postgres",
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
