//! Sessions, in either database.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{Connection, Row, Store, away, events, failed, from_column, merges, to_column};
use crate::{
    clock::Millis,
    cluster::StoreError,
    config::AppId,
    event::{Fact, Via},
    token::{Device, End, EndReason, LISTED, Rotation, Session, SessionId, SessionStore},
    user::UserId,
};

/// Rows that one statement deletes at most.
const PRUNED_AT_ONCE: i64 = 1_000;

#[async_trait]
impl SessionStore for Store {
    async fn open(&self, session: &Session, via: Option<&Via>) -> Result<Session, StoreError> {
        let mut transaction = self.begin(&[&session.user.0]).await?;
        let end = end_of_user(&mut transaction, session).await.map_err(away)?;
        let session = &match end {
            Some(end) => Session {
                device: Device::default(),
                end: Some(end),
                ..session.clone()
            },
            None => session.clone(),
        };
        let is_first = insert(&mut transaction, session).await.map_err(away)?;
        if let Some(opened) = told(session, via).filter(|_| is_first) {
            let told = events::tell(&mut transaction, session.created_at, opened);
            told.await.map_err(away)?;
        }
        transaction.commit().await.map_err(away)?;
        if is_first {
            return Ok(session.clone());
        }
        let kept = SessionStore::get(self, &session.id).await?;
        kept.ok_or_else(|| failed("a session vanished while it was opened"))
    }

    async fn get(&self, id: &SessionId) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT * FROM sessions WHERE id = $1";
        let query = sqlx::query(sql).bind(&id.0).try_map(session);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn rotate(
        &self,
        id: &SessionId,
        from: u32,
        rotation: &Rotation,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET generation = generation + 1, refresh_hash = $3, ip = $4,
                rotated_at = $5, last_seen_at = $5
            WHERE id = $1 AND generation = $2 AND ended_at IS NULL";
        let done = sqlx::query(sql)
            .bind(&id.0)
            .bind(i64::from(from))
            .bind(rotation.hash.as_slice())
            .bind(&rotation.ip)
            .bind(to_column(rotation.at))
            .execute(&self.pool)
            .await
            .map_err(away)?;
        Ok(done.rows_affected() == 1)
    }

    async fn end(&self, id: &SessionId, end: End) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[]).await?;
        let is_ended = end_one(&mut transaction, id, end).await.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(is_ended)
    }

    async fn end_all(
        &self,
        user: &UserId,
        except: Option<&SessionId>,
        end: End,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut transaction = self.begin(&[&user.0]).await?;
        let kept = except.map_or(merges::NONE, |id| &id.0);
        let ended = merges::end_sessions(&mut transaction, &user.0, kept, end.why, end.at);
        let ids = ended.await.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(ids.into_iter().map(SessionId).collect())
    }

    async fn of_user(&self, user: &UserId) -> Result<Vec<Session>, StoreError> {
        let sql = "SELECT * FROM sessions WHERE user_id = $1 AND ended_at IS NULL
            ORDER BY last_seen_at DESC, id LIMIT $2";
        let most = i64::try_from(LISTED).unwrap_or(i64::MAX);
        let query = sqlx::query(sql).bind(&user.0).bind(most).try_map(session);
        query.fetch_all(&self.pool).await.map_err(away)
    }

    async fn ended_since(&self, since: Millis) -> Result<Vec<(SessionId, EndReason)>, StoreError> {
        let sql = "SELECT id, end_reason FROM sessions WHERE ended_at >= $1";
        let query = sqlx::query(sql).bind(to_column(since)).try_map(ended);
        query.fetch_all(&self.pool).await.map_err(away)
    }

    async fn prune(&self, ended: Millis, opened: Millis) -> Result<u64, StoreError> {
        // In parts, so that no statement takes longer than it may.
        let sql = "DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE ended_at < $1 OR created_at < $2 LIMIT $3)";
        let mut gone = 0;
        loop {
            let query = sqlx::query(sql).bind(to_column(ended));
            let query = query.bind(to_column(opened)).bind(PRUNED_AT_ONCE);
            let done = query.execute(&self.pool).await.map_err(away)?;
            gone += done.rows_affected();
            if done.rows_affected() == 0 {
                return Ok(gone);
            }
        }
    }
}

/// What there is to tell of a session that begins; nothing of one that ended before it began.
fn told(session: &Session, via: Option<&Via>) -> Option<Fact> {
    let via = via.filter(|_| session.end.is_none())?;
    let device = &session.device;
    Some(Fact::SessionOpened {
        session_id: session.id.0.clone(),
        user_id: session.user.0.clone(),
        app: session.app.to_string(),
        via: via.clone(),
        browser: device.browser.clone(),
        system: device.system.clone(),
        ip: device.ip.clone(),
    })
}

async fn end_one(db: &mut Connection, id: &SessionId, end: End) -> Result<bool, sqlx::Error> {
    let sql = "UPDATE sessions SET ended_at = $2, end_reason = $3
        WHERE id = $1 AND ended_at IS NULL RETURNING user_id, app";
    let query = sqlx::query_as(sql).bind(&id.0).bind(to_column(end.at));
    let query = query.bind(end.why.name());
    let ended: Option<(String, String)> = query.fetch_optional(&mut *db).await?;
    let Some((user, app)) = ended else {
        return Ok(false);
    };
    merges::tell_end(db, (&id.0, &user, &app), end.why, end.at).await?;
    Ok(true)
}

/// Whether it is the first of its id.
async fn insert(db: &mut Connection, session: &Session) -> Result<bool, sqlx::Error> {
    let sql = "INSERT INTO sessions (id, user_id, app, browser, system, ip, generation, rotated_at,
            refresh_hash, created_at, last_seen_at, ended_at, end_reason)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        ON CONFLICT (id) DO NOTHING";
    let done = sqlx::query(sql)
        .bind(&session.id.0)
        .bind(&session.user.0)
        .bind(session.app.as_str())
        .bind(&session.device.browser)
        .bind(&session.device.system)
        .bind(&session.device.ip)
        .bind(i64::from(session.generation))
        .bind(to_column(session.rotated_at))
        .bind(session.refresh_hash.as_slice())
        .bind(to_column(session.created_at))
        .bind(to_column(session.last_seen_at))
        .bind(session.end.map(|end| to_column(end.at)))
        .bind(session.end.map(|end| end.why.name()))
        .execute(db)
        .await?;
    Ok(done.rows_affected() == 1)
}

/// How a session ends that is opened for somebody who was merged or erased since they logged in.
async fn end_of_user(db: &mut Connection, session: &Session) -> Result<Option<End>, sqlx::Error> {
    let sql = "SELECT merged_into IS NOT NULL FROM users WHERE id = $1 AND gone_at IS NOT NULL";
    let query = sqlx::query_scalar(sql).bind(&session.user.0);
    let is_merged: Option<bool> = query.fetch_optional(db).await?;
    Ok(is_merged.map(|is_merged| End {
        at: session.created_at,
        why: if is_merged {
            EndReason::Merged
        } else {
            EndReason::Erased
        },
    }))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn session(row: Row) -> Result<Session, sqlx::Error> {
    let app: String = row.try_get("app")?;
    let refresh_hash: &[u8] = row.try_get("refresh_hash")?;
    let generation: i64 = row.try_get("generation")?;
    let ended_at: Option<i64> = row.try_get("ended_at")?;
    let end = ended_at.map(|at| {
        reason(&row).map(|why| End {
            at: from_column(at),
            why,
        })
    });
    Ok(Session {
        id: SessionId(row.try_get("id")?),
        user: UserId(row.try_get("user_id")?),
        app: AppId::parse(&app).ok_or_else(|| broken("app"))?,
        device: Device {
            browser: row.try_get("browser")?,
            system: row.try_get("system")?,
            ip: row.try_get("ip")?,
        },
        generation: u32::try_from(generation)
            .ok()
            .ok_or_else(|| broken("generation"))?,
        rotated_at: from_column(row.try_get("rotated_at")?),
        refresh_hash: *refresh_hash
            .as_array()
            .ok_or_else(|| broken("refresh_hash"))?,
        created_at: from_column(row.try_get("created_at")?),
        last_seen_at: from_column(row.try_get("last_seen_at")?),
        end: end.transpose()?,
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn ended(row: Row) -> Result<(SessionId, EndReason), sqlx::Error> {
    Ok((SessionId(row.try_get("id")?), reason(&row)?))
}

fn reason(row: &Row) -> Result<EndReason, sqlx::Error> {
    let name: String = row.try_get("end_reason")?;
    EndReason::parse(&name).ok_or_else(|| broken("end_reason"))
}

fn broken(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("sessions.{column} does not hold what belongs there").into())
}
