//! The wrapped keys of all gateways.

use async_trait::async_trait;

use super::{Postgres, away, from_column, to_column};
use crate::{
    cluster::StoreError,
    token::{KeyRecords, SealedKeys},
};

#[async_trait]
impl KeyRecords for Postgres {
    async fn sealed_keys(&self) -> Result<Option<SealedKeys>, StoreError> {
        let query = sqlx::query_as("SELECT revision, sealed FROM sealed_keys");
        let found: Option<(i64, Vec<u8>)> = query.fetch_optional(&self.pool).await.map_err(away)?;
        Ok(found.map(|(revision, sealed)| SealedKeys {
            revision: from_column(revision),
            sealed,
        }))
    }

    async fn replace_keys(&self, next: &SealedKeys) -> Result<bool, StoreError> {
        let sql = if next.revision == 1 {
            "INSERT INTO sealed_keys (revision, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        } else {
            "UPDATE sealed_keys SET revision = $1, sealed = $2 WHERE revision = $1 - 1"
        };
        let query = sqlx::query(sql).bind(to_column(next.revision));
        let done = query.bind(&next.sealed).execute(&self.pool).await;
        Ok(done.map_err(away)?.rows_affected() == 1)
    }
}
