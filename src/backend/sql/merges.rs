//! Two users who turn out to be one person, in either database.

use super::{Connection, events, to_column};
use crate::{clock::Millis, event::Fact, ids, token::EndReason, user::Identity};

/// No session has an empty name.
pub(super) const NONE: &str = "";

/// Whether the user behind a login may become another one without asking anybody: nothing but this identity, without a
/// unionid, leads to them, and no password, so nobody else can be behind it.
pub(super) async fn is_absorbable(db: &mut Connection, user: &str) -> Result<bool, sqlx::Error> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM unions WHERE user_id = $1)
            AND NOT EXISTS (SELECT 1 FROM accounts WHERE user_id = $1)
            AND (SELECT count(*) FROM identities WHERE user_id = $1) = 1";
    sqlx::query_scalar(sql).bind(user).fetch_one(db).await
}

/// Makes `from` one with `into`: see [`crate::user::UserRecords::merge`].
pub(super) async fn absorb(
    db: &mut Connection,
    from: &str,
    into: &str,
    now: Millis,
) -> Result<(), sqlx::Error> {
    for sql in [
        "UPDATE identities SET user_id = $2 WHERE user_id = $1",
        "UPDATE unions SET user_id = $2 WHERE user_id = $1",
        "UPDATE accounts SET user_id = $2 WHERE user_id = $1",
        "UPDATE users SET merged_into = $2 WHERE merged_into = $1",
        "INSERT INTO browsers (user_id, hash, last_seen_at)
            SELECT $2, hash, last_seen_at FROM browsers WHERE user_id = $1
            ON CONFLICT (user_id, hash) DO UPDATE SET last_seen_at = excluded.last_seen_at
                WHERE browsers.last_seen_at < excluded.last_seen_at",
    ] {
        let query = sqlx::query(sql).bind(from).bind(into);
        query.execute(&mut *db).await?;
    }
    end_sessions(db, from, NONE, EndReason::Merged, now).await?;
    let merged = Fact::UserMerged {
        user_id: from.to_owned(),
        into: into.to_owned(),
    };
    events::tell(db, now, merged).await?;
    let sql = "SELECT name, avatar_source, avatar_id, profiled_at FROM users WHERE id = $1";
    let (name, source, avatar, at): (Option<String>, Option<String>, Option<String>, Option<i64>) =
        sqlx::query_as(sql).bind(from).fetch_one(&mut *db).await?;
    forget(db, from, Some(into), now).await?;
    let sql = "UPDATE users SET name = coalesce(name, $2),
            avatar_source = coalesce(avatar_source, $3), avatar_id = coalesce(avatar_id, $4),
            profiled_at = coalesce(profiled_at, $5)
        WHERE id = $1";
    let query = sqlx::query(sql).bind(into).bind(name);
    let query = query.bind(source).bind(avatar).bind(at);
    query.execute(&mut *db).await?;
    super::users::keep_latest_browsers(db, into).await
}

/// Ends the live sessions of a user, except the one named `kept`; gives the names of those it ended.
pub(super) async fn end_sessions(
    db: &mut Connection,
    user: &str,
    kept: &str,
    why: EndReason,
    now: Millis,
) -> Result<Vec<String>, sqlx::Error> {
    let sql = "UPDATE sessions SET ended_at = $2, end_reason = $3
        WHERE user_id = $1 AND ended_at IS NULL AND id <> $4 RETURNING id, app";
    let query = sqlx::query_as(sql).bind(user).bind(to_column(now));
    let query = query.bind(why.name()).bind(kept);
    let ended: Vec<(String, String)> = query.fetch_all(&mut *db).await?;
    for (session, app) in &ended {
        tell_end(db, (session, user, app), why, now).await?;
    }
    Ok(ended.into_iter().map(|(session, _)| session).collect())
}

/// Tells that a session was ended: its name, its user, its app.
pub(super) async fn tell_end(
    db: &mut Connection,
    (session, user, app): (&str, &str, &str),
    why: EndReason,
    now: Millis,
) -> Result<(), sqlx::Error> {
    let ended = Fact::SessionEnded {
        session_id: session.to_owned(),
        user_id: user.to_owned(),
        app: app.to_owned(),
        reason: why.name(),
    };
    events::tell(db, now, ended).await
}

/// Leaves nothing of a user but the id, and where it leads to.
///
/// Conflicts go too: one that still stands comes again with the next login.
pub(super) async fn forget(
    db: &mut Connection,
    user: &str,
    merged_into: Option<&str>,
    now: Millis,
) -> Result<(), sqlx::Error> {
    for sql in [
        "DELETE FROM accounts WHERE user_id = $1",
        "DELETE FROM browsers WHERE user_id = $1",
        "DELETE FROM conflicts WHERE user_id = $1 OR other_id = $1",
    ] {
        sqlx::query(sql).bind(user).execute(&mut *db).await?;
    }
    let sql = "UPDATE users SET name = NULL, avatar_source = NULL, avatar_id = NULL,
            profiled_at = NULL, gone_at = $2, merged_into = $3
        WHERE id = $1";
    let query = sqlx::query(sql).bind(user).bind(to_column(now));
    query.bind(merged_into).execute(db).await.map(drop)
}

/// Keeps that a login of `user` came with a unionid of `other`; once for each two.
pub(super) async fn add_conflict(
    db: &mut Connection,
    identity: &Identity,
    user: &str,
    other: &str,
    now: Millis,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO conflicts (id, at, app_id, openid, unionid, user_id, other_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (user_id, other_id) DO NOTHING";
    let done = sqlx::query(sql)
        .bind(ids::row_id(now))
        .bind(to_column(now))
        .bind(&identity.app_id)
        .bind(&identity.openid)
        .bind(&identity.unionid)
        .bind(user)
        .bind(other)
        .execute(db)
        .await?;
    if done.rows_affected() == 1 {
        tracing::warn!(
            user,
            other,
            app_id = identity.app_id,
            "WeChat says that two users are one person; `scangate users conflicts` lists what to decide"
        );
    }
    Ok(())
}
