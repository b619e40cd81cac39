//! What one node tells all.

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Link, keys, link::Messages};
use crate::cluster::{Bus, StoreError};

/// A channel that every node of one Redis subscribes to.
pub struct RedisBus {
    link: Link,
    messages: Mutex<Messages>,
}

impl RedisBus {
    pub(super) fn new(link: Link, messages: Messages) -> Self {
        Self {
            link,
            messages: Mutex::new(messages),
        }
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn tell(&self, note: &str) -> Result<(), StoreError> {
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(keys::everybody()).arg(note);
        self.link.ask(&publish).await
    }

    async fn hear(&self) -> String {
        let mut messages = self.messages.lock().await;
        loop {
            match messages.recv().await {
                Some(message) => {
                    if let Ok(note) = String::from_utf8(message) {
                        return note;
                    }
                }
                // The link is gone, and with it everything.
                None => std::future::pending().await,
            }
        }
    }
}
