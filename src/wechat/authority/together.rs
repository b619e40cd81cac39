//! Several nodes, one authority: whoever has the lease is at WeChat, the others take what it brings.
//!
//! Redis away: the stable endpoint gives everybody the same token, so it is asked all the same; nothing that would end a
//! token is, because another node may have it.

use std::{sync::Arc, time::Duration};

use super::{AccessToken, Authority, Force, HEAL_EVERY, Want};
use crate::{
    cluster::{Lease, Shared, StoreError},
    config::TokenEndpoint,
    wechat::error::WeChatError,
};

/// How long one node may be at WeChat before the next one tries: a call with its repeats takes no longer.
const LEASE: Duration = Duration::from_secs(20);
/// How long the others wait for what it brings.
const WAIT: Duration = Duration::from_secs(6);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the bookkeeping is kept: the forced refreshes are counted for a day.
const KEPT: Duration = Duration::from_secs(86_400);

/// What came of waiting.
enum Turn {
    /// Another node has brought it.
    Brought(AccessToken),
    /// It is for this node to get.
    Mine(Lease),
    /// Another node is at it for too long.
    Late,
}

impl Authority {
    pub(super) async fn make_together(
        &self,
        shared: &Arc<dyn Shared>,
        want: Want,
    ) -> Result<AccessToken, WeChatError> {
        let lease = match self.wait_for_turn(shared, want).await {
            Ok(Turn::Brought(token)) => return Ok(token),
            Ok(Turn::Mine(lease)) => lease,
            Ok(Turn::Late) => return Err(self.stale(HEAL_EVERY)),
            Err(error) => return self.make_alone(&error, want).await,
        };
        let made = self.make(want, Force::Yes).await;
        // Also when it came to nothing: what was tried counts for all.
        let told = self.lock().tell();
        match shared.write(&lease, &told, KEPT).await {
            Ok(true) => {}
            Ok(false) => tracing::warn!("the access token took longer than its lease"),
            Err(error) => tracing::warn!(%error, "the other nodes do not hear of the access token"),
        }
        made
    }

    async fn wait_for_turn(
        &self,
        shared: &Arc<dyn Shared>,
        want: Want,
    ) -> Result<Turn, StoreError> {
        let clock = &self.0.clock;
        let key = format!("access-token:{}", self.app_id());
        let until = clock.now() + u64::try_from(WAIT.as_millis()).unwrap_or_default();
        loop {
            if let Some(token) = self.heard(shared, &key, want).await? {
                return Ok(Turn::Brought(token));
            }
            if let Some(lease) = shared.lease(&key, LEASE).await? {
                // Somebody may have brought it just before.
                self.heard(shared, &key, want).await?;
                return Ok(Turn::Mine(lease));
            }
            if clock.now() >= until {
                return Ok(Turn::Late);
            }
            clock.sleep(LOOK_EVERY).await;
        }
    }

    /// What another node has brought, if it is what is wanted.
    async fn heard(
        &self,
        shared: &Arc<dyn Shared>,
        key: &str,
        want: Want,
    ) -> Result<Option<AccessToken>, StoreError> {
        if let Some(told) = shared.read(key).await? {
            self.lock().hear(&told);
        }
        Ok(self.satisfies(want))
    }

    async fn make_alone(&self, error: &StoreError, want: Want) -> Result<AccessToken, WeChatError> {
        tracing::warn!(%error, "the access token cannot be agreed on with the other nodes");
        if let Some(token) = self.satisfies(want) {
            return Ok(token);
        }
        match self.0.endpoint {
            TokenEndpoint::Stable => self.make(want, Force::No).await,
            TokenEndpoint::Token => Err(self.stale(HEAL_EVERY)),
        }
    }
}
