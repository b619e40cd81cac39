//! Latencies by phase and errors by reason.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

/// The longest that can be told apart; more is counted as this.
const LONGEST_US: u64 = 600_000_000;

/// What a run measured.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    phases: BTreeMap<&'static str, Histogram<u64>>,
    errors: BTreeMap<String, u64>,
}

/// One phase, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
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

impl Stats {
    /// Counts one latency.
    pub(crate) fn record(&mut self, phase: &'static str, latency: Duration) -> anyhow::Result<()> {
        let histogram = match self.phases.entry(phase) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                entry.insert(Histogram::new_with_bounds(1, LONGEST_US, 3)?)
            }
        };
        histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US));
        Ok(())
    }

    /// Counts one error.
    pub(crate) fn fail(&mut self, reason: String) {
        *self.errors.entry(reason).or_default() += 1;
    }

    pub(crate) fn errors(&self) -> &BTreeMap<String, u64> {
        &self.errors
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors.values().sum()
    }

    pub(crate) fn phase(&self, name: &str) -> Option<&Histogram<u64>> {
        self.phases
            .get(name)
            .filter(|histogram| !histogram.is_empty())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_of_known_values() {
        let mut stats = Stats::default();
        for ms in 1..=1000 {
            stats.record("pending", Duration::from_millis(ms)).unwrap();
        }
        let summary = stats.summary("pending").unwrap();
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
    }

    #[test]
    fn absurd_latency_is_capped() {
        let mut stats = Stats::default();
        stats.record("whole", Duration::from_secs(1 << 40)).unwrap();
        assert!(stats.summary("whole").unwrap().max_us >= LONGEST_US);
    }

    #[test]
    fn errors_are_counted_by_reason() {
        let mut stats = Stats::default();
        stats.fail("connect: refused".to_owned());
        stats.fail("connect: refused".to_owned());
        stats.fail("redeem: HTTP 400 bad_grant".to_owned());
        assert_eq!(stats.error_count(), 3);
        assert_eq!(stats.errors()["connect: refused"], 2);
    }
}
