//! Users as operators handle them, in either database.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{Connection, Row, Store, away, events, from_column, merges, to_column};
use crate::{
    clock::Millis,
    cluster::StoreError,
    event::Fact,
    token::EndReason,
    user::{
        Conflict, KnownBrowser, KnownIdentity, KnownSession, KnownUnionid, Record, UserId,
        UserRecords, Who,
    },
};

#[async_trait]
impl UserRecords for Store {
    async fn resolve(&self, who: &Who) -> Result<Option<UserId>, StoreError> {
        let query = match who {
            Who::Id(id) => {
                let sql = "SELECT coalesce(merged_into, id) FROM users
                    WHERE id = $1 AND (gone_at IS NULL OR merged_into IS NOT NULL)";
                sqlx::query_scalar(sql).bind(&id.0)
            }
            Who::Openid { app_id, openid } => {
                let sql = "SELECT user_id FROM identities WHERE app_id = $1 AND openid = $2";
                sqlx::query_scalar(sql).bind(app_id).bind(openid)
            }
            Who::Unionid(unionid) => {
                let sql = "SELECT user_id FROM unions WHERE unionid = $1";
                sqlx::query_scalar(sql).bind(unionid)
            }
        };
        let id = query.fetch_optional(&self.pool).await.map_err(away)?;
        Ok(id.map(UserId))
    }

    async fn export(&self, id: &UserId) -> Result<Option<Record>, StoreError> {
        // Nobody else writes about this person while it is read.
        let mut transaction = self.begin(&[&id.0]).await?;
        record(&mut transaction, &id.0).await.map_err(away)
    }

    async fn conflicts(&self) -> Result<Vec<Conflict>, StoreError> {
        let sql = "SELECT * FROM conflicts WHERE dismissed_at IS NULL ORDER BY at, id";
        let query = sqlx::query(sql).try_map(conflict);
        query.fetch_all(&self.pool).await.map_err(away)
    }

    async fn merge(&self, from: &UserId, into: &UserId, now: Millis) -> Result<bool, StoreError> {
        if from == into {
            return Ok(false);
        }
        let mut transaction = self.begin(&[&from.0, &into.0]).await?;
        for id in [from, into] {
            if !is_live(&mut transaction, &id.0).await.map_err(away)? {
                return Ok(false);
            }
        }
        if have_accounts(&mut transaction, from, into)
            .await
            .map_err(away)?
        {
            return Ok(false);
        }
        merges::absorb(&mut transaction, &from.0, &into.0, now)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(true)
    }

    async fn dismiss(&self, conflict: &str, now: Millis) -> Result<bool, StoreError> {
        let sql = "UPDATE conflicts SET dismissed_at = $2 WHERE id = $1 AND dismissed_at IS NULL";
        let query = sqlx::query(sql).bind(conflict).bind(to_column(now));
        let done = query.execute(&self.pool).await.map_err(away)?;
        Ok(done.rows_affected() == 1)
    }

    async fn erase(&self, id: &UserId, now: Millis) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[&id.0]).await?;
        if !is_live(&mut transaction, &id.0).await.map_err(away)? {
            return Ok(false);
        }
        erase(&mut transaction, &id.0, now).await.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        if let Err(error) = self.forget_deleted().await {
            tracing::warn!(%error, "the erasure is done, but what was deleted may still be in the file");
        }
        Ok(true)
    }

    async fn remove_password(&self, id: &UserId, now: Millis) -> Result<bool, StoreError> {
        let mut transaction = self.begin(&[&id.0]).await?;
        let is_removed = remove_password(&mut transaction, &id.0, now).await;
        let is_removed = is_removed.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        self.forget_deleted().await?;
        Ok(is_removed)
    }
}

async fn remove_password(db: &mut Connection, id: &str, now: Millis) -> Result<bool, sqlx::Error> {
    let sql = "DELETE FROM accounts WHERE user_id = $1";
    let done = sqlx::query(sql).bind(id).execute(&mut *db).await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let why = EndReason::PasswordChanged;
    merges::end_sessions(db, id, merges::NONE, why, now).await?;
    Ok(true)
}

/// Whether both have a password: one of them would be lost.
async fn have_accounts(
    db: &mut Connection,
    one: &UserId,
    two: &UserId,
) -> Result<bool, sqlx::Error> {
    let sql = "SELECT count(*) = 2 FROM accounts WHERE user_id IN ($1, $2)";
    let query = sqlx::query_scalar(sql).bind(&one.0).bind(&two.0);
    query.fetch_one(db).await
}

pub(super) async fn is_live(db: &mut Connection, id: &str) -> Result<bool, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND gone_at IS NULL)";
    sqlx::query_scalar(sql).bind(id).fetch_one(db).await
}

async fn erase(db: &mut Connection, id: &str, now: Millis) -> Result<(), sqlx::Error> {
    merges::end_sessions(db, id, merges::NONE, EndReason::Erased, now).await?;
    events::forget_devices(db, id).await?;
    let user_id = id.to_owned();
    events::tell(db, now, Fact::UserErased { user_id }).await?;
    for sql in [
        "DELETE FROM identities WHERE user_id = $1",
        "DELETE FROM unions WHERE user_id = $1",
        // The rows tell running gateways that they have ended, until they are pruned.
        "UPDATE sessions SET browser = '', system = '', ip = '' WHERE user_id = $1
            OR user_id IN (SELECT id FROM users WHERE merged_into = $1)",
        "UPDATE users SET merged_into = NULL WHERE merged_into = $1",
    ] {
        sqlx::query(sql).bind(id).execute(&mut *db).await?;
    }
    merges::forget(db, id, None, now).await
}

async fn record(db: &mut Connection, id: &str) -> Result<Option<Record>, sqlx::Error> {
    let sql = "SELECT name, avatar_source, created_at, profiled_at FROM users
        WHERE id = $1 AND gone_at IS NULL";
    let user = sqlx::query_as(sql)
        .bind(id)
        .fetch_optional(&mut *db)
        .await?;
    let Some((name, avatar, created_at, profiled_at)) = user else {
        return Ok(None);
    };
    let profiled_at: Option<i64> = profiled_at;
    let sql = "SELECT id FROM users WHERE merged_into = $1 ORDER BY id";
    let merged: Vec<String> = sqlx::query_scalar(sql).bind(id).fetch_all(&mut *db).await?;
    let sql = "SELECT name FROM accounts WHERE user_id = $1";
    let username = sqlx::query_scalar(sql).bind(id);
    let username = username.fetch_optional(&mut *db).await?;
    Ok(Some(Record {
        id: UserId(id.to_owned()),
        username,
        name,
        avatar,
        created_at: from_column(created_at),
        profiled_at: profiled_at.map(from_column),
        merged_ids: merged.into_iter().map(UserId).collect(),
        identities: identities(db, id).await?,
        unionids: unionids(db, id).await?,
        browsers: browsers(db, id).await?,
        sessions: sessions(db, id).await?,
        conflicts: conflicts_of(db, id).await?,
    }))
}

async fn identities(db: &mut Connection, id: &str) -> Result<Vec<KnownIdentity>, sqlx::Error> {
    let sql = "SELECT app_id, openid, created_at FROM identities
        WHERE user_id = $1 ORDER BY created_at, app_id, openid";
    let rows: Vec<(String, String, i64)> = sqlx::query_as(sql).bind(id).fetch_all(db).await?;
    let identity = |(app_id, openid, at)| KnownIdentity {
        app_id,
        openid,
        created_at: from_column(at),
    };
    Ok(rows.into_iter().map(identity).collect())
}

async fn unionids(db: &mut Connection, id: &str) -> Result<Vec<KnownUnionid>, sqlx::Error> {
    let sql = "SELECT unionid, created_at FROM unions
        WHERE user_id = $1 ORDER BY created_at, unionid";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(id).fetch_all(db).await?;
    let unionid = |(unionid, at)| KnownUnionid {
        unionid,
        created_at: from_column(at),
    };
    Ok(rows.into_iter().map(unionid).collect())
}

async fn browsers(db: &mut Connection, id: &str) -> Result<Vec<KnownBrowser>, sqlx::Error> {
    let sql = "SELECT last_seen_at FROM browsers WHERE user_id = $1 ORDER BY last_seen_at";
    let rows: Vec<i64> = sqlx::query_scalar(sql).bind(id).fetch_all(db).await?;
    let browser = |at| KnownBrowser {
        last_seen_at: from_column(at),
    };
    Ok(rows.into_iter().map(browser).collect())
}

async fn sessions(db: &mut Connection, id: &str) -> Result<Vec<KnownSession>, sqlx::Error> {
    let sql = "SELECT * FROM sessions WHERE user_id = $1
            OR user_id IN (SELECT id FROM users WHERE merged_into = $1)
        ORDER BY created_at, id";
    let query = sqlx::query(sql).bind(id).try_map(session);
    query.fetch_all(db).await
}

async fn conflicts_of(db: &mut Connection, id: &str) -> Result<Vec<Conflict>, sqlx::Error> {
    let sql = "SELECT * FROM conflicts WHERE user_id = $1 OR other_id = $1 ORDER BY at, id";
    let query = sqlx::query(sql).bind(id).try_map(conflict);
    query.fetch_all(db).await
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn session(row: Row) -> Result<KnownSession, sqlx::Error> {
    let ended_at: Option<i64> = row.try_get("ended_at")?;
    Ok(KnownSession {
        id: row.try_get("id")?,
        app: row.try_get("app")?,
        browser: row.try_get("browser")?,
        system: row.try_get("system")?,
        ip: row.try_get("ip")?,
        created_at: from_column(row.try_get("created_at")?),
        last_seen_at: from_column(row.try_get("last_seen_at")?),
        ended_at: ended_at.map(from_column),
        end_reason: row.try_get("end_reason")?,
    })
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn conflict(row: Row) -> Result<Conflict, sqlx::Error> {
    Ok(Conflict {
        id: row.try_get("id")?,
        at: from_column(row.try_get("at")?),
        app_id: row.try_get("app_id")?,
        openid: row.try_get("openid")?,
        unionid: row.try_get("unionid")?,
        user: UserId(row.try_get("user_id")?),
        other: UserId(row.try_get("other_id")?),
    })
}
