//! Takes events from the outbox to where they go: on each node a loop for each sink.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use super::{Due, Envelope, EventSink, Outbox, Outcome, Refusal, Settled};
use crate::{
    clock::{Clock, Millis},
    cluster::StoreError,
    ids,
    telemetry::{Metrics, SinkLabel, SinkOutcomeLabel},
};

/// How long a batch may take; then another node, or this one after a crash, may take it again. Longer than any sink
/// takes, by clocks that are a few seconds apart.
pub const LEASE: Duration = Duration::from_secs(60);

/// Events taken at once.
const BATCH: u32 = 32;

/// How often a sink without events looks for some.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The pause after the outbox could not be read or written.
const AWAY: Duration = Duration::from_secs(5);

/// How long a stop waits for a batch under way: within what `server.grace_s` leaves.
const AT_THE_END: Duration = Duration::from_secs(3);

/// How often the node says which sinks it has, counts what waits, and forgets what is old.
const KEEP_HOUSE_EVERY: Duration = Duration::from_secs(30);

/// One sink, as this node has it.
pub struct Line {
    sink: Box<dyn EventSink>,
    /// Its receiver wants no more.
    is_gone: AtomicBool,
}

/// The sinks of this node.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    lines: Vec<Arc<Line>>,
    /// Who tells: the gateway's address.
    source: String,
    clock: Clock,
    metrics: Arc<Metrics>,
}

impl Relay {
    /// Nothing is taken yet.
    pub fn new(
        outbox: Arc<dyn Outbox>,
        sinks: Vec<Box<dyn EventSink>>,
        source: String,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Self {
        let line = |sink| Line {
            sink,
            is_gone: AtomicBool::new(false),
        };
        Self {
            outbox,
            lines: sinks.into_iter().map(line).map(Arc::new).collect(),
            source,
            clock,
            metrics,
        }
    }

    /// The sinks of this node, each to be [served](Self::serve).
    pub fn lines(&self) -> &[Arc<Line>] {
        &self.lines
    }

    /// Says what the sinks want; before anything happens that they are to be told of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn subscribe(&self) -> Result<(), StoreError> {
        let wanted = |line: &&Arc<Line>| !line.is_gone.load(Ordering::Relaxed);
        for Line { sink, .. } in self.lines.iter().filter(wanted).map(AsRef::as_ref) {
            let (types, now) = (sink.types(), self.clock.wall());
            self.outbox.subscribe(sink.name(), &types, now).await?;
        }
        Ok(())
    }

    /// Delivers to one sink until the process stops; what is under way then has a few seconds, and else comes again.
    pub async fn serve(&self, line: &Line, stop: &CancellationToken) {
        let sink = &*line.sink;
        while !stop.is_cancelled() {
            let over = async {
                stop.cancelled().await;
                self.clock.sleep(AT_THE_END).await;
            };
            let turned = tokio::select! {
                turned = self.turn(sink) => turned,
                () = over => return,
            };
            let pause = match turned {
                Ok(Turn::Full) => continue,
                Ok(Turn::Idle) => LOOK_EVERY,
                Ok(Turn::Gone) => {
                    tracing::error!(
                        sink = sink.name(),
                        "the receiver answered 410 Gone: it is told nothing more until this gateway starts again"
                    );
                    line.is_gone.store(true, Ordering::Relaxed);
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, sink = sink.name(), "login events wait: the outbox is away");
                    AWAY
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.clock.sleep(pause) => {}
            }
        }
    }

    /// Takes what is due and delivers it, once.
    async fn turn(&self, sink: &dyn EventSink) -> Result<Turn, StoreError> {
        let now = self.clock.wall();
        let due = self
            .outbox
            .take(sink.name(), now, after(now, LEASE), BATCH)
            .await?;
        if due.is_empty() {
            return Ok(Turn::Idle);
        }
        let is_full = due.len() == BATCH as usize;
        let (settled, is_gone) = self.deliver(sink, &due).await;
        // From here on a crash makes duplicates, and loses nothing.
        self.outbox.settle(&settled, self.clock.wall()).await?;
        Ok(match (is_gone, is_full) {
            (true, _) => Turn::Gone,
            (false, true) => Turn::Full,
            (false, false) => Turn::Idle,
        })
    }

    async fn deliver(&self, sink: &dyn EventSink, due: &[Due]) -> (Vec<Settled>, bool) {
        let mut settled = Vec::with_capacity(due.len());
        let (mut sent, mut envelopes) = (Vec::new(), Vec::new());
        for one in due {
            match Envelope::of(one, &self.source) {
                Ok(envelope) => {
                    sent.push(one);
                    envelopes.push(envelope);
                }
                Err(error) => settled.push(self.given_up(sink, one, error.to_string())),
            }
        }
        let results = sink.deliver(&envelopes).await;
        let is_gone = results.contains(&Err(Refusal::Gone));
        let outcomes = sent.into_iter().zip(results);
        settled.extend(outcomes.map(|(one, result)| self.settled(sink, one, result)));
        (settled, is_gone)
    }

    fn settled(&self, sink: &dyn EventSink, due: &Due, result: Result<(), Refusal>) -> Settled {
        let error = match result {
            Ok(()) => {
                self.count(sink, "delivered");
                return of(due, Outcome::Delivered);
            }
            Err(Refusal::Later(error)) => error,
            Err(Refusal::Gone) => return self.given_up(sink, due, "it answered 410".to_owned()),
        };
        let Some(pause) = sink.pause_after(due.tries) else {
            return self.given_up(sink, due, error);
        };
        self.count(sink, "failed");
        let (name, event, tries) = (sink.name(), &due.id, due.tries);
        tracing::warn!(sink = name, event, tries, error, again_in = ?pause, "a login event was not taken");
        let at = after(self.clock.wall(), jittered(pause));
        of(due, Outcome::Again { at, error })
    }

    fn given_up(&self, sink: &dyn EventSink, due: &Due, error: String) -> Settled {
        self.count(sink, "dead");
        tracing::error!(
            sink = sink.name(),
            event = due.id,
            tries = due.tries,
            error,
            "a login event is given up; `scangate events` lists those, and can try them again"
        );
        of(due, Outcome::Dead { error })
    }

    fn count(&self, sink: &dyn EventSink, outcome: &'static str) {
        let sink = sink.name().to_owned();
        let label = SinkOutcomeLabel { sink, outcome };
        self.metrics.events.get_or_create(&label).inc();
    }

    /// Says again and again which sinks there are, counts and forgets; runs until the process stops.
    pub async fn keep_house(&self) {
        loop {
            if let Err(error) = self.keep_house_once().await {
                tracing::warn!(%error, "old login events stay");
            }
            self.clock.sleep(KEEP_HOUSE_EVERY).await;
        }
    }

    /// Whoever slept for long says first that its sinks are there, and only then forgets those that nobody has.
    async fn keep_house_once(&self) -> Result<(), StoreError> {
        self.subscribe().await?;
        let pruned = self.outbox.prune(self.clock.wall()).await?;
        if pruned.lost > 0 {
            let count = pruned.lost;
            tracing::warn!(
                count,
                "login events for a sink that no gateway has any more are forgotten"
            );
        }
        let backlog = self.outbox.backlog().await?;
        let backlog: HashMap<_, _> = backlog.iter().map(|one| (&*one.sink, one)).collect();
        for Line { sink, .. } in self.lines.iter().map(AsRef::as_ref) {
            let waiting = backlog.get(sink.name());
            let gauge = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
            let sink = sink.name().to_owned();
            let label = SinkLabel { sink };
            let pending = gauge(waiting.map_or(0, |one| one.pending));
            self.metrics
                .events_pending
                .get_or_create(&label)
                .set(pending);
            let dead = gauge(waiting.map_or(0, |one| one.dead));
            self.metrics.events_dead.get_or_create(&label).set(dead);
        }
        Ok(())
    }
}

/// What one turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// More may be due.
    Full,
    /// Nothing more is due now.
    Idle,
    /// The receiver wants no more.
    Gone,
}

fn of(due: &Due, outcome: Outcome) -> Settled {
    Settled {
        position: due.position,
        tries: due.tries,
        outcome,
    }
}

fn after(now: Millis, span: Duration) -> Millis {
    now.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// Between the whole of it and a quarter more, so that what failed together does not come back together.
fn jittered(pause: Duration) -> Duration {
    let quarter = u64::try_from(pause.as_millis() / 4).unwrap_or(u64::MAX);
    pause + Duration::from_millis(ids::below(quarter))
}
