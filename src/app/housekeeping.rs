//! The loops of a node.

use std::time::Duration;

use super::services::Services;

/// How often limits forget addresses that have gone quiet.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How often sessions long over are forgotten.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

impl Services {
    /// The loops of this node.
    pub(super) fn keep_house(&self) {
        let login = self.login.clone();
        self.tasks
            .spawn_loop("deadlines", async move { login.keep_time().await });
        let (sockets, clock) = (self.sockets.clone(), self.login.clock().clone());
        self.tasks
            .spawn_loop("heartbeat", async move { sockets.turn(&clock).await });
        let keeper = self.key_keeper.clone();
        self.tasks
            .spawn_loop("keys", async move { keeper.keep().await });
        self.keep_up_with_others();
        self.keep_sessions();
        self.tell_events();
        if let Some(account) = &self.official_account {
            let authority = account.authority().clone();
            self.tasks
                .spawn_loop("access token", async move { authority.keep_fresh().await });
        }
        let (limits, clock) = (self.http.limits.clone(), self.login.clock().clone());
        let passwords = self.passwords.clone();
        self.tasks.spawn_loop("limits", async move {
            loop {
                clock.sleep(FORGET_EVERY).await;
                limits.retain_recent();
                if let Some(passwords) = &passwords {
                    passwords.retain_recent();
                }
            }
        });
    }

    /// Login events leave the outbox; a batch under way is brought to its end.
    fn tell_events(&self) {
        for line in self.relay.lines() {
            let (relay, line) = (self.relay.clone(), line.clone());
            let stop = self.tasks.stopping().clone();
            self.tasks
                .spawn("events", async move { relay.serve(&line, &stop).await });
        }
        let relay = self.relay.clone();
        self.tasks
            .spawn_loop("old events", async move { relay.keep_house().await });
    }

    /// What other nodes do, and the way to them.
    fn keep_up_with_others(&self) {
        let Some(link) = self.link.clone() else {
            return;
        };
        self.tasks
            .spawn_loop("redis", async move { link.keep().await });
        if let Some(agreement) = self.key_agreement.clone() {
            self.tasks
                .spawn_loop("key agreement", async move { agreement.keep().await });
        }
        let login = self.login.clone();
        self.tasks
            .spawn_loop("news", async move { login.hear_news().await });
        let revocations = self.revocations.clone();
        self.tasks
            .spawn_loop("revocations", async move { revocations.hear().await });
    }

    /// Pages hear of sessions that ended elsewhere; rows long over go.
    fn keep_sessions(&self) {
        let (channels, tokens) = (self.channels.clone(), self.tokens.clone());
        let clock = self.login.clock().clone();
        self.tasks.spawn_loop("ends of sessions", async move {
            channels.keep_watch(&tokens, &clock).await;
        });
        let (tokens, clock) = (self.tokens.clone(), self.login.clock().clone());
        self.tasks.spawn_loop("old sessions", async move {
            loop {
                clock.sleep(PRUNE_EVERY).await;
                match tokens.prune().await {
                    Ok(count) => tracing::debug!(count, "sessions long over are forgotten"),
                    Err(error) => tracing::warn!(%error, "sessions long over stay"),
                }
            }
        });
    }
}
