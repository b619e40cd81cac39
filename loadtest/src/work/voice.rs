//! What a generator process measures, and how it says so.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncWriteExt, stdout},
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{socket::Failure, stats::Interval};

/// How often counts are told.
const EVERY: Duration = Duration::from_millis(100);
/// Words that may wait to be written; the work waits then, at a mark only.
const WAITING: usize = 8;

/// A line of a worker.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Word {
    /// What happened since the last one.
    Counted(Interval),
    /// Everything up to here is done; the worker waits for a `go`.
    Reached(String),
    /// It cannot go on.
    GaveUp(String),
}

/// What has been counted and not been told.
type Counts = Arc<Mutex<Interval>>;

/// What every task of the process counts with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voice(Counts);

/// How the work goes on from mark to mark.
#[derive(Debug)]
pub(crate) struct Marks {
    words: mpsc::Sender<Word>,
    orders: mpsc::Receiver<()>,
}

impl Voice {
    fn count(&self, change: impl FnOnce(&mut Interval)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn take(&self) -> Interval {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts one latency.
    pub(crate) fn record(&self, phase: &'static str, latency: Duration) {
        self.count(|counts| counts.stats.record(phase, latency));
    }

    /// Counts one error.
    pub(crate) fn fail(&self, Failure(why): Failure) {
        self.count(|counts| counts.stats.fail(why));
    }

    /// A page is there.
    pub(crate) fn came(&self) {
        self.count(|counts| counts.connected += 1);
    }

    /// A page is gone.
    pub(crate) fn went(&self) {
        self.count(|counts| counts.connected -= 1);
    }

    pub(crate) fn scanned(&self) {
        self.count(|counts| counts.scanned += 1);
    }

    pub(crate) fn authorized(&self) {
        self.count(|counts| counts.authorized += 1);
    }
}

impl Marks {
    /// With the other end of it: what is to be told.
    pub(super) fn new(orders: mpsc::Receiver<()>) -> (Self, mpsc::Receiver<Word>) {
        let (words, told) = mpsc::channel(WAITING);
        (Self { words, orders }, told)
    }

    /// Says that the work is done up to here, and waits until it shall go on.
    pub(crate) async fn mark(&mut self, name: &str) -> anyhow::Result<()> {
        self.words.send(Word::Reached(name.to_owned())).await?;
        self.go().await;
        Ok(())
    }

    /// Waits until the work shall go on.
    pub(crate) async fn go(&mut self) {
        if self.orders.recv().await.is_none() {
            // Nobody orders any more: the process is about to end.
            std::future::pending().await
        }
    }

    pub(super) async fn give_up(&self, error: &anyhow::Error) {
        // Nobody may be listening any more.
        let _ = self.words.send(Word::GaveUp(format!("{error:#}"))).await;
    }
}

/// Writes down what is told, counts before marks.
pub(super) async fn tell(voice: Voice, mut told: mpsc::Receiver<Word>) -> anyhow::Result<()> {
    let mut out = stdout();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let word = tokio::select! {
            word = told.recv() => word,
            _ = ticks.tick() => None,
        };
        let mut lines = serde_json::to_vec(&Word::Counted(voice.take()))?;
        lines.push(b'\n');
        if let Some(word) = word {
            lines.extend(serde_json::to_vec(&word)?);
            lines.push(b'\n');
        }
        out.write_all(&lines).await?;
        out.flush().await?;
    }
}
