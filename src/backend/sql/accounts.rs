//! Accounts, in either database.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row as _;

use super::{Connection, Row, Store, away, to_column, users::add_user};
use crate::{
    clock::Millis,
    cluster::StoreError,
    token::EndReason,
    user::{Absorbed, Account, AccountStore, Created, UserId, Username},
};

#[async_trait]
impl AccountStore for Store {
    async fn account_named(&self, name: &Username) -> Result<Option<Account>, StoreError> {
        let sql = "SELECT user_id, name, hash FROM accounts WHERE name = $1";
        let query = sqlx::query(sql).bind(name.as_str()).try_map(account);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn account_of(&self, user: &UserId) -> Result<Option<Account>, StoreError> {
        let sql = "SELECT user_id, name, hash FROM accounts WHERE user_id = $1";
        let query = sqlx::query(sql).bind(&user.0).try_map(account);
        query.fetch_optional(&self.pool).await.map_err(away)
    }

    async fn create_account(
        &self,
        name: &Username,
        hash: &SecretString,
        owner: Option<&UserId>,
        now: Millis,
    ) -> Result<Created, StoreError> {
        let about = [Some(name.as_str()), owner.map(|owner| owner.0.as_str())];
        let about: Vec<&str> = about.into_iter().flatten().collect();
        let mut transaction = self.begin(&about).await?;
        let created = create(&mut transaction, name, hash, owner, now)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(created)
    }

    async fn replace_hash(
        &self,
        user: &UserId,
        from: &SecretString,
        to: &SecretString,
        now: Millis,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET hash = $3, changed_at = $4 WHERE user_id = $1 AND hash = $2";
        let query = sqlx::query(sql).bind(&user.0);
        let query = query.bind(from.expose_secret()).bind(to.expose_secret());
        let query = query.bind(to_column(now));
        let done = query.execute(&self.pool).await.map_err(away)?;
        Ok(done.rows_affected() == 1)
    }

    async fn absorb(
        &self,
        from: &UserId,
        into: &UserId,
        now: Millis,
    ) -> Result<Absorbed, StoreError> {
        let mut transaction = self.begin(&[&from.0, &into.0]).await?;
        let has_account = has_account(&mut transaction, from).await.map_err(away)?;
        if has_account {
            return Ok(Absorbed::HasAccount);
        }
        absorb(&mut transaction, from, into, now)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(Absorbed::Done)
    }
}

async fn create(
    db: &mut Connection,
    name: &Username,
    hash: &SecretString,
    owner: Option<&UserId>,
    now: Millis,
) -> Result<Created, sqlx::Error> {
    if let Some(owner) = owner
        && has_account(db, owner).await?
    {
        return Ok(Created::HasOne);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE name = $1)";
    let query = sqlx::query_scalar(sql).bind(name.as_str());
    if query.fetch_one(&mut *db).await? {
        return Ok(Created::NameTaken);
    }
    let user = match owner {
        Some(owner) => owner.0.clone(),
        None => add_user(db, now).await?,
    };
    let sql = "INSERT INTO accounts (user_id, name, hash, created_at, changed_at)
        VALUES ($1, $2, $3, $4, $4)";
    let query = sqlx::query(sql).bind(&user).bind(name.as_str());
    let query = query.bind(hash.expose_secret()).bind(to_column(now));
    query.execute(db).await?;
    Ok(Created::Done(UserId(user)))
}

async fn has_account(db: &mut Connection, user: &UserId) -> Result<bool, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE user_id = $1)";
    let query = sqlx::query_scalar(sql).bind(&user.0);
    query.fetch_one(db).await
}

/// Everything of `from` but its name and picture, and then those.
async fn absorb(
    db: &mut Connection,
    from: &UserId,
    into: &UserId,
    now: Millis,
) -> Result<(), sqlx::Error> {
    let sql = "UPDATE sessions SET ended_at = $2, end_reason = $3
        WHERE user_id = $1 AND ended_at IS NULL";
    let query = sqlx::query(sql).bind(&from.0).bind(to_column(now));
    let query = query.bind(EndReason::Merged.name());
    query.execute(&mut *db).await?;
    for sql in [
        "UPDATE sessions SET user_id = $2 WHERE user_id = $1",
        "UPDATE identities SET user_id = $2 WHERE user_id = $1",
        "UPDATE unions SET user_id = $2 WHERE user_id = $1",
        "INSERT INTO browsers (user_id, hash, last_seen_at)
            SELECT $2, hash, last_seen_at FROM browsers WHERE user_id = $1
            ON CONFLICT (user_id, hash) DO NOTHING",
    ] {
        let query = sqlx::query(sql).bind(&from.0).bind(&into.0);
        query.execute(&mut *db).await?;
    }
    let sql = "DELETE FROM browsers WHERE user_id = $1";
    sqlx::query(sql).bind(&from.0).execute(&mut *db).await?;
    let sql = "DELETE FROM users WHERE id = $1 RETURNING name, avatar_source, avatar_id";
    let query = sqlx::query(sql).bind(&from.0);
    let gone = query.fetch_optional(&mut *db).await?;
    match gone {
        Some(gone) => inherit(db, into, &gone).await,
        None => Ok(()),
    }
}

/// Name and picture where there were none.
async fn inherit(db: &mut Connection, into: &UserId, gone: &Row) -> Result<(), sqlx::Error> {
    let sql = "UPDATE users SET name = coalesce(name, $2),
            avatar_source = CASE WHEN avatar_id IS NULL THEN $3 ELSE avatar_source END,
            avatar_id = coalesce(avatar_id, $4)
        WHERE id = $1";
    let mut query = sqlx::query(sql).bind(&into.0);
    for column in ["name", "avatar_source", "avatar_id"] {
        query = query.bind(gone.try_get::<Option<String>, _>(column)?);
    }
    query.execute(db).await.map(drop)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that try_map wants"
)]
fn account(row: Row) -> Result<Account, sqlx::Error> {
    let (name, hash): (String, String) = (row.try_get("name")?, row.try_get("hash")?);
    let name = Username::parse(&name);
    let name = name.ok_or_else(|| sqlx::Error::Decode("accounts.name is no user name".into()))?;
    Ok(Account {
        user: UserId(row.try_get("user_id")?),
        name,
        hash: hash.into(),
    })
}
