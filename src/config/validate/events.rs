//! Who is told of logins.

use super::Checks;
use crate::config::{AppId, Webhook, events::webhook_key, is_loopback};

/// The longest key of a Redis stream.
const STREAM_KEY: usize = 128;

impl Checks<'_> {
    pub(super) fn events(&mut self) {
        let events = &self.config.events;
        if let Some(stream) = &events.redis_stream {
            if self.config.cluster.url.is_none() {
                self.refuse(
                    "events.redis_stream",
                    stream,
                    "cluster.url has to name the Redis",
                );
            }
            if !(1..=STREAM_KEY).contains(&stream.len()) {
                let allowed = "1 to 128 bytes are expected";
                self.refuse("events.redis_stream", stream, allowed);
            }
        }
        if events.redis_stream_max == 0 {
            self.refuse("events.redis_stream_max", 0, "at least 1 is expected");
        }
        for (name, webhook) in &self.config.webhooks {
            self.webhook(name, webhook);
        }
    }

    fn webhook(&mut self, name: &str, webhook: &Webhook) {
        let key = |last: &str| format!("webhooks.{name}.{last}");
        if AppId::parse(name).is_none() {
            let allowed = "2 to 24 of a-z, 0-9 and _ are expected as its name";
            self.miss(&format!("webhooks.{name}"), allowed);
        }
        let url = &webhook.url;
        let is_bare = url.username().is_empty() && url.password().is_none();
        if !is_bare || (url.scheme() != "https" && !is_loopback(url)) {
            // The address may hold a password.
            let allowed = "https is expected, or http on this machine, without user and password";
            self.miss(&key("url"), allowed);
        }
        let previous = webhook.previous_secret.as_ref();
        for (last, secret) in [
            ("secret", Some(&webhook.secret)),
            ("previous_secret", previous),
        ] {
            if secret.is_some_and(|secret| webhook_key(secret).is_none()) {
                let allowed = "whsec_ and 24 to 64 random bytes in base64 are expected";
                self.miss(&key(last), allowed);
            }
        }
    }
}
