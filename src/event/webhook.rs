//! A call for each event, signed as Standard Webhooks has it.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use reqwest::{Client, StatusCode, header::CONTENT_TYPE};
use url::Url;

use super::{Envelope, EventSink, Refusal, signature::signatures};
use crate::{
    clock::{Clock, Stopwatch},
    config::{self, EventType},
    outbound,
};

/// The longest one call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// When nothing more about one person is sent in this batch, because what came before took so long.
const SLOW: Duration = Duration::from_secs(5);

/// How much of an answer is read, so that the connection can serve again; what it says does not matter.
const ANSWER_BYTES: usize = 16 * 1024;

/// The pauses between the tries of one event, as Standard Webhooks proposes: after three days it is given up.
const PAUSES: [Duration; 9] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
    Duration::from_hours(20),
    Duration::from_hours(24),
];

/// One receiver. Holds keys: no `Debug`.
pub struct Webhook {
    name: String,
    url: Url,
    keys: Vec<Vec<u8>>,
    types: Vec<EventType>,
    client: Client,
    clock: Clock,
}

impl Webhook {
    /// `webhooks.<name>`, as it is configured.
    ///
    /// # Errors
    /// When a secret is none, or the client cannot be built.
    pub fn new(name: &str, config: &config::Webhook, clock: Clock) -> anyhow::Result<Self> {
        let keys = config.keys();
        let types = if config.types.is_empty() {
            EventType::ALL.to_vec()
        } else {
            config.types.clone()
        };
        Ok(Self {
            name: format!("webhooks.{name}"),
            url: config.url.clone(),
            keys: keys.ok_or_else(|| anyhow::anyhow!("webhooks.{name}: a secret is none"))?,
            types,
            client: outbound::builder().timeout(TIMEOUT).build()?,
            clock,
        })
    }

    async fn post_in_order(
        &self,
        events: Vec<(usize, &Envelope<'_>)>,
    ) -> Vec<(usize, Result<(), Refusal>)> {
        let stopwatch = Stopwatch::start();
        let mut results = Vec::with_capacity(events.len());
        for (nth, event) in events {
            let result = if stopwatch.elapsed() < SLOW {
                self.post(event).await
            } else {
                Err(Refusal::Later(
                    "what came before it took too long".to_owned(),
                ))
            };
            results.push((nth, result));
        }
        results
    }

    async fn post(&self, event: &Envelope<'_>) -> Result<(), Refusal> {
        let timestamp = self.clock.wall_s();
        let signature = signatures(&self.keys, event.id, timestamp, &event.json);
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/cloudevents+json")
            .header("webhook-id", event.id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(event.json.clone());
        let mut answer = request.send().await.map_err(|error| failed(&error))?;
        let status = answer.status();
        let mut read = 0;
        while read < ANSWER_BYTES
            && let Ok(Some(chunk)) = answer.chunk().await
        {
            read += chunk.len();
        }
        match status {
            StatusCode::GONE => Err(Refusal::Gone),
            status if status.is_success() => Ok(()),
            status => Err(Refusal::Later(format!("it answered {}", status.as_u16()))),
        }
    }
}

/// Without the address, which may be a secret of the receiver's.
fn failed(error: &reqwest::Error) -> Refusal {
    let what = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    Refusal::Later(what.to_owned())
}

#[async_trait]
impl EventSink for Webhook {
    fn name(&self) -> &str {
        &self.name
    }

    fn types(&self) -> Vec<EventType> {
        self.types.clone()
    }

    /// One after another for each person, all persons at once: a slow answer to one holds few others up.
    async fn deliver(&self, events: &[Envelope<'_>]) -> Vec<Result<(), Refusal>> {
        let mut of_each: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (nth, event) in events.iter().enumerate() {
            of_each.entry(event.about).or_default().push((nth, event));
        }
        let sent = join_all(of_each.into_values().map(|some| self.post_in_order(some))).await;
        let mut results: Vec<_> = sent.into_iter().flatten().collect();
        results.sort_unstable_by_key(|(nth, _)| *nth);
        results.into_iter().map(|(_, result)| result).collect()
    }

    fn pause_after(&self, tries: u32) -> Option<Duration> {
        let tries = usize::try_from(tries).unwrap_or(usize::MAX);
        PAUSES.get(tries.saturating_sub(1)).copied()
    }
}
