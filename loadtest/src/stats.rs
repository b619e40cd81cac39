//! Latencies by phase and errors by reason.

use std::{borrow::Cow, cmp::Reverse, collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest that can be told apart; more is counted as this.
const LONGEST_US: u64 = 600_000_000;
/// Different reasons that are told apart; further ones are counted together.
const REASONS: usize = 100;
const OTHERS: &str = "other reasons";

type Name = Cow<'static, str>;

/// What a run measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stats {
    #[serde(serialize_with = "write_phases", deserialize_with = "read_phases")]
    phases: BTreeMap<Name, Histogram<u64>>,
    errors: BTreeMap<String, u64>,
}

/// What happened since the last one was taken.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Interval {
    pub(crate) stats: Stats,
    /// Pages that came, less those that went.
    pub(crate) connected: i64,
    pub(crate) scanned: u64,
    pub(crate) authorized: u64,
}

/// One phase, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) min_us: u64,
    pub(crate) mean_us: f64,
    pub(crate) p50_us: u64,
    pub(crate) p90_us: u64,
    pub(crate) p95_us: u64,
    pub(crate) p99_us: u64,
    #[serde(rename = "p99.9_us")]
    pub(crate) p999_us: u64,
    pub(crate) max_us: u64,
}

impl Summary {
    /// From the least to the longest.
    pub(crate) fn cells(&self) -> [f64; 8] {
        [
            self.min_us as f64,
            self.mean_us,
            self.p50_us as f64,
            self.p90_us as f64,
            self.p95_us as f64,
            self.p99_us as f64,
            self.p999_us as f64,
            self.max_us as f64,
        ]
    }
}

impl Stats {
    /// Counts one latency.
    pub(crate) fn record(&mut self, phase: &'static str, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US);
        // It grows by itself up to the longest: nothing is refused.
        let _ = self.histogram(phase.into()).record(micros.min(LONGEST_US));
    }

    /// Counts one error.
    pub(crate) fn fail(&mut self, reason: String) {
        self.fail_times(reason, 1);
    }

    fn fail_times(&mut self, reason: String, times: u64) {
        let known = self.errors.len() < REASONS || self.errors.contains_key(&reason);
        let reason = if known { reason } else { OTHERS.to_owned() };
        *self.errors.entry(reason).or_default() += times;
    }

    fn histogram(&mut self, phase: Name) -> &mut Histogram<u64> {
        self.phases.entry(phase).or_insert_with(empty)
    }

    /// Counts all that the others counted.
    pub(crate) fn add(&mut self, others: &Self) {
        for (phase, histogram) in &others.phases {
            // Both have the same precision.
            let _ = self.histogram(phase.clone()).add(histogram);
        }
        for (reason, times) in &others.errors {
            self.fail_times(reason.clone(), *times);
        }
    }

    pub(crate) fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    /// What went wrong most often, most often first.
    pub(crate) fn worst(&self, reasons: usize) -> String {
        let mut sorted: Vec<_> = self.errors.iter().collect();
        sorted.sort_by_key(|(_, times)| Reverse(**times));
        let told = sorted.iter().take(reasons);
        let told = told.map(|(reason, times)| format!("{times} × {reason}"));
        let more = if sorted.len() > reasons { ", …" } else { "" };
        told.collect::<Vec<_>>().join(", ") + more
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn phase(&self, name: &str) -> Option<&Histogram<u64>> {
        self.phases
            .get(name)
            .filter(|histogram| !histogram.is_empty())
    }

    pub(crate) fn count(&self, name: &str) -> u64 {
        self.phase(name).map_or(0, Histogram::len)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.phases.keys().map(Cow::as_ref)
    }

    pub(crate) fn summary(&self, name: &str) -> Option<Summary> {
        let histogram = self.phase(name)?;
        Some(Summary {
            count: histogram.len(),
            min_us: histogram.min(),
            mean_us: histogram.mean(),
            p50_us: histogram.value_at_quantile(0.50),
            p90_us: histogram.value_at_quantile(0.90),
            p95_us: histogram.value_at_quantile(0.95),
            p99_us: histogram.value_at_quantile(0.99),
            p999_us: histogram.value_at_quantile(0.999),
            max_us: histogram.max(),
        })
    }
}

/// Three digits of whatever is counted; it grows with the longest latency.
#[expect(
    clippy::expect_used,
    reason = "fails for other digits than 0 to 5 only"
)]
fn empty() -> Histogram<u64> {
    Histogram::new(3).expect("three digits")
}

/// Only what was counted goes over the wire: value and times.
fn write_phases<S: Serializer>(
    phases: &BTreeMap<Name, Histogram<u64>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(phases.iter().map(|(phase, histogram)| {
        let counted: Vec<_> = histogram
            .iter_recorded()
            .map(|value| (value.value_iterated_to(), value.count_at_value()))
            .collect();
        (phase, counted)
    }))
}

fn read_phases<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<Name, Histogram<u64>>, D::Error> {
    let written: BTreeMap<String, Vec<(u64, u64)>> = Deserialize::deserialize(deserializer)?;
    let phases = written.into_iter().map(|(phase, counted)| {
        let mut histogram = empty();
        for (value, times) in counted {
            let _ = histogram.record_n(value.min(LONGEST_US), times);
        }
        (phase.into(), histogram)
    });
    Ok(phases.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thousand() -> Stats {
        let mut stats = Stats::default();
        for ms in 1..=1000 {
            stats.record("pending", Duration::from_millis(ms));
        }
        stats
    }

    #[test]
    fn summary_of_known_values() {
        let summary = thousand().summary("pending").unwrap();
        assert_eq!(summary.count, 1000);
        let near = |value: u64, ms: u64| value.abs_diff(ms * 1000) <= ms * 2;
        assert!(near(summary.p50_us, 500), "{summary:?}");
        assert!(near(summary.p99_us, 990), "{summary:?}");
        assert!(near(summary.p999_us, 999), "{summary:?}");
        assert!(near(summary.max_us, 1000), "{summary:?}");
        assert!((summary.mean_us - 500_500.0).abs() < 1000.0, "{summary:?}");
    }

    #[test]
    fn phase_without_values_is_absent() {
        assert_eq!(Stats::default().summary("pending"), None);
        assert_eq!(Stats::default().count("pending"), 0);
    }

    #[test]
    fn absurd_latency_is_capped() {
        let mut stats = Stats::default();
        stats.record("whole", Duration::from_secs(1 << 40));
        assert!(stats.summary("whole").unwrap().max_us >= LONGEST_US);
    }

    #[test]
    fn nothing_is_lost_over_the_wire() {
        let (mut sent, mut kept) = (thousand(), thousand());
        sent.fail("connect: refused".to_owned());
        let text = serde_json::to_string(&sent).unwrap();
        let received: Stats = serde_json::from_str(&text).unwrap();
        assert_eq!(received.summary("pending"), sent.summary("pending"));
        kept.add(&received);
        kept.add(&received);
        let (one, three) = (sent.summary("pending"), kept.summary("pending"));
        let (one, three) = (one.unwrap(), three.unwrap());
        assert_eq!(three.count, 3 * one.count);
        assert_eq!((three.p50_us, three.max_us), (one.p50_us, one.max_us));
        assert_eq!(kept.errors()["connect: refused"], 2);
    }

    #[test]
    fn errors_are_counted_by_reason() {
        let mut stats = Stats::default();
        stats.fail("connect: refused".to_owned());
        stats.fail("connect: refused".to_owned());
        stats.fail("redeem: HTTP 400 bad_grant".to_owned());
        assert_eq!(stats.error_count(), 3);
        assert_eq!(stats.errors()["connect: refused"], 2);
        assert_eq!(stats.worst(1), "2 × connect: refused, …");
        assert_eq!(Stats::default().worst(1), "");
    }

    #[test]
    fn reasons_are_bounded() {
        let mut stats = Stats::default();
        for reason in 0..2 * REASONS {
            stats.fail(reason.to_string());
        }
        stats.fail("0".to_owned());
        assert_eq!(stats.errors().len(), REASONS + 1);
        assert_eq!(stats.errors()[OTHERS], REASONS as u64);
        assert_eq!(stats.errors()["0"], 2);
    }
}
