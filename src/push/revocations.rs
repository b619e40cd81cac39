//! The end of a session, on every node at once.

use std::sync::Arc;

use super::Channels;
use crate::{
    cluster::Bus,
    tasks::Tasks,
    token::{EndReason, SessionId, SessionWatch},
};

/// Tells the tabs of this node, and the other nodes. What they do not hear they find in the database
/// ([`Channels::keep_watch`]).
pub struct Revocations {
    channels: Arc<Channels>,
    bus: Arc<dyn Bus>,
    tasks: Tasks,
}

impl Revocations {
    /// For the tabs in `channels`.
    pub fn new(channels: Arc<Channels>, bus: Arc<dyn Bus>, tasks: Tasks) -> Self {
        Self {
            channels,
            bus,
            tasks,
        }
    }

    /// Passes on what other nodes tell; runs until the process stops.
    pub async fn hear(&self) {
        loop {
            let note = self.bus.hear().await;
            if let Some((session, why)) = read(&note) {
                self.channels.revoke(&session, why);
            }
        }
    }
}

impl SessionWatch for Revocations {
    fn ended(&self, session: &SessionId, why: EndReason) {
        self.channels.ended(session, why);
        let (bus, note) = (self.bus.clone(), write(session, why));
        self.tasks.spawn("tell of an end", async move {
            if let Err(error) = bus.tell(&note).await {
                tracing::debug!(%error, "the other nodes hear of an end a little later");
            }
        });
    }
}

fn write(session: &SessionId, why: EndReason) -> String {
    format!("session {} {}", session.0, why.name())
}

fn read(note: &str) -> Option<(SessionId, EndReason)> {
    let (id, why) = note.strip_prefix("session ")?.split_once(' ')?;
    Some((SessionId(id.to_owned()), EndReason::parse(why)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_read_as_it_was_written() {
        let session = SessionId("0198".to_owned());
        for why in [EndReason::Reuse, EndReason::Replaced] {
            let note = write(&session, why);
            assert_eq!(read(&note), Some((session.clone(), why)), "{note}");
        }
        for other in [
            "",
            "session",
            "session 1",
            "session 1 nonsense",
            "x 1 reuse",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
