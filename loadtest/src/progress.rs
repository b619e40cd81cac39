//! What whoever runs the test sees while it runs: a bar on a terminal, a plain line now and then elsewhere.

use std::{io::IsTerminal, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::{report::complain, series::Row, stats::Stats};

/// How often a plain line is written.
const EVERY: Duration = Duration::from_secs(5);
/// Reasons of errors that are shown.
const REASONS: usize = 3;
const BAR: &str = "{prefix:<14} {bar:32} {pos}/{len}  {elapsed}\n{msg}";
const SPINNER: &str = "{prefix:<14} {spinner}  {elapsed}\n{msg}";

pub(crate) enum Progress {
    Bar(ProgressBar),
    Lines { shown_at: Instant, step: String },
}

impl Progress {
    pub(crate) fn new(plain: bool) -> Self {
        if plain || !std::io::stderr().is_terminal() {
            return Self::Lines {
                shown_at: Instant::now(),
                step: String::new(),
            };
        }
        // Shown with its first step: until then it would be a bar of nothing.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self::Bar(bar)
    }

    /// Something new begins.
    pub(crate) fn step(&mut self, name: &str, goal: Option<usize>) {
        match self {
            Self::Bar(bar) => {
                let template = if goal.is_some() { BAR } else { SPINNER };
                // Each is one that indicatif takes: a test says so.
                if let Ok(style) = ProgressStyle::with_template(template) {
                    bar.set_style(style);
                }
                bar.set_prefix(name.to_owned());
                match goal {
                    Some(goal) => bar.set_length(goal as u64),
                    None => bar.unset_length(),
                }
                bar.reset();
                if bar.is_hidden() {
                    bar.set_draw_target(ProgressDrawTarget::stderr());
                }
            }
            Self::Lines { step, .. } => name.clone_into(step),
        }
    }

    /// The last second, and everybody who has scanned and was authorized so far.
    pub(crate) fn show(&mut self, row: &Row, totals: (u64, u64), stats: &Stats) {
        let text = words(row, totals, stats);
        match self {
            Self::Bar(bar) => {
                bar.set_position(u64::try_from(row.connected).unwrap_or(0));
                bar.set_message(text);
            }
            Self::Lines { shown_at, step } if shown_at.elapsed() >= EVERY => {
                *shown_at = Instant::now();
                complain(&format!("{:>6.0} s  {step:<14}  {text}", row.at_s));
            }
            Self::Lines { .. } => {}
        }
    }

    /// A remark that stays.
    pub(crate) fn say(&self, text: &str) {
        match self {
            Self::Bar(bar) if !bar.is_finished() => bar.suspend(|| complain(text)),
            Self::Bar(_) | Self::Lines { .. } => complain(text),
        }
    }

    pub(crate) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// `connected 1000  scanned 20  authorized 18  errors 0  push_latency p50 0.2 p99 0.4 ms`.
fn words(row: &Row, (scanned, authorized): (u64, u64), stats: &Stats) -> String {
    let mut text = format!(
        "connected {}  scanned {scanned}  authorized {authorized}  errors {}",
        row.connected,
        stats.error_count()
    );
    if stats.error_count() > 0 {
        text += &format!(" ({})", stats.worst(REASONS));
    }
    // The phase that tells most: of those that happened in this second, the one last in a login.
    let lead = LEADS
        .iter()
        .find_map(|name| Some((*name, row.phases.get(*name)?)));
    if let Some((name, moment)) = lead {
        let (p50, p99) = (moment.p50_us as f64 / 1e3, moment.p99_us as f64 / 1e3);
        text += &format!("  {name} p50 {p50:.2} p99 {p99:.2} ms");
    }
    text
}

const LEADS: [&str; 10] = [
    "push_latency",
    "long_poll_latency",
    "poll_latency",
    "back",
    "reconnected",
    "whole",
    "scanned",
    "pending",
    "renewed",
    "request",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Interval;

    #[test]
    fn a_line_says_how_it_goes() {
        let mut interval = Interval::default();
        for phase in ["pending", "push_latency"] {
            let latency = Duration::from_micros(if phase == "pending" { 900 } else { 200 });
            interval.stats.record(phase, latency);
        }
        for reason in ["a: b", "a: b", "c: d", "e: f", "g: h"] {
            interval.stats.fail(reason.to_owned());
        }
        let text = words(&Row::of(&interval, 1000), (20, 18), &interval.stats);
        for part in [
            "connected 1000",
            "scanned 20  authorized 18",
            "errors 5 (2 × a: b, 1 × ",
            ", …)",
            "push_latency p50 0.20 p99 0.20 ms",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn bars_are_well_formed() {
        for template in [BAR, SPINNER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn a_good_line_is_short() {
        let text = words(&Row::default(), (0, 0), &Stats::default());
        assert_eq!(text, "connected 0  scanned 0  authorized 0  errors 0");
    }
}
