//! Sessions in SQLite.

use async_trait::async_trait;
use sqlx::{Row, sqlite::SqliteRow};

use super::{Sqlite, away, failed, from_column, to_column};
use crate::{
    clock::Millis,
    cluster::StoreError,
    config::AppId,
    token::{Device, Session, SessionId, SessionStore},
    user::UserId,
};

#[async_trait]
impl SessionStore for Sqlite {
    async fn open(&self, session: &Session) -> Result<Session, StoreError> {
        let sql =
            "INSERT INTO sessions (id, user_id, app, browser, system, ip, generation, rotated_at,
                refresh_hash, created_at, last_seen_at, revoked_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (id) DO NOTHING";
        let done = sqlx::query(sql)
            .bind(&session.id.0)
            .bind(&session.user.0)
            .bind(session.app.as_str())
            .bind(&session.device.browser)
            .bind(&session.device.system)
            .bind(&session.device.ip)
            .bind(session.generation)
            .bind(to_column(session.rotated_at))
            .bind(session.refresh_hash.as_slice())
            .bind(to_column(session.created_at))
            .bind(to_column(session.last_seen_at))
            .bind(session.revoked_at.map(to_column))
            .execute(&self.pool)
            .await
            .map_err(away)?;
        if done.rows_affected() == 1 {
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
        hash: &[u8; 32],
        now: Millis,
    ) -> Result<bool, StoreError> {
        let sql =
            "UPDATE sessions SET generation = generation + 1, refresh_hash = $3, rotated_at = $4,
                last_seen_at = $4
            WHERE id = $1 AND generation = $2 AND revoked_at IS NULL";
        let query = sqlx::query(sql).bind(&id.0).bind(from);
        let query = query.bind(hash.as_slice()).bind(to_column(now));
        let done = query.execute(&self.pool).await.map_err(away)?;
        Ok(done.rows_affected() == 1)
    }

    async fn revoke(&self, id: &SessionId, now: Millis) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        let query = sqlx::query(sql).bind(&id.0).bind(to_column(now));
        let done = query.execute(&self.pool).await.map_err(away)?;
        Ok(done.rows_affected() == 1)
    }

    async fn revoke_all(&self, user: &UserId, now: Millis) -> Result<Vec<SessionId>, StoreError> {
        let sql = "UPDATE sessions SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL
            RETURNING id";
        let query = sqlx::query_scalar(sql).bind(&user.0).bind(to_column(now));
        let ids: Vec<String> = query.fetch_all(&self.pool).await.map_err(away)?;
        Ok(ids.into_iter().map(SessionId).collect())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn session(row: SqliteRow) -> Result<Session, sqlx::Error> {
    let app: String = row.try_get("app")?;
    let refresh_hash: &[u8] = row.try_get("refresh_hash")?;
    let revoked_at: Option<i64> = row.try_get("revoked_at")?;
    Ok(Session {
        id: SessionId(row.try_get("id")?),
        user: UserId(row.try_get("user_id")?),
        app: AppId::parse(&app).ok_or_else(|| broken("app"))?,
        device: Device {
            browser: row.try_get("browser")?,
            system: row.try_get("system")?,
            ip: row.try_get("ip")?,
        },
        generation: row.try_get("generation")?,
        rotated_at: from_column(row.try_get("rotated_at")?),
        refresh_hash: *refresh_hash
            .as_array()
            .ok_or_else(|| broken("refresh_hash"))?,
        created_at: from_column(row.try_get("created_at")?),
        last_seen_at: from_column(row.try_get("last_seen_at")?),
        revoked_at: revoked_at.map(from_column),
    })
}

fn broken(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("sessions.{column} does not hold what belongs there").into())
}
