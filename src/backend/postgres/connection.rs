//! A pool that waits for every answer with a bound.
//!
//! `statement_timeout` is the server's, and worth nothing once the server has stopped or the network is gone: sqlx
//! would wait until TCP gives up, which takes a quarter of an hour.

use std::{fmt::Debug, io, time::Duration};

use futures_util::{
    FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream, stream::BoxStream,
};
use sqlx::{
    Either, Error, Execute, Executor, PgConnection, PgPool, SqlStr,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use tokio::{runtime::Handle, time::timeout};

/// Connections, at most so many as the pool may have; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    pool: PgPool,
    /// Where connections are made: a worker of the HTTP server may end before the rest of the program does, and its
    /// sockets with it.
    runtime: Handle,
    patience: Duration,
}

impl Pool {
    /// Belongs to the runtime it is made in; `patience` is how long each answer is waited for.
    pub(super) fn new(pool: PgPool, patience: Duration) -> Self {
        let runtime = Handle::current();
        Self {
            pool,
            runtime,
            patience,
        }
    }

    async fn acquire(&self) -> Result<Connection, Error> {
        let pool = self.pool.clone();
        let acquired = self.runtime.spawn(async move { pool.acquire().await });
        // Only the end of the program ends it early.
        let Ok(acquired) = acquired.await else {
            return Err(Error::PoolClosed);
        };
        Ok(Connection {
            connection: Some(acquired?),
            pool: self.clone(),
            is_sound: true,
            in_transaction: false,
        })
    }

    /// A connection in a transaction.
    pub(super) async fn begin(&self) -> Result<Connection, Error> {
        let mut connection = self.acquire().await?;
        connection.in_transaction = true;
        connection.execute("BEGIN").await?;
        Ok(connection)
    }

    /// Waits for the queries under way and closes the connections.
    pub(super) async fn close(&self) {
        // Whoever is not back by then is cut off by the end of the process.
        let _ = timeout(self.patience, self.pool.close()).await;
    }
}

/// One connection, in a transaction or not.
///
/// Whatever does not end well, a question that was given up and a transaction without its commit included, closes it:
/// what comes next on it may be the answer to something else.
#[derive(Debug)]
pub(super) struct Connection {
    /// Always there until the end.
    connection: Option<PoolConnection<sqlx::Postgres>>,
    pool: Pool,
    is_sound: bool,
    in_transaction: bool,
}

impl Connection {
    /// Ends the transaction, and keeps what was done in it.
    pub(super) async fn commit(mut self) -> Result<(), Error> {
        self.execute("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    async fn answer<'e, T, F>(
        &'e mut self,
        ask: impl FnOnce(&'e mut PgConnection) -> F + Send,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>> + Send,
    {
        let connection = self.connection.as_mut().ok_or(Error::PoolClosed)?;
        self.is_sound = false;
        let Ok(answer) = timeout(self.pool.patience, ask(connection)).await else {
            return Err(Error::Io(io::ErrorKind::TimedOut.into()));
        };
        self.is_sound = answer.is_ok();
        answer
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        if self.is_sound && !self.in_transaction {
            // The pool asks once more whether it is well.
            let returned = timeout(self.pool.patience, connection.return_to_pool());
            self.pool.runtime.spawn(returned);
        } else {
            drop(connection.detach());
        }
    }
}

/// A row, or the end of a statement.
type Step = Either<PgQueryResult, PgRow>;

/// What was answered as a whole, step by step.
fn steps<'e>(
    all: impl Future<Output = Result<Vec<Step>, Error>> + Send + 'e,
) -> BoxStream<'e, Result<Step, Error>> {
    stream::once(all)
        .map_ok(|all| stream::iter(all.into_iter().map(Ok)))
        .try_flatten()
        .boxed()
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = sqlx::Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        steps(self.answer(|raw| raw.fetch_many(query).try_collect()))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        self.answer(|raw| raw.fetch_optional(query)).boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.answer(move |raw| raw.prepare_with(sql, parameters))
            .boxed()
    }
}

impl<'c> Executor<'c> for &'c Pool {
    type Database = sqlx::Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        steps(async {
            let mut connection = self.acquire().await?;
            connection.fetch_many(query).try_collect().await
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, sqlx::Postgres>,
    {
        async { self.acquire().await?.fetch_optional(query).await }.boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        async { self.acquire().await?.prepare_with(sql, parameters).await }.boxed()
    }
}
