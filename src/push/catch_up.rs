//! The net below [`Channels`]: tells attached tabs what nobody announced here. Another process may have ended their
//! session, its time may be over, or its row be gone.

use std::time::Duration;

use super::Channels;
use crate::{
    clock::{Clock, Millis},
    token::{Standing, TokenError, Tokens},
};

/// How often the store is asked, once for all sessions, as long as a tab is attached.
const TURN: Duration = Duration::from_secs(1);

/// How far back an end is asked for again, in milliseconds: clocks of nodes differ, and a row is written a little
/// after the time in it was read.
const OVERLAP: Millis = 10_000;

/// How long an attached session is taken for live without being read, in milliseconds: for rows that vanish.
const TRUSTED: Millis = 3_600_000;

impl Channels {
    /// Turns until the process stops. A store that is away ends no session; it is asked again from where it was left.
    pub async fn keep_watch(&self, tokens: &Tokens, clock: &Clock) {
        let (mut asked_at, mut is_away) = (clock.wall(), false);
        loop {
            clock.sleep(TURN).await;
            let now = clock.wall();
            // Where nobody is attached nobody has missed anything: who comes reads the session then.
            let caught_up = if self.is_empty() {
                Ok(())
            } else {
                let since = asked_at.min(now).saturating_sub(OVERLAP);
                self.catch_up(tokens, since, now).await
            };
            match caught_up {
                Ok(()) => (asked_at, is_away) = (now, false),
                Err(error) if !is_away => {
                    tracing::warn!(%error, "the ends of sessions cannot be asked for");
                    is_away = true;
                }
                Err(_) => {}
            }
        }
    }

    async fn catch_up(
        &self,
        tokens: &Tokens,
        since: Millis,
        now: Millis,
    ) -> Result<(), TokenError> {
        for (session, why) in tokens.ended_since(since).await? {
            self.revoke(&session, why);
        }
        for session in self.due(now) {
            match tokens.standing(&session).await? {
                Standing::Live { until } => self.look_at(&session, until.min(now + TRUSTED)),
                Standing::Over(why) => self.revoke(&session, why),
            }
        }
        Ok(())
    }
}
