//! One run of this program: what has been counted so far, whoever counted it, and who is shown it.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    meter::Meter, process::Usage, progress::Progress, report::Report, series::Row, stats::Interval,
};

/// Rows this close together are one.
const LEAST: Duration = Duration::from_millis(100);
/// Cores of the generator that are too busy to measure anything else by.
const TOO_BUSY: f64 = 0.9;

pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) meter: Meter,
    progress: Progress,
    began: Instant,
    step: String,
    /// What has been counted since the last row.
    since: Interval,
    row_at: Instant,
    connected: i64,
    scanned: u64,
    authorized: u64,
}

impl Run {
    pub(crate) fn new(report: Report, meter: Meter, progress: Progress) -> Self {
        Self {
            report,
            meter,
            progress,
            began: Instant::now(),
            step: String::new(),
            since: Interval::default(),
            row_at: Instant::now(),
            connected: 0,
            scanned: 0,
            authorized: 0,
        }
    }

    /// What the run does from now on; `goal` is how many pages or people there will be.
    pub(crate) fn step(&mut self, step: impl Into<String>, goal: Option<usize>) {
        self.step = step.into();
        self.progress.step(&self.step, goal);
    }

    /// Takes what a generator tells.
    pub(crate) fn count(&mut self, interval: &Interval) {
        self.report.stats.add(&interval.stats);
        self.since.stats.add(&interval.stats);
        self.since.scanned += interval.scanned;
        self.since.authorized += interval.authorized;
        self.connected += interval.connected;
        self.scanned += interval.scanned;
        self.authorized += interval.authorized;
    }

    /// Pages that are there.
    pub(crate) fn connected(&self) -> usize {
        usize::try_from(self.connected).unwrap_or(0)
    }

    /// Pages of earlier jobs are gone, counted or not.
    pub(crate) fn forget_pages(&mut self) {
        self.connected = 0;
    }

    /// Ends a row of the series.
    pub(crate) fn tick(&mut self) {
        let took = self.row_at.elapsed();
        if took < LEAST {
            return;
        }
        let since = std::mem::take(&mut self.since);
        let (gateways, generator) = self.meter.loads(took);
        let row = Row {
            at_s: self.began.elapsed().as_secs_f64(),
            took_s: took.as_secs_f64(),
            step: self.step.clone(),
            gateways,
            generator,
            ..Row::of(&since, self.connected)
        };
        let totals = (self.scanned, self.authorized);
        self.progress.show(&row, totals, &self.report.stats);
        self.report.series.push(row);
        self.row_at = Instant::now();
    }

    /// What the gateways hold and have used; nothing when no process of theirs is known.
    pub(crate) fn sample(&self) -> anyhow::Result<Option<Usage>> {
        self.meter.sample()
    }

    /// A remark above the progress.
    pub(crate) fn say(&self, text: &str) {
        self.progress.say(text);
    }

    /// Ends the progress, and says what makes the figures doubtful.
    pub(crate) fn finish(&mut self, processes: usize) {
        self.progress.finish();
        let busiest = self.report.series.iter().map(|row| row.generator.cpu);
        let busiest = busiest.fold(0.0, f64::max);
        if busiest > 0.0 {
            self.report.set("generator_cpu", busiest);
        }
        if busiest > TOO_BUSY * processes as f64 {
            self.say(&format!(
                "the generator was too busy ({busiest:.2} processors): its own work is in the latencies; \
                 lower the rate, or use more --processes where there are processors for them"
            ));
        }
    }
}
