//! Login events in a stream of Redis, for readers of the company's own.

use async_trait::async_trait;

use super::Link;
use crate::{
    cluster::StoreError,
    event::{Envelope, EventSink, Refusal},
};

/// Adds login events to one stream, which keeps the latest of them.
pub struct RedisStream {
    link: Link,
    key: String,
    max: u32,
}

impl RedisStream {
    /// The stream of that key, with about `max` entries at most.
    pub const fn new(link: Link, key: String, max: u32) -> Self {
        Self { link, key, max }
    }

    async fn add(&self, event: &Envelope<'_>) -> Result<(), StoreError> {
        let mut command = redis::cmd("XADD");
        command.arg(&self.key).arg("MAXLEN").arg("~").arg(self.max);
        command.arg("*").arg("id").arg(event.id);
        command.arg("type").arg(&event.kind);
        command.arg("event").arg(&event.json);
        let _entry: String = self.link.ask(&command).await?;
        Ok(())
    }
}

#[async_trait]
impl EventSink for RedisStream {
    fn name(&self) -> &'static str {
        "redis_stream"
    }

    /// One after another, so that they stand in their order; after one that failed the rest is not tried.
    async fn deliver(&self, events: &[Envelope<'_>]) -> Vec<Result<(), Refusal>> {
        let mut results = Vec::with_capacity(events.len());
        for event in events {
            let added = self.add(event).await;
            let is_added = added.is_ok();
            results.push(added.map_err(|error| Refusal::Later(error.to_string())));
            if !is_added {
                break;
            }
        }
        let rest = Err(Refusal::Later("the one before it failed".to_owned()));
        results.resize(events.len(), rest);
        results
    }
}
