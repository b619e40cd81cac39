//! Users, in either database.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{Connection, Row, Store, away, to_column};
use crate::{
    clock::Millis,
    cluster::StoreError,
    ids,
    user::{AvatarId, BROWSERS, Identity, Profile, User, UserId, UserStore},
};

#[async_trait]
impl UserStore for Store {
    async fn find(&self, app_id: &str, openid: &str) -> Result<Option<User>, StoreError> {
        let sql = "SELECT users.id, name, avatar_id FROM identities
            JOIN users ON users.id = identities.user_id
            WHERE app_id = $1 AND openid = $2";
        let query = sqlx::query(sql).bind(app_id).bind(openid).try_map(user);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT id, name, avatar_id FROM users WHERE id = $1";
        let query = sqlx::query(sql).bind(&id.0).try_map(user);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn enrol(
        &self,
        identity: &Identity,
        profile: &Profile,
        now: Millis,
    ) -> Result<User, StoreError> {
        let about = [Some(identity.openid.as_str()), identity.unionid.as_deref()];
        let about: Vec<&str> = about.into_iter().flatten().collect();
        let mut transaction = self.begin(&about).await?;
        let user = enrol(&mut transaction, identity, profile, now)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(user)
    }

    async fn avatar_source(&self, id: &AvatarId) -> Result<Option<String>, StoreError> {
        let sql = "SELECT avatar_source FROM users WHERE avatar_id = $1";
        let query = sqlx::query_scalar(sql).bind(&id.0);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn knows_browser(&self, id: &UserId, browser: &[u8; 32]) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM browsers WHERE user_id = $1 AND hash = $2)";
        let query = sqlx::query_scalar(sql).bind(&id.0).bind(browser.as_slice());
        query.fetch_one(&self.pool).await.map_err(away)
    }

    async fn saw_browser(
        &self,
        id: &UserId,
        browser: &[u8; 32],
        now: Millis,
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin(&[&id.0]).await?;
        saw(&mut transaction, &id.0, browser, now)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)
    }
}

async fn saw(
    db: &mut Connection,
    user: &str,
    browser: &[u8; 32],
    now: Millis,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO browsers (user_id, hash, last_seen_at) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, hash) DO UPDATE SET last_seen_at = excluded.last_seen_at";
    let query = sqlx::query(sql).bind(user).bind(browser.as_slice());
    query.bind(to_column(now)).execute(&mut *db).await?;
    let sql = "DELETE FROM browsers WHERE user_id = $1 AND hash NOT IN (
            SELECT hash FROM browsers WHERE user_id = $1 ORDER BY last_seen_at DESC LIMIT $2)";
    let kept = i64::try_from(BROWSERS).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(user).bind(kept);
    query.execute(db).await.map(drop)
}

async fn enrol(
    db: &mut Connection,
    identity: &Identity,
    profile: &Profile,
    now: Millis,
) -> Result<User, sqlx::Error> {
    let known = user_of_identity(db, identity).await?;
    let of_union = match &identity.unionid {
        Some(unionid) => user_of_union(db, unionid).await?,
        None => None,
    };
    let (id, new_identity) = match (known, &of_union) {
        (Some(known), _) => (known, false),
        (None, Some(of_union)) => (of_union.clone(), true),
        (None, None) => (add_user(db, now).await?, true),
    };
    if new_identity {
        add_identity(db, identity, &id, now).await?;
    }
    match (&identity.unionid, of_union) {
        (Some(unionid), None) => add_union(db, unionid, &id, now).await?,
        // Two people by the openids, one by the unionid. Who logs in stays who they are.
        (Some(_), Some(other)) if other != id => tracing::warn!(
            user = id,
            other,
            app_id = identity.app_id,
            "a unionid belongs to another user already; it is not kept"
        ),
        _ => {}
    }
    refresh(db, &id, profile).await
}

async fn user_of_identity(
    db: &mut Connection,
    identity: &Identity,
) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT user_id FROM identities WHERE app_id = $1 AND openid = $2";
    let query = sqlx::query_scalar(sql).bind(&identity.app_id);
    query.bind(&identity.openid).fetch_optional(db).await
}

async fn user_of_union(db: &mut Connection, unionid: &str) -> Result<Option<String>, sqlx::Error> {
    let sql = "SELECT user_id FROM unions WHERE unionid = $1";
    sqlx::query_scalar(sql)
        .bind(unionid)
        .fetch_optional(db)
        .await
}

pub(super) async fn add_user(db: &mut Connection, now: Millis) -> Result<String, sqlx::Error> {
    let id = ids::row_id(now);
    let sql = "INSERT INTO users (id, created_at) VALUES ($1, $2)";
    sqlx::query(sql)
        .bind(&id)
        .bind(to_column(now))
        .execute(db)
        .await?;
    Ok(id)
}

async fn add_identity(
    db: &mut Connection,
    identity: &Identity,
    user: &str,
    now: Millis,
) -> Result<(), sqlx::Error> {
    let sql =
        "INSERT INTO identities (app_id, openid, user_id, created_at) VALUES ($1, $2, $3, $4)";
    let query = sqlx::query(sql)
        .bind(&identity.app_id)
        .bind(&identity.openid);
    query
        .bind(user)
        .bind(to_column(now))
        .execute(db)
        .await
        .map(drop)
}

async fn add_union(
    db: &mut Connection,
    unionid: &str,
    user: &str,
    now: Millis,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO unions (unionid, user_id, created_at) VALUES ($1, $2, $3)";
    let query = sqlx::query(sql)
        .bind(unionid)
        .bind(user)
        .bind(to_column(now));
    query.execute(db).await.map(drop)
}

/// Takes over what the profile says; what it does not say stays.
async fn refresh(db: &mut Connection, id: &str, profile: &Profile) -> Result<User, sqlx::Error> {
    // The same picture keeps its name.
    let sql = "UPDATE users SET name = coalesce($2, name),
            avatar_source = coalesce($3, avatar_source),
            avatar_id = CASE WHEN $3 IS NULL OR $3 = avatar_source THEN avatar_id ELSE $4 END
        WHERE id = $1 RETURNING id, name, avatar_id";
    let query = sqlx::query(sql).bind(id).bind(&profile.name);
    let query = query.bind(&profile.avatar);
    let query = query.bind(ids::base64url(&ids::random::<16>()));
    query.try_map(user).fetch_one(db).await
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn user(row: Row) -> Result<User, sqlx::Error> {
    let avatar: Option<String> = row.try_get("avatar_id")?;
    Ok(User {
        id: UserId(row.try_get("id")?),
        name: row.try_get("name")?,
        avatar: avatar.map(AvatarId),
    })
}
