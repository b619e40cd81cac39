//! Where login events go.

use super::services::Ground;
use crate::event::{EventSink, Jsonl, Relay, Webhook};

impl Ground<'_> {
    /// The sinks that are configured, and who serves them.
    pub(super) fn relay(&self) -> anyhow::Result<Relay> {
        let (config, clock) = (self.config, &self.clock);
        let mut sinks: Vec<Box<dyn EventSink>> = Vec::new();
        if let Some(path) = &config.events.jsonl {
            sinks.push(Box::new(Jsonl::new(path.clone(), self.tasks.clone())));
        }
        for (name, webhook) in &config.webhooks {
            sinks.push(Box::new(Webhook::new(name, webhook, clock.clone())?));
        }
        Ok(Relay::new(
            self.store.clone(),
            sinks,
            config.server.public_url().to_string(),
            clock.clone(),
            self.metrics.clone(),
        ))
    }
}
