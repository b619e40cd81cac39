//! What happened when: a row a second.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use crate::{process::Usage, stats::Interval};

/// About a second.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Row {
    /// Seconds since the run began.
    pub(crate) at_s: f64,
    /// How long this row is: about a second, less where a step ended.
    pub(crate) took_s: f64,
    /// What the run was doing.
    pub(crate) step: String,
    pub(crate) connected: i64,
    pub(crate) scanned: u64,
    pub(crate) authorized: u64,
    pub(crate) errors: u64,
    pub(crate) phases: BTreeMap<String, Moment>,
    /// Of each gateway process, in the order of `--pid`.
    pub(crate) gateways: Vec<Load>,
    /// Of all processes of this program.
    pub(crate) generator: Load,
}

/// One phase within a second.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Moment {
    pub(crate) count: u64,
    pub(crate) p50_us: u64,
    pub(crate) p99_us: u64,
}

/// What processes used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Load {
    /// Processors kept busy.
    pub(crate) cpu: f64,
    /// Resident memory, in bytes.
    pub(crate) memory: u64,
}

impl Load {
    /// Between two samples.
    pub(crate) fn between(before: Usage, after: Usage, took: Duration) -> Self {
        Self {
            cpu: after.cpu_since(before).as_secs_f64() / took.as_secs_f64().max(1e-3),
            memory: after.memory,
        }
    }

    pub(crate) fn sum(loads: impl Iterator<Item = Self>) -> Self {
        loads.fold(Self::default(), |sum, load| Self {
            cpu: sum.cpu + load.cpu,
            memory: sum.memory + load.memory,
        })
    }
}

impl Row {
    /// What the workers told of this second; `connected` is how many pages there are now.
    pub(crate) fn of(interval: &Interval, connected: i64) -> Self {
        let phases = interval.stats.names().filter_map(|name| {
            let summary = interval.stats.summary(name)?;
            let moment = Moment {
                count: summary.count,
                p50_us: summary.p50_us,
                p99_us: summary.p99_us,
            };
            Some((name.to_owned(), moment))
        });
        Self {
            connected,
            scanned: interval.scanned,
            authorized: interval.authorized,
            errors: interval.stats.error_count(),
            phases: phases.collect(),
            ..Self::default()
        }
    }
}
