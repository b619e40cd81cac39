//! Accounts, in either database.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row as _;

use super::{Connection, Row, Store, away, merges, records::is_live, to_column, users::add_user};
use crate::{
    clock::Millis,
    cluster::StoreError,
    token::EndReason,
    user::{Absorbed, Account, AccountStore, Created, NEWCOMER, UserId, Username},
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
        let mut transaction = self.begin(&[&user.0]).await?;
        let replaced = replace(&mut transaction, user, from, to, now).await;
        let is_replaced = replaced.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(is_replaced)
    }

    async fn change_hash(
        &self,
        user: &UserId,
        from: &SecretString,
        to: &SecretString,
        kept: &str,
        now: Millis,
    ) -> Result<Option<Vec<String>>, StoreError> {
        let mut transaction = self.begin(&[&user.0]).await?;
        let is_replaced = replace(&mut transaction, user, from, to, now).await;
        if !is_replaced.map_err(away)? {
            return Ok(None);
        }
        let why = EndReason::PasswordChanged;
        let ended = merges::end_sessions(&mut transaction, &user.0, kept, why, now).await;
        let ended = ended.map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(Some(ended))
    }

    async fn absorb(
        &self,
        from: &UserId,
        into: &UserId,
        now: Millis,
    ) -> Result<Absorbed, StoreError> {
        let mut transaction = self.begin(&[&from.0, &into.0]).await?;
        let absorbed = absorb(&mut transaction, from, into, now)
            .await
            .map_err(away)?;
        transaction.commit().await.map_err(away)?;
        Ok(absorbed)
    }
}

async fn create(
    db: &mut Connection,
    name: &Username,
    hash: &SecretString,
    owner: Option<&UserId>,
    now: Millis,
) -> Result<Created, sqlx::Error> {
    if let Some(owner) = owner {
        if !is_live(db, &owner.0).await? {
            return Ok(Created::NoOwner);
        }
        if has_account(db, owner).await? {
            return Ok(Created::HasOne);
        }
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

async fn replace(
    db: &mut Connection,
    user: &UserId,
    from: &SecretString,
    to: &SecretString,
    now: Millis,
) -> Result<bool, sqlx::Error> {
    let sql = "UPDATE accounts SET hash = $3, changed_at = $4 WHERE user_id = $1 AND hash = $2";
    let query = sqlx::query(sql).bind(&user.0);
    let query = query.bind(from.expose_secret()).bind(to.expose_secret());
    let done = query.bind(to_column(now)).execute(db).await?;
    Ok(done.rows_affected() == 1)
}

async fn has_account(db: &mut Connection, user: &UserId) -> Result<bool, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM accounts WHERE user_id = $1)";
    let query = sqlx::query_scalar(sql).bind(&user.0);
    query.fetch_one(db).await
}

async fn absorb(
    db: &mut Connection,
    from: &UserId,
    into: &UserId,
    now: Millis,
) -> Result<Absorbed, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND merged_into = $2)";
    let query = sqlx::query_scalar(sql).bind(&from.0).bind(&into.0);
    if query.fetch_one(&mut *db).await? {
        return Ok(Absorbed::Done);
    }
    for user in [from, into] {
        if !is_live(db, &user.0).await? {
            return Ok(Absorbed::Gone);
        }
    }
    if !is_newcomer(db, from, now).await? {
        return Ok(Absorbed::HasHistory);
    }
    merges::absorb(db, &from.0, &into.0, now).await?;
    Ok(Absorbed::Done)
}

/// Whether nothing leads to a user but what they scanned just now. Ended sessions count, and are kept for longer than
/// [`NEWCOMER`].
async fn is_newcomer(db: &mut Connection, user: &UserId, now: Millis) -> Result<bool, sqlx::Error> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE id = $1 AND created_at >= $2)
            AND NOT EXISTS (SELECT 1 FROM users WHERE merged_into = $1)
            AND NOT EXISTS (SELECT 1 FROM accounts WHERE user_id = $1)
            AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = $1)";
    let query = sqlx::query_scalar(sql).bind(&user.0);
    let query = query.bind(to_column(now.saturating_sub(NEWCOMER)));
    query.fetch_one(db).await
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
