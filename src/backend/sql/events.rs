//! The outbox of login events, in either database.

use std::time::Duration;

use async_trait::async_trait;
use sqlx::{Executor, Row as _};

use super::{Connection, Row, Store, away, from_column, to_column};
use crate::{
    clock::Millis,
    cluster::StoreError,
    config::EventType,
    event::{
        Backlog, Dead, Due, Event, Fact, KEPT, KEPT_AT_MOST, Outbox, Outcome, Pruned, Settled,
        UNSEEN,
    },
};

/// Rows that one statement deletes at most.
const PRUNED_AT_ONCE: i64 = 1_000;

#[async_trait]
impl Outbox for Store {
    async fn put(&self, event: &Event) -> Result<(), StoreError> {
        put(&self.pool, event).await.map_err(away)
    }

    async fn subscribe(
        &self,
        sink: &str,
        types: &[EventType],
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[sink]).await?;
        let subscribed = subscribe(&mut transaction, sink, types, now).await;
        subscribed.map_err(away)?;
        transaction.commit().await.map_err(away)
    }

    async fn take(
        &self,
        sink: &str,
        now: Millis,
        until: Millis,
        most: u32,
    ) -> Result<Vec<Due>, StoreError> {
        // Most of the time nothing is due, and a look is in nobody's way.
        let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE sink = $1 AND due_at <= $2
            AND delivered_at IS NULL AND dead_at IS NULL)";
        let query = sqlx::query_scalar(sql).bind(sink).bind(to_column(now));
        let is_due: bool = query.fetch_one(&self.pool).await.map_err(away)?;
        if !is_due {
            return Ok(Vec::new());
        }
        let mut transaction = self.begin(&[sink]).await?;
        let taken = take(&mut transaction, sink, (now, until), most).await;
        let mut taken = taken.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        taken.sort_unstable_by_key(|due| due.position);
        Ok(taken)
    }

    async fn settle(&self, settled: &[Settled], now: Millis) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[]).await?;
        for one in settled {
            settle(&mut transaction, one, now).await.map_err(away)?;
        }
        transaction.commit().await.map_err(away)
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, StoreError> {
        let sql = "SELECT sink, count(*), count(dead_at) FROM events
            WHERE delivered_at IS NULL GROUP BY sink ORDER BY sink";
        let query = sqlx::query_as(sql).fetch_all(&self.pool);
        let rows: Vec<(String, i64, i64)> = query.await.map_err(away)?;
        let backlog = |(sink, all, dead): (String, i64, i64)| Backlog {
            sink,
            pending: from_column(all - dead),
            dead: from_column(dead),
        };
        Ok(rows.into_iter().map(backlog).collect())
    }

    async fn dead(&self, most: u32) -> Result<Vec<Dead>, StoreError> {
        let sql = "SELECT sink, id, type, at, tries, error FROM events WHERE dead_at IS NOT NULL
            ORDER BY dead_at DESC, position LIMIT $1";
        let query = sqlx::query(sql).bind(i64::from(most)).try_map(dead);
        query.fetch_all(&self.pool).await.map_err(away)
    }

    async fn revive(&self, sink: Option<&str>, now: Millis) -> Result<u64, StoreError> {
        let sql = "UPDATE events SET dead_at = NULL, tries = 0, due_at = $2
            WHERE dead_at IS NOT NULL AND coalesce($1, sink) = sink";
        let query = sqlx::query(sql).bind(sink).bind(to_column(now));
        let done = query.execute(&self.pool).await.map_err(away)?;
        Ok(done.rows_affected())
    }

    async fn prune(&self, now: Millis) -> Result<Pruned, StoreError> {
        let before = |span: Duration| {
            let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            to_column(now.saturating_sub(span))
        };
        let mut pruned = Pruned::default();
        let sql = "SELECT sink FROM event_sinks GROUP BY sink HAVING max(seen_at) < $1";
        let query = sqlx::query_scalar(sql).bind(before(UNSEEN));
        let unseen: Vec<String> = query.fetch_all(&self.pool).await.map_err(away)?;
        for sink in unseen {
            pruned.lost += self.forget_waiting(&sink).await?;
        }
        let sql = "DELETE FROM event_sinks WHERE seen_at < $1";
        let query = sqlx::query(sql).bind(before(UNSEEN));
        query.execute(&self.pool).await.map_err(away)?;
        let old = "DELETE FROM events WHERE position IN (
            SELECT position FROM events WHERE delivered_at < $1 LIMIT $2)";
        pruned.old += self.forget_before(old, before(KEPT)).await?;
        let oldest = "DELETE FROM events WHERE position IN (
            SELECT position FROM events WHERE at < $1 LIMIT $2)";
        pruned.old += self.forget_before(oldest, before(KEPT_AT_MOST)).await?;
        Ok(pruned)
    }
}

impl Store {
    /// In parts, so that no statement takes longer than it may.
    async fn forget_before(&self, sql: &'static str, before: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let query = sqlx::query(sql).bind(before).bind(PRUNED_AT_ONCE);
            let done = query.execute(&self.pool).await.map_err(away)?;
            gone += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(gone);
            }
        }
    }

    /// The same for what waits for a sink.
    async fn forget_waiting(&self, sink: &str) -> Result<u64, StoreError> {
        let sql = "DELETE FROM events WHERE position IN (SELECT position FROM events
            WHERE sink = $1 AND delivered_at IS NULL AND dead_at IS NULL LIMIT $2)";
        let mut gone = 0;
        loop {
            let query = sqlx::query(sql).bind(sink).bind(PRUNED_AT_ONCE);
            let done = query.execute(&self.pool).await.map_err(away)?;
            gone += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(gone);
            }
        }
    }
}

async fn subscribe(
    db: &mut Connection,
    sink: &str,
    types: &[EventType],
    now: Millis,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO event_sinks (sink, type, seen_at) VALUES ($1, $2, $3)
        ON CONFLICT (sink, type) DO UPDATE SET seen_at = excluded.seen_at";
    for wanted in types {
        let query = sqlx::query(sql).bind(sink).bind(wanted.name());
        query.bind(to_column(now)).execute(&mut *db).await?;
    }
    Ok(())
}

async fn take(
    db: &mut Connection,
    sink: &str,
    (now, until): (Millis, Millis),
    most: u32,
) -> Result<Vec<Due>, sqlx::Error> {
    let sql = "UPDATE events SET tries = tries + 1, due_at = $3 WHERE position IN (
            SELECT position FROM events WHERE sink = $1 AND due_at <= $2
                AND delivered_at IS NULL AND dead_at IS NULL
            ORDER BY position LIMIT $4)
        RETURNING position, tries, id, type, subject, user_id, at, data";
    let query = sqlx::query(sql).bind(sink).bind(to_column(now));
    let query = query.bind(to_column(until)).bind(i64::from(most));
    query.try_map(due).fetch_all(db).await
}

/// Tells of something in the transaction in which it happens: a row for each sink that wants it.
pub(super) async fn tell(db: &mut Connection, at: Millis, fact: Fact) -> Result<(), sqlx::Error> {
    put(&mut *db, &Event::new(at, fact)).await
}

async fn put(
    db: impl Executor<'_, Database = <Row as sqlx::Row>::Database>,
    event: &Event,
) -> Result<(), sqlx::Error> {
    let fact = &event.fact;
    let data = serde_json::to_string(fact).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let sql = "INSERT INTO events (id, sink, type, subject, user_id, at, data, due_at)
        SELECT $1, sink, type, $3, $4, $5, $6, $5 FROM event_sinks WHERE type = $2
        ON CONFLICT (id, sink) DO NOTHING";
    let query = sqlx::query(sql).bind(&event.id).bind(fact.kind().name());
    let query = query.bind(fact.subject()).bind(fact.user());
    let query = query.bind(to_column(event.at)).bind(data);
    query.execute(db).await.map(drop)
}

/// Forgets where somebody who is erased has signed in, told or not.
pub(super) async fn forget_devices(db: &mut Connection, user: &str) -> Result<(), sqlx::Error> {
    let sql = "DELETE FROM events WHERE type = $2 AND (user_id = $1
        OR user_id IN (SELECT id FROM users WHERE merged_into = $1))";
    let query = sqlx::query(sql).bind(user);
    let query = query.bind(EventType::SessionOpened.name());
    query.execute(db).await.map(drop)
}

async fn settle(db: &mut Connection, settled: &Settled, now: Millis) -> Result<(), sqlx::Error> {
    let (position, tries) = (settled.position, i64::from(settled.tries));
    let query = match &settled.outcome {
        Outcome::Delivered => {
            let sql = "UPDATE events SET delivered_at = $2, dead_at = NULL, error = NULL
                WHERE position = $1 AND delivered_at IS NULL";
            sqlx::query(sql).bind(position).bind(to_column(now))
        }
        Outcome::Again { at, error } => {
            let sql = "UPDATE events SET due_at = $3, error = $4
                WHERE position = $1 AND tries = $2 AND delivered_at IS NULL";
            let query = sqlx::query(sql).bind(position).bind(tries);
            query.bind(to_column(*at)).bind(error)
        }
        Outcome::Dead { error } => {
            let sql = "UPDATE events SET dead_at = $3, error = $4
                WHERE position = $1 AND tries = $2 AND delivered_at IS NULL";
            let query = sqlx::query(sql).bind(position).bind(tries);
            query.bind(to_column(now)).bind(error)
        }
    };
    query.execute(db).await.map(drop)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn due(row: Row) -> Result<Due, sqlx::Error> {
    Ok(Due {
        position: row.try_get("position")?,
        tries: tries(&row)?,
        id: row.try_get("id")?,
        kind: row.try_get("type")?,
        subject: row.try_get("subject")?,
        user: row.try_get("user_id")?,
        at: from_column(row.try_get("at")?),
        data: row.try_get("data")?,
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn dead(row: Row) -> Result<Dead, sqlx::Error> {
    let error: Option<String> = row.try_get("error")?;
    Ok(Dead {
        sink: row.try_get("sink")?,
        id: row.try_get("id")?,
        kind: row.try_get("type")?,
        at: from_column(row.try_get("at")?),
        tries: tries(&row)?,
        error: error.unwrap_or_default(),
    })
}

fn tries(row: &Row) -> Result<u32, sqlx::Error> {
    let tries: i64 = row.try_get("tries")?;
    Ok(u32::try_from(tries).unwrap_or(u32::MAX))
}
