//! Users and sessions in PostgreSQL: what several gateways share.

#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/accounts.rs"]
mod accounts;
mod connection;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/events.rs"]
mod events;
mod keys;
mod look;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/merges.rs"]
mod merges;
mod migrations;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/records.rs"]
mod records;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/sessions.rs"]
mod sessions;
#[cfg(test)]
mod tests;
#[expect(clippy::duplicate_mod, reason = "the statements of both databases")]
#[path = "../sql/users.rs"]
mod users;

use std::{io::ErrorKind, str::FromStr, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::TryFutureExt;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection,
    error::DatabaseError,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use self::connection::{Connection, Pool};
pub use self::look::Look;
pub(super) use self::look::look;
use super::{Database, OpenError};
use crate::{
    clock::{Clock, Millis},
    cluster::StoreError,
    config,
    token::KeyRecords,
};

// What the statements of `backend/sql` are compiled for here.
type Store = Postgres;
type Row = sqlx::postgres::PgRow;

/// How much longer than the server may work its answer is waited for.
const ON_THE_WAY: Duration = Duration::from_secs(1);

/// A database; clones share its connections.
#[derive(Clone)]
pub struct Postgres {
    pool: Pool,
}

impl Postgres {
    /// Connects to `postgres://role:password@host/database` and brings the tables up to date. Tries once, at most
    /// `store.acquire_timeout_s`.
    ///
    /// # Errors
    /// [`OpenError`] when the database cannot be reached or used, or was written by a newer version. Names the host,
    /// never the password.
    pub async fn open(url: &str, settings: &config::Store) -> Result<Self, OpenError> {
        let options = options(url).map_err(|error| failed(error.to_string()))?;
        let mut first = connect(&options, settings.acquire_timeout).await?;
        migrations::run(&mut first).await?;
        // What it says no longer matters.
        let _ = first.close().await;
        let of_each = settings.clone();
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .after_connect(move |connection, _| {
                let settings = of_each.clone();
                Box::pin(async move { set_up(connection, &settings).await })
            })
            .connect_lazy_with(options);
        Ok(Self {
            pool: Pool::new(pool, settings.statement_timeout + ON_THE_WAY),
        })
    }

    /// A transaction that no other of the same names runs beside: what it has read about them stays true until it
    /// ends. The names are locked in one order, so that two transactions never wait for each other.
    async fn begin(&self, about: &[&str]) -> Result<Connection, StoreError> {
        let mut transaction = self.pool.begin().await.map_err(away)?;
        let sql = "SELECT pg_advisory_xact_lock(lock) FROM (
                SELECT DISTINCT hashtextextended(name, 0) AS lock FROM unnest($1) AS name ORDER BY lock
            ) AS locks";
        let query = sqlx::query(sql).bind(about);
        query.execute(&mut transaction).await.map_err(away)?;
        Ok(transaction)
    }

    /// Dead rows are autovacuum's: a vacuum of one's own would wait for transactions that have nothing to do with it.
    #[expect(clippy::unused_async, reason = "SQLite has something to do")]
    async fn forget_deleted(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[async_trait]
impl Database for Postgres {
    fn key_records(&self) -> Option<Arc<dyn KeyRecords>> {
        Some(Arc::new(self.clone()))
    }

    async fn close(&self) {
        self.pool.close().await;
    }
}

/// How far apart the clocks of gateways may be: they measure the grace of a rotation, each by its own, and the
/// database's stands for all others.
const CLOCKS_APART_MS: u64 = 5_000;

fn options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    // PgBouncer knows no such parameter, and here is nothing that it would change.
    let options = PgConnectOptions::from_str(url)?.extra_float_digits(None);
    Ok(match options.get_application_name() {
        Some(_) => options,
        None => options.application_name("scangate"),
    })
}

/// Tells the server how long anything may take. Not among the options of the start, which a pooler refuses.
async fn set_up(
    connection: &mut PgConnection,
    settings: &config::Store,
) -> Result<(), sqlx::Error> {
    // A stricter isolation reads what was there before `begin` got its locks.
    let sql = "SELECT set_config('statement_timeout', $1, false),
            set_config('lock_timeout', $2, false),
            set_config('idle_in_transaction_session_timeout', $3, false),
            set_config('default_transaction_isolation', 'read committed', false)";
    let ms = |span: Duration| format!("{}ms", span.as_millis());
    let query = sqlx::query(sql).bind(ms(settings.statement_timeout));
    let query = query.bind(ms(settings.lock_timeout));
    let query = query.bind(ms(settings.idle_in_transaction_timeout));
    query.execute(connection).await.map(drop)
}

/// One connection to a database that can be used.
async fn connect(options: &PgConnectOptions, wait: Duration) -> Result<PgConnection, OpenError> {
    let opening = async {
        let mut connection = options.connect().await?;
        let sql =
            "SELECT current_setting('server_encoding'), current_setting('transaction_read_only'),
                CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)";
        let found: (String, String, i64) = sqlx::query_as(sql).fetch_one(&mut connection).await?;
        Ok((connection, found))
    };
    let (connection, (encoding, read_only, now)) = within(wait, opening.map_err(judged)).await?;
    if encoding != "UTF8" {
        return Err(failed(format!(
            "the database is encoded in {encoding}; one with ENCODING 'UTF8' is needed"
        ))
        .into());
    }
    if read_only == "on" {
        let message = "the database takes no writes: a standby?";
        return Err(OpenError::Away(failed(message)));
    }
    let apart = from_column(now).abs_diff(Clock::new().wall());
    if apart > CLOCKS_APART_MS {
        return Err(OpenError::Away(failed(format!(
            "the clocks of the database and of this machine are {apart} ms apart; set both by NTP"
        ))));
    }
    Ok(connection)
}

/// An answer that does not come in time may come at another try.
async fn within<T>(
    wait: Duration,
    work: impl Future<Output = Result<T, OpenError>>,
) -> Result<T, OpenError> {
    match timeout(wait, work).await {
        Ok(done) => done,
        Err(_) => Err(OpenError::Away(failed(format!(
            "no answer within {wait:?}"
        )))),
    }
}

/// Where a URL leads to, for people: host and database without role and password.
pub(super) fn place(url: &str) -> String {
    let Ok(options) = PgConnectOptions::from_str(url) else {
        return "an address that cannot be read".to_owned();
    };
    let database = options
        .get_database()
        .unwrap_or_else(|| options.get_username());
    match options.get_socket() {
        Some(folder) => format!("{} in {}", database, folder.display()),
        None => format!(
            "{database} at {}:{}",
            options.get_host(),
            options.get_port()
        ),
    }
}

/// Whether another try may succeed (PostgreSQL, appendix A: error codes).
fn judged(error: sqlx::Error) -> OpenError {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let is_away = match (&error, code.as_deref()) {
        // What the server shows for itself is no certificate that counts.
        (sqlx::Error::Io(cause), _) if cause.kind() == ErrorKind::InvalidData => false,
        // A proxy without a server behind it hangs up in the middle of a message.
        (sqlx::Error::Io(_) | sqlx::Error::Protocol(_), _) => true,
        // 08: connections; 53300: too many of them; 57P01 to 57P03: stopping, starting.
        (_, Some(code)) => code.starts_with("08") || code.starts_with("57P0") || code == "53300",
        _ => false,
    };
    if is_away {
        return OpenError::Away(away(error));
    }
    let hint = match code.as_deref() {
        // No right to create, or no schema to create in.
        Some("42501" | "3F000") => {
            "; the role needs CREATE on a schema of its search_path, or its owner runs this version once"
        }
        _ => "",
    };
    failed(format!("{error}{hint}")).into()
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
