//! Users, in either database.

use async_trait::async_trait;
use sqlx::Row as _;

use super::{Connection, Row, Store, away, events, failed, from_column, merges, to_column};
use crate::{
    clock::Millis,
    cluster::StoreError,
    event::Fact,
    ids,
    user::{AvatarId, BROWSERS, Identity, Known, Profile, User, UserId, UserStore},
};

/// How often an enrolment may begin: it has to know whom it is about before it can keep others from changing them.
const TRIES: usize = 8;

#[async_trait]
impl UserStore for Store {
    async fn find(&self, app_id: &str, openid: &str) -> Result<Option<Known>, StoreError> {
        let sql = "SELECT users.id, name, avatar_id, profiled_at FROM identities
            JOIN users ON users.id = identities.user_id
            WHERE app_id = $1 AND openid = $2";
        let query = sqlx::query(sql).bind(app_id).bind(openid).try_map(known);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn get(&self, id: &UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT id, name, avatar_id FROM users WHERE id = $1 AND gone_at IS NULL";
        let query = sqlx::query(sql).bind(&id.0).try_map(user);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn enrol(
        &self,
        identity: &Identity,
        profile: &Profile,
        now: Millis,
    ) -> Result<User, StoreError> {
        let mut found = Found::default();
        for _ in 0..TRIES {
            let mut transaction = self.begin(&found.about(identity)).await?;
            let present = Found::read(&mut transaction, identity)
                .await
                .map_err(away)?;
            if present == found {
                let user = enrol(&mut transaction, identity, found, profile, now);
                let user = user.await.map_err(away)?;
                transaction.commit().await.map_err(away)?;
                return Ok(user);
            }
            // Nothing was written; ended in good order, the connection can serve again.
            transaction.commit().await.map_err(away)?;
            // Now for these people; by then they may be others.
            found = present;
        }
        Err(failed(
            "a user changed again and again while they logged in",
        ))
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
    let sql = "INSERT INTO browsers (user_id, hash, last_seen_at)
        SELECT id, $2, $3 FROM users WHERE id = $1 AND gone_at IS NULL
        ON CONFLICT (user_id, hash) DO UPDATE SET last_seen_at = excluded.last_seen_at";
    let query = sqlx::query(sql).bind(user).bind(browser.as_slice());
    query.bind(to_column(now)).execute(&mut *db).await?;
    keep_latest_browsers(db, user).await
}

pub(super) async fn keep_latest_browsers(
    db: &mut Connection,
    user: &str,
) -> Result<(), sqlx::Error> {
    let sql = "DELETE FROM browsers WHERE user_id = $1 AND hash NOT IN (
            SELECT hash FROM browsers WHERE user_id = $1 ORDER BY last_seen_at DESC LIMIT $2)";
    let kept = i64::try_from(BROWSERS).unwrap_or(i64::MAX);
    let query = sqlx::query(sql).bind(user).bind(kept);
    query.execute(db).await.map(drop)
}

/// Whom an identity leads to.
#[derive(Default, PartialEq, Eq)]
struct Found {
    by_openid: Option<String>,
    by_unionid: Option<String>,
}

impl Found {
    async fn read(db: &mut Connection, identity: &Identity) -> Result<Self, sqlx::Error> {
        Ok(Self {
            by_openid: user_of_identity(db, identity).await?,
            by_unionid: match &identity.unionid {
                Some(unionid) => user_of_union(db, unionid).await?,
                None => None,
            },
        })
    }

    /// What nobody else may work on meanwhile.
    fn about<'a>(&'a self, identity: &'a Identity) -> Vec<&'a str> {
        let names = [&identity.unionid, &self.by_openid, &self.by_unionid];
        let names = names.into_iter().filter_map(|name| name.as_deref());
        names.chain([identity.openid.as_str()]).collect()
    }
}

async fn enrol(
    db: &mut Connection,
    identity: &Identity,
    found: Found,
    profile: &Profile,
    now: Millis,
) -> Result<User, sqlx::Error> {
    let id = match (found.by_openid, found.by_unionid) {
        (Some(known), Some(other)) if known != other => {
            one_of_two(db, identity, known, other, now).await?
        }
        (Some(known), Some(_)) => known,
        (Some(known), None) => {
            add_union(db, identity, &known, now).await?;
            known
        }
        (None, Some(other)) => {
            add_identity(db, identity, &other, now).await?;
            other
        }
        (None, None) => {
            let id = add_user(db, now).await?;
            add_identity(db, identity, &id, now).await?;
            add_union(db, identity, &id, now).await?;
            id
        }
    };
    refresh(db, &id, profile, now).await
}

/// Two people by the openid, one by the unionid.
async fn one_of_two(
    db: &mut Connection,
    identity: &Identity,
    known: String,
    other: String,
    now: Millis,
) -> Result<String, sqlx::Error> {
    if merges::is_absorbable(db, &known).await? {
        merges::absorb(db, &known, &other, now).await?;
        tracing::info!(
            from = known,
            into = other,
            "a late unionid made two users one"
        );
        return Ok(other);
    }
    merges::add_conflict(db, identity, &known, &other, now).await?;
    Ok(known)
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
        .execute(&mut *db)
        .await?;
    let user_id = id.clone();
    events::tell(db, now, Fact::UserCreated { user_id }).await?;
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
    identity: &Identity,
    user: &str,
    now: Millis,
) -> Result<(), sqlx::Error> {
    let Some(unionid) = &identity.unionid else {
        return Ok(());
    };
    let sql = "INSERT INTO unions (unionid, user_id, created_at) VALUES ($1, $2, $3)";
    let query = sqlx::query(sql)
        .bind(unionid)
        .bind(user)
        .bind(to_column(now));
    query.execute(db).await.map(drop)
}

/// Takes over what the profile says; what it does not say stays.
async fn refresh(
    db: &mut Connection,
    id: &str,
    profile: &Profile,
    now: Millis,
) -> Result<User, sqlx::Error> {
    let told_at = (*profile != Profile::default()).then(|| to_column(now));
    // The same picture keeps its name.
    let sql = "UPDATE users SET name = coalesce($2, name),
            avatar_source = coalesce($3, avatar_source),
            avatar_id = CASE WHEN $3 IS NULL OR $3 = avatar_source THEN avatar_id ELSE $4 END,
            profiled_at = coalesce($5, profiled_at)
        WHERE id = $1 RETURNING id, name, avatar_id";
    let query = sqlx::query(sql).bind(id).bind(&profile.name);
    let query = query.bind(&profile.avatar);
    let query = query
        .bind(ids::base64url(&ids::random::<16>()))
        .bind(told_at);
    query.try_map(user).fetch_one(db).await
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn user(row: Row) -> Result<User, sqlx::Error> {
    user_of(&row)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn known(row: Row) -> Result<Known, sqlx::Error> {
    let profiled_at: Option<i64> = row.try_get("profiled_at")?;
    Ok(Known {
        user: user_of(&row)?,
        profiled_at: profiled_at.map(from_column),
    })
}

fn user_of(row: &Row) -> Result<User, sqlx::Error> {
    let avatar: Option<String> = row.try_get("avatar_id")?;
    Ok(User {
        id: UserId(row.try_get("id")?),
        name: row.try_get("name")?,
        avatar: avatar.map(AvatarId),
    })
}
