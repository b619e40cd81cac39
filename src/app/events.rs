//! Where login events go.

use super::services::Ground;
use crate::{
    backend::redis::RedisStream,
    event::{EventSink, Jsonl, Relay, Webhook},
};

impl Ground<'_> {
    /// The sinks that are configured, and who serves them.
    pub(super) fn relay(&self) -> anyhow::Result<Relay> {
        let (config, clock) = (self.config, &self.clock);
        let mut sinks: Vec<Box<dyn EventSink>> = Vec::new();
        if let Some(path) = &config.events.jsonl {
            sinks.push(Box::new(Jsonl::new(path.clone(), self.tasks.clone())));
        }
        if let (Some(key), Some(link)) = (&config.events.redis_stream, &self.cluster.link) {
            let max = config.events.redis_stream_max;
            sinks.push(Box::new(RedisStream::new(link.clone(), key.clone(), max)));
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
